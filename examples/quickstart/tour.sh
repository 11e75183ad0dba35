#!/usr/bin/env bash
# A tour of provisioner: everything that it prints is what a person would see who typed the same.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$here/provisioner.yaml" "$here/seed.yaml" "$work"
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

say 'What would be created?'
run provisioner plan

say 'Create it. (Without --auto-approve, apply asks first.)'
run provisioner apply --auto-approve

say 'Nothing is left to do.'
run provisioner plan

say 'Edit the manifest: a larger batch, one setting back to its default.'
run sed -i.orig -e 's/batch_size: 500/batch_size: 1000/' -e '/maximum_retry_attempts/d' provisioner.yaml
run provisioner apply --auto-approve

say 'Somebody disables a mapping by hand. The plan says that the world moved, not the manifest.'
uuid=$(provisioner state list 2>/dev/null | awk '$1 == "orders" { print $2 }')
printf '$ aws lambda update-event-source-mapping --no-enabled --uuid %s\n' "$uuid"
python - "$uuid" <<'PY'
import sys

import boto3

boto3.client("lambda").update_event_source_mapping(UUID=sys.argv[1], Enabled=False)
PY
run provisioner plan
run provisioner apply --auto-approve

say 'A mapping made elsewhere is imported by its UUID; its entry is added to the manifest.'
printf '$ aws lambda create-event-source-mapping --function-name orders-worker --event-source-arn ...:orders --batch-size 5\n'
uuid=$(python - <<'PY'
import boto3

arn = "arn:aws:sqs:eu-west-1:123456789012:orders"
made = boto3.client("lambda").create_event_source_mapping(FunctionName="orders-worker", EventSourceArn=arn, BatchSize=5)
print(made["UUID"])
PY
)
run provisioner import orders-again "$uuid" --write
run provisioner plan

say 'Rename a mapping: same queue, same function, so no call is made.'
run sed -i.orig -e 's/^  orders-again:/  orders-second:/' provisioner.yaml
run provisioner apply --auto-approve

say 'Delete everything that the stack manages.'
run provisioner destroy --auto-approve
run provisioner state list
