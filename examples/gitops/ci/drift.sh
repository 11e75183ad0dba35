#!/usr/bin/env bash
# Looks for drift in ENVIRONMENT, and keeps one issue about it: opens, updates and closes it. Exits with 2 when there is drift.
set -euo pipefail
. "$(dirname "$0")/github.sh"

manifest=(-f esm --var-file "esm/env/$ENVIRONMENT.yaml")
code=0
provisioner drift "${manifest[@]}" --format markdown >drift.md || code=$?
case $code in 0 | 2) ;; *) exit "$code" ;; esac
cat drift.md >>"$GITHUB_STEP_SUMMARY"

issue=$(mine 'issues?state=open' "$(sed -n 1p drift.md)" .number | sed -n 1p)
if [ "$code" = 0 ]; then
  if [ -n "$issue" ]; then
    gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$issue/comments" --raw-field body='There is no drift any more.'
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/$issue" --raw-field state=closed
  fi
  exit 0
fi

cp drift.md issue.md
printf '\nTo put it back, run the workflow by hand with the hash of this plan. To keep it, write it into the manifest.\n' >>issue.md
add_plan issue.md "${manifest[@]}"
if [ -n "$issue" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/$issue" --field body=@issue.md
else
  gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues" --raw-field "title=Drift in $STACK" --field body=@issue.md
fi
exit 2
