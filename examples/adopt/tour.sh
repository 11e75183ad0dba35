#!/usr/bin/env bash
# A tour of mappings that exist already: found, taken over from Terraform without a change, and watched. Everything that it prints is
# what a person would see who typed the same.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$here/seed.yaml" "$here/others.py" "$here/template.yaml" "$work"
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

say 'Terraform has three mappings. (A script plays it, so that the tour needs no Terraform.)'
run python others.py terraform-apply

say 'What exists, and who manages it? The state of Terraform names what it has.'
run provisioner discover --names-from terraform.tfstate

say 'Write a manifest of it, with imports. Nothing changes in AWS.'
run provisioner discover --names-from terraform.tfstate --write fleet --name fleet
run cat fleet/mappings/terraform-terraform-tfstate.yaml

say 'The plan imports every mapping and changes none. It is not applied yet: Terraform still has them.'
run provisioner plan -f fleet

say 'How does Terraform let go of them?'
run provisioner handover terraform.tfstate -f fleet

say 'Is it done? Not yet: exit code 2.'
run provisioner handover terraform.tfstate --verify -f fleet || printf 'exit code %s\n' "$?"

say 'Terraform applies the `removed` blocks. Its state has the mappings no more, and they run on.'
run python others.py terraform-forgets
run provisioner handover terraform.tfstate --verify -f fleet

say 'Record them. After that nothing is left to do.'
run provisioner apply -f fleet --auto-approve
run provisioner plan -f fleet

say 'Somebody makes a mapping in the console. A scheduled job finds it: exit code 2.'
run python others.py console
run provisioner discover -f fleet --unmanaged --check || printf 'exit code %s\n' "$?"

say 'Written again, only what is new is added.'
run provisioner discover -f fleet --write fleet
run provisioner plan -f fleet

say 'Undo it: what is forgotten keeps running.'
run provisioner state rm clicks orders queue-refunds -f fleet
run provisioner state list -f fleet

say 'A file alone is converted without AWS. What it does not say becomes a variable.'
run provisioner convert template.yaml
run provisioner convert template.yaml --region eu-west-1 --account 123456789012 --param Batch=50
