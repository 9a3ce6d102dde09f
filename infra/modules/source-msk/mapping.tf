# A mapping for each topic: Lambda takes no more than one.
#
# There is no filter on purpose: what a filter leaves out is a hole in the offsets that nobody declared.
resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.topics

  function_name    = var.function.alias_arn
  event_source_arn = local.cluster_arn
  topics           = [each.value]
  enabled          = var.enabled

  starting_position                  = var.starting_position
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_secs
  function_response_types            = var.failures == "partial" ? ["ReportBatchItemFailures"] : null

  dynamic "amazon_managed_kafka_event_source_config" {
    for_each = var.consumer_group == null ? [] : [var.consumer_group]

    content {
      consumer_group_id = "${amazon_managed_kafka_event_source_config.value}-${each.value}"
    }
  }

  dynamic "provisioned_poller_config" {
    for_each = var.provisioned_pollers == null ? [] : [var.provisioned_pollers]

    content {
      minimum_pollers = provisioned_poller_config.value.minimum
      maximum_pollers = provisioned_poller_config.value.maximum
    }
  }

  dynamic "destination_config" {
    for_each = var.on_failure_destination_arn == null ? [] : [var.on_failure_destination_arn]

    content {
      on_failure {
        destination_arn = destination_config.value
      }
    }
  }

  # Lambda tries the role when the mapping is made.
  depends_on = [aws_iam_role_policy.this]
}
