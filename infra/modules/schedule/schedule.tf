# A group of its own, so that the role can name who may use it: AWS checks the group, not the single schedule.
resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:The schedule holds no data: an ARN and a rate.
  name        = var.name
  description = "Calls ${var.function.name} again and again"
  group_name  = aws_scheduler_schedule_group.this.name
  state       = var.enabled ? "ENABLED" : "DISABLED"

  schedule_expression = var.rate_minutes == 1 ? "rate(1 minute)" : "rate(${var.rate_minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.function.alias_arn
    role_arn = aws_iam_role.this.arn
    input    = jsonencode({ source = "schedule" })

    # What could not be called now is not worth calling later: the next minute does the same work.
    # That refine is late shows as the age of its newest cut.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}
