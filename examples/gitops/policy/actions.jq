# How many mappings meet each action: {"create": 2, "delete+create": 1}.
[.resource_changes[].change.actions | join("+")]
| group_by(.)
| map({(.[0]): length})
| add // {}
