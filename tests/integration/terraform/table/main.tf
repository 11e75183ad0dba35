resource "aws_lambda_event_source_mapping" "this" {
  count                      = 5
  function_name              = "table-${count.index}"
  event_source_arn           = "arn:aws:dynamodb:eu-west-1:123456789012:table/customers/stream/2026-01-01T00:00:00.000"
  starting_position          = "LATEST"
  tumbling_window_in_seconds = 60 * count.index
  parallelization_factor     = count.index == 0 ? 5 : 1
  tags                       = { number = tostring(count.index) }
}
resource "aws_lambda_event_source_mapping" "main" {
  count                              = 4
  function_name                      = "late-${count.index}"
  event_source_arn                   = "arn:aws:sqs:eu-west-1:123456789012:late-${count.index}"
  maximum_batching_window_in_seconds = 20
  batch_size                         = 100
  metrics_config {
    metrics = ["EventCount"]
  }
}
