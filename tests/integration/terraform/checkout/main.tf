variable "colour" { type = string }
resource "aws_lambda_event_source_mapping" "this" {
  for_each         = toset(["sqs", "late", "early"])
  function_name    = "checkout-${var.colour}"
  event_source_arn = "arn:aws:sqs:eu-west-1:123456789012:checkout-${var.colour}-${each.key}"
  filter_criteria {
    filter {
      pattern = jsonencode({ body = { colour = [var.colour] } })
    }
    filter {
      pattern = jsonencode({ body = { price = [{ numeric = [">", 100] }] } })
    }
  }
}
