mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/refine-schedule" }
  }
  mock_resource "aws_scheduler_schedule_group" {
    defaults = { arn = "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/refine" }
  }
}

variables {
  name = "refine"
  function = {
    name      = "refine"
    alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:refine:live"
  }
}

run "it_calls_the_alias_each_minute_and_repeats_nothing" {
  assert {
    condition = (
      aws_scheduler_schedule.this.schedule_expression == "rate(1 minute)" &&
      aws_scheduler_schedule.this.state == "ENABLED" &&
      one(aws_scheduler_schedule.this.flexible_time_window).mode == "OFF" &&
      one(aws_scheduler_schedule.this.target).arn == "arn:aws:lambda:eu-central-1:111122223333:function:refine:live" &&
      one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_retry_attempts == 0 &&
      one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_event_age_in_seconds == 60
    )
    error_message = "the schedule is another one"
  }
}

run "its_role_calls_the_alias_and_nothing_else" {
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [{
      Sid      = "CallTheFunction"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:refine:live"]
    }]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "TheScheduleTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = "111122223333"
          "aws:SourceArn"     = "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/refine"
        }
      }
    }]
    error_message = "nobody but this group may take the role: ${aws_iam_role.this.assume_role_policy}"
  }
}

run "it_can_be_slower_and_it_can_be_off" {
  variables {
    rate_minutes = 5
    enabled      = false
  }

  assert {
    condition     = aws_scheduler_schedule.this.schedule_expression == "rate(5 minutes)" && aws_scheduler_schedule.this.state == "DISABLED"
    error_message = "the rate, or the state, is another one"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name         = "re fine"
    rate_minutes = 0.5
  }

  expect_failures = [var.name, var.rate_minutes]
}
