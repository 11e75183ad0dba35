# What is replaced, and which attributes force it; none when it was requested.
.resource_changes[]
| select(.change.actions | contains(["create", "delete"]))
| {address, forced_by: [.change.replace_paths[]? | map(tostring) | join(".")]}
