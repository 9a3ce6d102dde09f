# The function that tells Slack, Telegram and webhooks; only where there is one of them.

locals {
  places   = compact([var.channels.slack, try(var.channels.telegram.token, null), var.channels.webhook])
  notifies = length(local.places) == 0 ? 0 : 1

  # `ssm:/penstock/slack` is the parameter /penstock/slack; Secrets Manager adds six letters to a name.
  parameters = [for place in local.places : trimprefix(trimprefix(place, "ssm:"), "/") if startswith(place, "ssm:")]
  secrets    = [for place in local.places : trimprefix(place, "secretsmanager:") if startswith(place, "secretsmanager:")]
}

module "notify" {
  source = "../function"
  count  = local.notifies

  name        = "${var.name}-notify"
  description = "Tells people of alarms"

  package            = var.package
  architecture       = var.architecture
  memory_mb          = 128
  timeout_secs       = 60
  tracing            = var.tracing
  log_retention_days = var.log_retention_days

  # One process, because what it has told it remembers itself.
  reserved_concurrency = 1
  # What could not be told is tried twice more, minutes later, and is then kept.
  asynchronous = {
    maximum_retries       = 2
    maximum_age_secs      = 21600
    dead_letter_queue_arn = aws_sqs_queue.undelivered[0].arn
  }

  environment = {
    for name, value in {
      PENSTOCK_LOG                  = var.log
      PENSTOCK_NOTIFY_SLACK         = var.channels.slack
      PENSTOCK_NOTIFY_TELEGRAM      = try(var.channels.telegram.token, null)
      PENSTOCK_NOTIFY_TELEGRAM_CHAT = try(var.channels.telegram.chat, null)
      PENSTOCK_NOTIFY_TELEGRAM_API  = try(var.channels.telegram.api, null)
      PENSTOCK_NOTIFY_WEBHOOK       = var.channels.webhook
      PENSTOCK_NOTIFY_QUIET_MINUTES = var.channels.quiet_minutes
    } : name => tostring(value) if value != null
  }

  secrets = {
    parameter_arns = [for name in local.parameters : "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter/${name}"]
    secret_arns = [
      for name in local.secrets :
      startswith(name, "arn:") ? name : "arn:${local.partition}:secretsmanager:${local.region}:${local.account_id}:secret:${name}-??????"
    ]
    kms_key_arn = var.channels.kms_key_arn
  }
}

resource "aws_sns_topic_subscription" "notify" {
  count = local.notifies

  topic_arn = aws_sns_topic.this.arn
  protocol  = "lambda"
  endpoint  = module.notify[0].function.alias_arn
  # What SNS cannot hand over is kept as well.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered[0].arn })
}

resource "aws_lambda_permission" "topic" {
  count = local.notifies

  statement_id  = "the-topic-of-alarms-calls-it"
  function_name = module.notify[0].function.name
  qualifier     = "live"
  action        = "lambda:InvokeFunction"
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.this.arn
}

# Alarms that nobody could be told of. It has an alarm itself, which e-mail tells.
resource "aws_sqs_queue" "undelivered" {
  count = local.notifies

  name                      = "${var.name}-notify-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "undelivered" {
  count = local.notifies

  queue_url = aws_sqs_queue.undelivered[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheTopicOfAlarmsLeavesWhatItCannotHandOver"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.undelivered[0].arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.this.arn } }
    }]
  })
}
