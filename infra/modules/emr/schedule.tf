# A group of its own, so that the role can name who may use it: AWS checks the group, not the single schedule.
resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:The schedule holds no data: an ARN and a time.
  name        = var.name
  description = "Asks for the report of the day before"
  group_name  = aws_scheduler_schedule_group.this.name
  state       = var.enabled ? "ENABLED" : "DISABLED"

  schedule_expression          = var.schedule
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({})

    # A start that comes after the next midnight would ask about another day.
    retry_policy {
      maximum_retry_attempts       = 20
      maximum_event_age_in_seconds = 6 * 60 * 60
    }
  }
}

resource "aws_iam_role" "schedule" {
  name        = "${var.name}-schedule"
  description = "Lets the schedule start ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheScheduleTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account_id
          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "start-the-state-machine"
  role = aws_iam_role.schedule.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StartTheStateMachine"
      Effect   = "Allow"
      Action   = ["states:StartExecution"]
      Resource = concat([aws_sfn_state_machine.this.arn], aws_sfn_state_machine.compaction[*].arn)
    }]
  })
}
