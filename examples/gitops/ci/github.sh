# shellcheck shell=bash
# Sourced by the others: what they ask of GitHub.

# mine PATH MARKER FILTER: what a jq filter gives of each comment or issue that the workflow wrote and that begins with a marker.
# By the author, because anybody can write a comment that begins with a marker and names a hash.
mine() {
  gh api --paginate "repos/$GITHUB_REPOSITORY/$1" \
    --jq ".[] | select(.user.login == \"github-actions[bot]\" and (.body // \"\" | startswith(\"$2\"))) | $3"
}

# comment NUMBER FILE: make or update the one comment that begins with the file's first line.
comment() {
  local marker id
  marker=$(sed -n 1p "$2")
  id=$(mine "issues/$1/comments" "$marker" .id | sed -n 1p)
  if [ -n "$id" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --field "body=@$2"
  else
    gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$1/comments" --field "body=@$2"
  fi
}

# merged: number and head of the pull request that made the commit GITHUB_SHA.
merged() {
  gh api "repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" \
    --jq ".[] | select(.merged_at and .merge_commit_sha == \"$GITHUB_SHA\") | \"\(.number) \(.head.sha)\""
}

# fenced FILE: its end, as it is, short enough for a comment.
fenced() {
  printf '~~~~~~~~\n%s\n~~~~~~~~\n' "$(tail -c 20000 "$1")"
}

# add_plan FILE ARGUMENT...: append what would be done now, or only its hash where it is too long: GitHub takes 65,536 characters.
add_plan() {
  local file=$1
  shift
  provisioner plan "$@" --format markdown >plan.md || true
  if [ "$(cat "$file" plan.md | wc -c)" -lt 65000 ]; then
    sed 1d plan.md >>"$file"
  else
    grep '^Account ' plan.md | sed -n 1p >>"$file"
  fi
}
