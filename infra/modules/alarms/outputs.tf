output "topic_arn" {
  description = "The topic that alarms tell; whatever else should listen subscribes to it."
  value       = aws_sns_topic.this.arn
}

output "notify" {
  description = "The function that tells Slack, Telegram and webhooks: its name, or null where there are none of them."
  value       = one(module.notify[*].function.name)
}

output "undelivered" {
  description = "The queue of alarms that nobody could be told of: its name, or null where notify is not there."
  value       = one(aws_sqs_queue.undelivered[*].name)
}

output "alarms" {
  description = "The names of the alarms."
  value       = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
}
