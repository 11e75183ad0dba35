#!/usr/bin/env bash
# Mappings that a bucket keeps, beside an entry of somebody else: plan, apply, change, drift, import and destroy.
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

entries() {
  printf '$ aws s3api get-bucket-notification-configuration --bucket %s\n' "$1"
  python - "$1" <<'PY'
import sys

import boto3

found = boto3.client("s3").get_bucket_notification_configuration(Bucket=sys.argv[1])
for entry in found.get("LambdaFunctionConfigurations", []):
    print(entry["Id"], entry["LambdaFunctionArn"].rpartition("function:")[2], *entry["Events"])
print("EventBridge is", "on" if "EventBridgeConfiguration" in found else "off")
PY
}

say 'The bucket has an entry that somebody made in the console.'
entries media-uploads

say 'What would be created? Each mapping shows the statement that lets S3 invoke its function.'
run provisioner plan

say 'Create it: one write for each bucket.'
run provisioner apply --auto-approve
entries media-uploads

say 'Nothing is left to do.'
run provisioner plan
run provisioner status

say 'Somebody removes the statement of a function: S3 still has the entry, and the events are lost.'
printf '$ aws lambda remove-permission --function-name transcriber --statement-id ...\n'
python - <<'PY'
import json

import boto3

client = boto3.client("lambda")
policy = json.loads(client.get_policy(FunctionName="transcriber")["Policy"])
[ours] = [item["Sid"] for item in policy["Statement"] if "media-uploads" in json.dumps(item)]
client.remove_permission(FunctionName="transcriber", StatementId=ours)
PY
run provisioner status || true
run provisioner apply --auto-approve

say 'Two entries must not overlap: the plan says so before anything is written.'
run sed -i.orig -e 's/^  reports:/  all-removed:\n    function_name: transcriber\n    event_source_arn: arn:aws:s3:::media-uploads\n    events: ["s3:ObjectRemoved:Delete"]\n\n  reports:/' provisioner.yaml
run provisioner plan
run mv provisioner.yaml.orig provisioner.yaml

say 'The entry from the console is imported by bucket and id, with its statement.'
run provisioner import janitor s3:media-uploads/made-in-the-console --write
run provisioner plan

say 'Delete everything that the stack manages. What EventBridge gets stays.'
run provisioner destroy --auto-approve
entries media-uploads
