#!/usr/bin/env bash
# A tour of mappings that a bucket keeps, beside an entry of somebody else: everything that it prints is what a person would see
# who typed the same.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$here/provisioner.yaml" "$here/seed.yaml" "$here/by_hand.py" "$work"
cd "$work"

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

say 'The sandbox plays AWS on this machine: no account, no network.'
printf '$ provisioner sandbox --seed seed.yaml &\n'
provisioner sandbox --port 0 --seed seed.yaml >sandbox.log &
sandbox=$!
for _ in $(seq 300); do
  grep -q '^export ' sandbox.log && break
  kill -0 "$sandbox"
  sleep 0.1
done
cat sandbox.log
eval "$(grep '^export ' sandbox.log)"

say 'The bucket has an entry already: somebody made it in the console.'
run python by_hand.py entries media-uploads

say 'Create three mappings. Each shows the statement that lets S3 invoke its function. (Without --auto-approve, apply asks first.)'
run provisioner apply --auto-approve

say 'They are entries of the bucket now. What was there before is as it was.'
run python by_hand.py entries media-uploads

say 'Nothing is left to do.'
run provisioner plan

say 'Somebody removes a statement by hand. The bucket still has the entry, but S3 may not invoke the function: its events are lost.'
statement=$(provisioner state show transcripts 2>/dev/null | grep -o 'provisioner-[0-9a-f]*-[0-9a-f]*' | sed -n 1p)
run python by_hand.py remove-permission transcriber "$statement"
run provisioner status || true
run provisioner apply --auto-approve

say 'One event may have one destination. A mapping that overlaps with the entry from the console is not possible, and the plan says so.'
run cp provisioner.yaml before.yaml
removed='
  removed:
    function_name: transcriber
    event_source_arn: arn:aws:s3:::media-uploads
    events: ["s3:ObjectRemoved:Delete"]'
printf "$ cat >>provisioner.yaml <<'END'\n%s\nEND\n" "$removed"
printf '%s\n' "$removed" >>provisioner.yaml
run provisioner plan
run mv before.yaml provisioner.yaml

say 'The entry from the console is imported by its bucket and its id, together with its statement.'
run provisioner import janitor s3:media-uploads/made-in-the-console --write
run tail -n 8 provisioner.yaml
run provisioner plan

say 'Delete everything that the stack manages. What goes to EventBridge stays.'
run provisioner destroy --auto-approve
run python by_hand.py entries media-uploads
run provisioner state list
