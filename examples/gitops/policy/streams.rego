# A replacement does not begin at LATEST, which skips what arrives in between, and no batch is larger than our functions are
# tested with.
package main

import rego.v1

largest_batch := 1000

deny contains message if {
	some resource in input.resource_changes
	resource.type == "aws_lambda_event_source_mapping"
	{"create", "delete"} == {action | some action in resource.change.actions}
	resource.change.after.starting_position == "LATEST"
	message := sprintf("%s would be replaced and begin at LATEST", [resource.address])
}

deny contains message if {
	some resource in input.resource_changes
	resource.type == "aws_lambda_event_source_mapping"
	resource.change.after.batch_size > largest_batch
	message := sprintf("%s has batch_size %d; at most %d is allowed", [
		resource.address,
		resource.change.after.batch_size,
		largest_batch,
	])
}
