terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
variable "endpoint" { type = string }
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  default_tags {
    tags = { made-by = "terraform" }
  }
  endpoints {
    lambda = var.endpoint
    sts    = var.endpoint
    s3     = var.endpoint
  }
}
locals { queues = toset(["orders", "paid", "refunds", "audit-log", "Mixed_Case"]) }
resource "aws_lambda_event_source_mapping" "queue" {
  for_each         = local.queues
  function_name    = "worker-${each.key}"
  event_source_arn = "arn:aws:sqs:eu-west-1:123456789012:${each.key}"
  batch_size       = 5
  scaling_config {
    maximum_concurrency = 7
  }
  function_response_types = ["ReportBatchItemFailures"]
}
resource "aws_lambda_event_source_mapping" "stream" {
  count                          = 5
  function_name                  = "reader-${count.index}"
  event_source_arn               = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
  starting_position              = "TRIM_HORIZON"
  maximum_retry_attempts         = count.index
  maximum_record_age_in_seconds  = 3600
  bisect_batch_on_function_error = true
  destination_config {
    on_failure {
      destination_arn = "arn:aws:sqs:eu-west-1:123456789012:dead"
    }
  }
}
resource "aws_lambda_event_source_mapping" "fifo" {
  function_name    = "arn:aws:lambda:eu-west-1:123456789012:function:fifo:live"
  event_source_arn = "arn:aws:sqs:eu-west-1:123456789012:first.fifo"
  enabled          = false
}
resource "aws_lambda_event_source_mapping" "msk" {
  function_name     = "events"
  event_source_arn  = "arn:aws:kafka:eu-west-1:123456789012:cluster/events/11111111-2222-3333-4444-555555555555-1"
  topics            = ["t1"]
  starting_position = "LATEST"
}
resource "aws_lambda_event_source_mapping" "kafka" {
  function_name     = "events"
  topics            = ["t1"]
  starting_position = "TRIM_HORIZON"
  self_managed_event_source {
    endpoints = { KAFKA_BOOTSTRAP_SERVERS = "b2.example.com:9092,b1.example.com:9092" }
  }
  source_access_configuration {
    type = "VPC_SUBNET"
    uri  = "subnet:subnet-12345678"
  }
  source_access_configuration {
    type = "VPC_SECURITY_GROUP"
    uri  = "security_group:sg-12345678"
  }
}
resource "aws_lambda_event_source_mapping" "mq" {
  function_name    = "broker"
  event_source_arn = "arn:aws:mq:eu-west-1:123456789012:broker:orders:b-11111111-2222-3333-4444-555555555555"
  queues           = ["q1"]
  source_access_configuration {
    type = "BASIC_AUTH"
    uri  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mq-abcdef"
  }
}
resource "aws_lambda_event_source_mapping" "documents" {
  function_name     = "docs"
  event_source_arn  = "arn:aws:rds:eu-west-1:123456789012:cluster:docs"
  starting_position = "LATEST"
  document_db_event_source_config {
    database_name = "shop"
  }
  source_access_configuration {
    type = "BASIC_AUTH"
    uri  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:docdb-abcdef"
  }
}
module "checkout" {
  for_each = toset(["blue", "green"])
  source   = "./checkout"
  colour   = each.key
}
module "table" { source = "./table" }
