"""JSON and YAML of the AWS CLI."""
