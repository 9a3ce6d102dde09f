mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:p-alarms" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:111122223333:p-notify-undelivered", url = "https://sqs/p-notify-undelivered" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/p-notify" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/p-notify" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "7" }
  }
  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:p-notify:live" }
  }
}

variables {
  name    = "p"
  dataset = "iot"
  sources = {
    main   = { function = "p-ingest-main", kind = "kafka" }
    stream = { function = "p-ingest-stream", kind = "kinesis" }
  }
  refine = "p-refine"
  # Any file will do: nobody looks into it here.
  package      = "versions.tf"
  architecture = "arm64"
}

run "each_alarm_is_there_for_each_thing_that_it_is_about" {
  assert {
    condition = alltrue([
      for name in ["ingest-errors-main", "ingest-errors-stream", "lag-kafka-main", "lag-kinesis-stream", "refine-errors", "rejects-share"] :
      contains(output.alarms, "p-${name}")
    ]) && length(setintersection(output.alarms, ["p-lag-kafka-stream", "p-lag-kinesis-main", "p-tables-errors", "p-events-too-few", "p-cost"])) == 0
    error_message = "the alarms are others: ${jsonencode(output.alarms)}"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].namespace == "AWS/Lambda" &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].metric_name == "OffsetLag" &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].dimensions == tomap({ FunctionName = "p-ingest-main" }) &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].comparison_operator == "GreaterThanThreshold" &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].threshold == local.definitions["lag-kafka"].threshold &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].period == local.definitions["lag-kafka"].period_secs &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].evaluation_periods == local.definitions["lag-kafka"].periods &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].treat_missing_data == local.definitions["lag-kafka"].missing
    )
    error_message = "the alarm of a topic's lag is another one"
  }

  assert {
    condition = toset(flatten([
      for query in aws_cloudwatch_metric_alarm.this["rejects-share"].metric_query : query.metric[*].metric_name
    ])) == toset(["EventsReceived", "EventsRejected"])
    error_message = "the share of rejects is reckoned otherwise"
  }

  assert {
    condition     = length(module.notify) == 0 && output.notify == null && length(aws_sqs_queue.undelivered) == 0
    error_message = "without channels there is no function"
  }
}

run "tables_have_an_alarm_where_there_are_any" {
  command = plan

  variables {
    tables = "p-tables"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["tables-errors"].dimensions == tomap({ FunctionName = "p-tables" })
    error_message = "nobody hears that the tables stand still"
  }
}

run "alarms_tell_the_topic_when_they_begin_and_when_they_end" {
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset([aws_sns_topic.this.arn]) && alarm.ok_actions == toset([aws_sns_topic.this.arn])
    ])
    error_message = "an alarm tells nobody, or not that it is over"
  }

  assert {
    condition     = endswith(aws_cloudwatch_metric_alarm.this["refine-errors"].alarm_description, "\nRunbook: docs/runbook.md#${local.definitions["refine-errors"].runbook}")
    error_message = "an alarm does not say where its section of the runbook is"
  }

  assert {
    condition = jsondecode(aws_sns_topic_policy.this.policy).Statement == [{
      Sid       = "AlarmsOfThisAccountTellIt"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = "arn:aws:sns:eu-central-1:111122223333:p-alarms"
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:p-*" }
      }
    }]
    error_message = "others may publish: ${aws_sns_topic_policy.this.policy}"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_composite_alarm.any.alarm_rule, "ALARM(\"p-refine-errors\")") && length(split(" OR ", aws_cloudwatch_composite_alarm.any.alarm_rule)) == length(output.alarms)
    error_message = "the light for everything is another one: ${aws_cloudwatch_composite_alarm.any.alarm_rule}"
  }
}

run "thresholds_switch_on_and_off_switches_off" {
  variables {
    thresholds    = { events-too-few = 100, events-too-many = 100000, lag-kafka = 5 }
    off           = ["refine-silent"]
    queues        = ["given-up"]
    runbook_url   = "https://example.org/runbook"
    dashboard_url = "https://example.org/dashboard"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["events-too-few"].threshold == 100 &&
      aws_cloudwatch_metric_alarm.this["events-too-few"].comparison_operator == "LessThanThreshold" &&
      aws_cloudwatch_metric_alarm.this["events-too-few"].treat_missing_data == "breaching" &&
      aws_cloudwatch_metric_alarm.this["events-too-many"].threshold == 100000 &&
      aws_cloudwatch_metric_alarm.this["lag-kafka-main"].threshold == 5 &&
      aws_cloudwatch_metric_alarm.this["letters-given-up"].dimensions == tomap({ QueueName = "given-up" }) &&
      !contains(output.alarms, "p-refine-silent")
    )
    error_message = "thresholds, or what is off, are not heeded"
  }

  assert {
    condition = endswith(
      aws_cloudwatch_metric_alarm.this["refine-errors"].alarm_description,
      "\nRunbook: https://example.org/runbook#${local.definitions["refine-errors"].runbook}\nDashboard: https://example.org/dashboard"
    )
    error_message = "the links are others"
  }
}

