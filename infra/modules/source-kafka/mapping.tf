# A mapping for each topic: Lambda takes no more than one.
#
# There is no filter on purpose: what a filter leaves out is a hole in the offsets that nobody declared.
resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.topics

  function_name = var.function.alias_arn
  topics        = [each.value]
  enabled       = var.enabled

  starting_position                  = var.starting_position
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_secs
  function_response_types            = var.failures == "partial" ? ["ReportBatchItemFailures"] : null

  self_managed_event_source {
    endpoints = { KAFKA_BOOTSTRAP_SERVERS = join(",", var.bootstrap_servers) }
  }

  dynamic "self_managed_kafka_event_source_config" {
    for_each = var.consumer_group == null ? [] : [var.consumer_group]

    content {
      consumer_group_id = "${self_managed_kafka_event_source_config.value}-${each.value}"
    }
  }

  dynamic "source_access_configuration" {
    for_each = local.access

    content {
      type = source_access_configuration.value.type
      uri  = source_access_configuration.value.uri
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

locals {
  # What Lambda calls "source access": how the brokers know it, how it knows them, and where it reaches them from.
  access = concat(
    [for authentication in [var.authentication] : { type = local.types[authentication.kind], uri = authentication.secret_arn } if authentication != null],
    [for arn in compact([var.ca_certificate_secret_arn]) : { type = "SERVER_ROOT_CA_CERTIFICATE", uri = arn }],
    [for id in try(var.network.subnet_ids, []) : { type = "VPC_SUBNET", uri = "subnet:${id}" }],
    [for id in try(var.network.security_group_ids, []) : { type = "VPC_SECURITY_GROUP", uri = "security_group:${id}" }],
  )

  types = {
    plain       = "BASIC_AUTH"
    scram-256   = "SASL_SCRAM_256_AUTH"
    scram-512   = "SASL_SCRAM_512_AUTH"
    certificate = "CLIENT_CERTIFICATE_TLS_AUTH"
  }
}
