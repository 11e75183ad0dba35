# What was changed outside the manifest: a table of address, attribute, the recorded value, the live value.
.resource_drift[]?
| .address as $address
| .change
| if .after == null then
    [$address, "(deleted)", "", ""]
  else
    .before as $before
    | .after
    | to_entries[]
    | select(.key != "tags_all" and .value != $before[.key])
    | [$address, .key, ($before[.key] | tojson), (.value | tojson)]
  end
| @tsv