run "channels_get_a_function_that_may_read_their_secrets_and_nothing_else" {
  variables {
    tracing = false
    emails  = ["on-call@example.org"]
    channels = {
      slack         = "ssm:/penstock/slack"
      telegram      = { token = "secretsmanager:penstock/telegram", chat = "-100" }
      webhook       = "ssm:webhook"
      quiet_minutes = 5
      kms_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/1"
    }
  }

  assert {
    condition = jsonencode(module.notify[0].statements) == jsonencode([
      {
        Sid      = "WriteItsOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/p-notify:*"]
      },
      {
        Sid    = "ReadItsParameters"
        Effect = "Allow"
        Action = ["ssm:GetParameter"]
        Resource = [
          "arn:aws:ssm:eu-central-1:111122223333:parameter/penstock/slack",
          "arn:aws:ssm:eu-central-1:111122223333:parameter/webhook",
        ]
      },
      {
        Sid      = "ReadItsSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:penstock/telegram-??????"]
      },
      {
        Sid      = "UseTheKeyOfItsSecrets"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = ["arn:aws:kms:eu-central-1:111122223333:key/1"]
        Condition = {
          StringEquals = { "kms:ViaService" = ["secretsmanager.eu-central-1.amazonaws.com", "ssm.eu-central-1.amazonaws.com"] }
        }
      },
      {
        Sid      = "SendDeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:aws:sqs:eu-central-1:111122223333:p-notify-undelivered"]
      },
    ])
    error_message = "notify may do something else: ${jsonencode(module.notify[0].statements)}"
  }

  assert {
    condition = module.notify[0].environment == tomap({
      PENSTOCK_LOG                  = "info"
      PENSTOCK_NOTIFY_SLACK         = "ssm:/penstock/slack"
      PENSTOCK_NOTIFY_TELEGRAM      = "secretsmanager:penstock/telegram"
      PENSTOCK_NOTIFY_TELEGRAM_CHAT = "-100"
      PENSTOCK_NOTIFY_WEBHOOK       = "ssm:webhook"
      PENSTOCK_NOTIFY_QUIET_MINUTES = "5"
    })
    error_message = "notify is told something else: ${jsonencode(module.notify[0].environment)}"
  }

  assert {
    condition = (
      module.notify[0].reserved_concurrency == 1 &&
      module.notify[0].asynchronous.maximum_retries == 2 &&
      module.notify[0].asynchronous.dead_letter_queue_arn == aws_sqs_queue.undelivered[0].arn &&
      jsondecode(aws_sns_topic_subscription.notify[0].redrive_policy).deadLetterTargetArn == aws_sqs_queue.undelivered[0].arn &&
      aws_sqs_queue.undelivered[0].sqs_managed_sse_enabled &&
      aws_sqs_queue.undelivered[0].message_retention_seconds == 1209600
    )
    error_message = "what could not be told is lost"
  }

  assert {
    condition     = contains(output.alarms, "p-letters-p-notify-undelivered")
    error_message = "nobody hears that somebody could not be told"
  }

  assert {
    condition = (
      aws_sns_topic_subscription.notify[0].endpoint == "arn:aws:lambda:eu-central-1:111122223333:function:p-notify:live" &&
      aws_lambda_permission.topic[0].source_arn == aws_sns_topic.this.arn &&
      aws_lambda_permission.topic[0].principal == "sns.amazonaws.com" &&
      aws_lambda_permission.topic[0].qualifier == "live"
    )
    error_message = "the topic calls another function, or others may call this one"
  }

  assert {
    condition = jsondecode(aws_sqs_queue_policy.undelivered[0].policy).Statement == [{
      Sid       = "TheTopicOfAlarmsLeavesWhatItCannotHandOver"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.undelivered[0].arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.this.arn } }
    }]
    error_message = "others may write to the queue"
  }

  assert {
    condition     = aws_sns_topic_subscription.email["on-call@example.org"].protocol == "email"
    error_message = "the address gets nothing"
  }
}

run "what_the_account_owes_is_measured_in_one_region_alone" {
  command = plan

  variables {
    thresholds = { cost = 100 }
  }

  expect_failures = [aws_cloudwatch_metric_alarm.this]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name       = "P"
    thresholds = { lag = 5 }
    off        = ["nothing"]
    emails     = ["on-call"]
    channels   = { slack = "https://hooks.slack.com/services/T0/B0/secret" }
    sources    = { main = { function = "f", kind = "msk" } }
  }

  expect_failures = [var.name, var.thresholds, var.off, var.emails, var.channels, var.sources]
}
