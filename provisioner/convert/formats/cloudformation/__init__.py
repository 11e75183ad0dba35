"""CloudFormation templates, also those of the CDK and of AWS SAM."""
