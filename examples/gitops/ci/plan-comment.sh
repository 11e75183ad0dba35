#!/usr/bin/env bash
# Plans ENVIRONMENT, and keeps the plan in one comment of PULL_REQUEST, whose head is HEAD_SHA. Exits as the plan does.
set -euo pipefail
. "$(dirname "$0")/github.sh"

code=0
provisioner plan -f esm --var-file "esm/env/$ENVIRONMENT.yaml" --format markdown >plan.md 2>plan.log || code=$?
cat plan.log >&2

{
  echo "<!-- provisioner:$STACK -->"
  if [ "$code" = 0 ]; then
    # What may be applied once this is merged. No text of the manifest stands so far up, so none can pretend to be this line.
    hash=$(sed -n 's/^Account .*, plan `\(.*\)`$/\1/p' plan.md | sed -n 1p)
    echo "<!-- plan $hash of commit $HEAD_SHA -->"
  fi
  if [ -s plan.md ]; then
    sed 1d plan.md
  else
    printf '\n### `%s`: the plan failed\n\n' "$STACK"
    fenced plan.log
  fi
} >plan-comment.md

cat plan-comment.md >>"$GITHUB_STEP_SUMMARY"
comment "$PULL_REQUEST" plan-comment.md
exit "$code"
