# Each entry of alarms.json is an alarm for each thing that it is about.

locals {
  definitions = jsondecode(file("${path.module}/alarms.json"))

  # What an entry's `each` may be, and what stands for `$...` in its dimensions.
  subjects = {
    source  = { for name, source in var.sources : name => { function = source.function } }
    kafka   = { for name, source in var.sources : name => { function = source.function } if source.kind == "kafka" }
    kinesis = { for name, source in var.sources : name => { function = source.function } if source.kind == "kinesis" }
    refine  = { "" = { function = var.refine } }
    tables  = { for function in compact([var.tables]) : "" => { function = function } }
    dataset = { "" = { dataset = var.dataset } }
    queue   = { for queue in concat(aws_sqs_queue.undelivered[*].name, sort(var.queues)) : queue => { queue = queue } }
    account = { "" = {} }
  }

  thresholds = { for name, alarm in local.definitions : name => lookup(var.thresholds, name, alarm.threshold) }

  alarms = merge([
    for name, alarm in local.definitions : {
      for subject, values in local.subjects[alarm.each] : join("-", compact([name, subject])) => {
        definition = name
        each       = alarm.each
        expression = try(alarm.expression, null)
        metrics = {
          for id, metric in alarm.metrics : id => merge(metric, {
            dimensions = { for key, value in metric.dimensions : key => try(values[trimprefix(value, "$")], value) }
          })
        }
      }
    } if local.thresholds[name] != null && !contains(var.off, name)
  ]...)

  comparisons = {
    ">"  = "GreaterThanThreshold"
    ">=" = "GreaterThanOrEqualToThreshold"
    "<"  = "LessThanThreshold"
    "<=" = "LessThanOrEqualToThreshold"
  }
}

data "aws_region" "current" {}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name = "${var.name}-${each.key}"
  # E-mail shows it whole, and notify makes links of its last lines.
  alarm_description = join("\n", concat(
    [local.definitions[each.value.definition].meaning, "Runbook: ${var.runbook_url}#${local.definitions[each.value.definition].runbook}"],
    [for url in compact([var.dashboard_url]) : "Dashboard: ${url}"],
  ))

  comparison_operator = local.comparisons[local.definitions[each.value.definition].comparison]
  threshold           = local.thresholds[each.value.definition]
  evaluation_periods  = local.definitions[each.value.definition].periods
  datapoints_to_alarm = local.definitions[each.value.definition].periods_to_alarm
  treat_missing_data  = local.definitions[each.value.definition].missing

  # One metric is an alarm on that metric; more than one are an expression's.
  namespace   = each.value.expression == null ? each.value.metrics["value"].namespace : null
  metric_name = each.value.expression == null ? each.value.metrics["value"].name : null
  statistic   = each.value.expression == null ? each.value.metrics["value"].statistic : null
  dimensions  = each.value.expression == null ? each.value.metrics["value"].dimensions : null
  period      = each.value.expression == null ? local.definitions[each.value.definition].period_secs : null

  dynamic "metric_query" {
    for_each = each.value.expression == null ? {} : each.value.metrics

    content {
      id = metric_query.key
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        stat        = metric_query.value.statistic
        dimensions  = metric_query.value.dimensions
        period      = local.definitions[each.value.definition].period_secs
      }
    }
  }

  dynamic "metric_query" {
    for_each = compact([each.value.expression])

    content {
      id          = "expression"
      label       = each.key
      expression  = metric_query.value
      return_data = true
    }
  }

  # Whoever hears of an alarm wants to hear that it is over.
  alarm_actions = [aws_sns_topic.this.arn]
  ok_actions    = [aws_sns_topic.this.arn]

  lifecycle {
    precondition {
      condition     = each.value.each != "account" || data.aws_region.current.region == "us-east-1"
      error_message = "thresholds: AWS measures what an account owes in us-east-1 alone, and an alarm tells only topics of its own region. Leave `cost` out here, and use AWS Budgets."
    }
  }
}

# One light for everything, for dashboards and deployments. It tells nobody: each alarm does so itself.
resource "aws_cloudwatch_composite_alarm" "any" {
  alarm_name        = "${var.name}-any"
  alarm_description = "Whether any alarm of ${var.name} is on."
  alarm_rule        = join(" OR ", [for name in sort(keys(local.alarms)) : "ALARM(\"${aws_cloudwatch_metric_alarm.this[name].alarm_name}\")"])
}
