# There is no filter on purpose: what a filter leaves out would be missing without a trace.
resource "aws_lambda_event_source_mapping" "this" {
  function_name    = var.function.alias_arn
  event_source_arn = local.stream_arn
  enabled          = var.enabled

  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_secs
  parallelization_factor             = var.parallelization_factor
  function_response_types            = var.failures == "partial" ? ["ReportBatchItemFailures"] : null

  # Until it succeeds, or the stream forgets it: a batch never fails because of its records, so trying again is right.
  maximum_retry_attempts        = -1
  maximum_record_age_in_seconds = -1

  # Lambda tries the role when the mapping is made.
  depends_on = [aws_iam_role_policy.this]
}
