# A mapping is neither destroyed nor replaced, unless it says that it may be: by the tag disposable = "true".
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "aws_lambda_event_source_mapping"
	"delete" in resource.change.actions
	not resource.change.before.tags.disposable == "true"
	message := sprintf("%s would be destroyed, and has no tag disposable=true", [resource.address])
}
