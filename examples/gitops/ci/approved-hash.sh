#!/usr/bin/env bash
# Prints the hash of the plan of STACK that was approved by merging: the one that the workflow wrote into the pull request's
# comment, for the very commit that was merged.
set -euo pipefail
. "$(dirname "$0")/github.sh"

pull=$(merged)
read -r number head <<<"$pull"
if [ -z "$number" ]; then
  echo "::error::no merged pull request made the commit $GITHUB_SHA, so nothing was approved" >&2
  exit 1
fi

hash=$(mine "issues/$number/comments" "<!-- provisioner:$STACK -->" '.body | split("\n")[1] // ""' |
  tr -d '\r' | sed -n "s/^<!-- plan \(v[0-9]*:[0-9a-f]*\) of commit $head -->$/\1/p" | sed -n 1p)
if [ -z "$hash" ]; then
  echo "::error::pull request #$number has no plan of $STACK for its last commit $head" >&2
  exit 1
fi
echo "$hash"
