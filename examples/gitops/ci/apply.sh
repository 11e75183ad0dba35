#!/usr/bin/env bash
# Applies ENVIRONMENT, if what would be done now is what was approved: PLAN_HASH, or else the plan of the merged pull request, in
# which the result is posted. Exits as the apply does: with 4 when the plan is another one.
set -euo pipefail
. "$(dirname "$0")/github.sh"

manifest=(-f esm --var-file "esm/env/$ENVIRONMENT.yaml")
number=
if [ -z "${PLAN_HASH:-}" ]; then
  PLAN_HASH=$("$(dirname "$0")/approved-hash.sh")
  pull=$(merged)
  number=${pull% *}
fi

code=0
provisioner apply "${manifest[@]}" --expect-plan-hash "$PLAN_HASH" --lock-timeout 10m 2>&1 | tee apply.log || code=$?

case $code in
  0) headline='applied' ;;
  3) headline='applied in part' ;;
  4) headline='not applied, because the plan is no longer the one that was approved' ;;
  5) headline='not applied, because somebody else holds the state' ;;
  *) headline='the apply failed' ;;
esac
printf '<!-- provisioner:%s:apply -->\n\n### `%s`: %s\n\n' "$STACK" "$STACK" "$headline" >apply.md
if [ "$code" != 4 ]; then
  fenced apply.log >>apply.md
fi
if [ "$code" = 3 ] || [ "$code" = 4 ]; then
  printf '\nThis is what would be done now. To approve it, run the workflow by hand with its hash.\n' >>apply.md
  add_plan apply.md "${manifest[@]}"
fi

cat apply.md >>"$GITHUB_STEP_SUMMARY"
if [ -n "$number" ]; then
  # What became of the apply decides over the job, not whether it could be posted.
  comment "$number" apply.md || echo "::warning::the result could not be posted in pull request #$number"
fi
exit "$code"
