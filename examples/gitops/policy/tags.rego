# Every mapping that a plan makes or changes names the team that is called when it stops.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "aws_lambda_event_source_mapping"
	some action in resource.change.actions
	action in {"create", "update"}
	not resource.change.after.tags.team
	message := sprintf("%s has no tag team", [resource.address])
}
