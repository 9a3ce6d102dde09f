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
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/refine" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/refine" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "7" }
  }
}

variables {
  name        = "refine"
  description = "Pours"
  # Any file will do: nobody looks into it here.
  package      = "versions.tf"
  memory_mb    = 512
  timeout_secs = 60
  environment  = { PENSTOCK_LAKE = "s3://a-lake/l" }
  lake = {
    bucket = "a-lake"
    prefix = "l"
    read   = ["raw/*"]
    create = ["silver/*"]
  }
}

run "it_may_do_exactly_what_it_does" {
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid      = "WriteItsOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/refine:*"]
      },
      {
        Sid      = "ReadItsPartOfTheLake"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["arn:aws:s3:::a-lake/l/raw/*"]
      },
      {
        Sid       = "CreateObjectsAndOverwriteNone"
        Effect    = "Allow"
        Action    = ["s3:PutObject"]
        Resource  = ["arn:aws:s3:::a-lake/l/silver/*"]
        Condition = { Null = { "s3:if-none-match" = "false" } }
      },
      {
        Sid       = "ListAndLearnWhatIsAbsent"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = ["arn:aws:s3:::a-lake"]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["l/raw/*"] } }
      },
      {
        Sid      = "SendTraces"
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = ["*"]
      },
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "LambdaRunsThisFunction"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEqualsIfExists = { "aws:SourceAccount" = "111122223333" } }
    }]
    error_message = "only Lambda, for this account, may take the role"
  }
}

run "what_is_asked_for_in_addition_is_granted_and_no_more" {
  variables {
    tracing = false
    lake = {
      bucket      = "a-lake"
      prefix      = ""
      kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1"
      read        = ["raw/*"]
      create      = ["silver/*"]
      replace     = ["_penstock/iot/hints/progress.json"]
      delete      = ["raw/iot/*"]
    }
    asynchronous = {
      maximum_retries       = 0
      maximum_age_secs      = 60
      dead_letter_queue_arn = "arn:aws:sqs:eu-central-1:111122223333:letters"
    }
  }

  assert {
    condition = slice(jsondecode(aws_iam_role_policy.this.policy).Statement, 4, 8) == [
      {
        Sid      = "ReplaceHints"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["arn:aws:s3:::a-lake/_penstock/iot/hints/progress.json"]
      },
      {
        Sid      = "DeleteWhatRetentionGivesUp"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = ["arn:aws:s3:::a-lake/raw/iot/*"]
      },
      {
        Sid       = "UseTheKeyOfTheLake"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = ["arn:aws:kms:eu-central-1:111122223333:key/1"]
        Condition = { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } }
      },
      {
        Sid      = "SendDeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:aws:sqs:eu-central-1:111122223333:letters"]
      },
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.live[0].maximum_retry_attempts == 0 &&
      aws_lambda_function_event_invoke_config.live[0].maximum_event_age_in_seconds == 60 &&
      one(one(aws_lambda_function_event_invoke_config.live[0].destination_config).on_failure).destination == "arn:aws:sqs:eu-central-1:111122223333:letters"
    )
    error_message = "calls that nobody waits for must be treated as asked"
  }
}

run "the_secrets_that_are_named_are_read_and_no_more" {
  variables {
    tracing = false
    lake    = null
    secrets = {
      parameter_arns = ["arn:aws:ssm:eu-central-1:111122223333:parameter/slack"]
      secret_arns    = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:telegram-??????"]
      kms_key_arn    = "arn:aws:kms:eu-central-1:111122223333:key/1"
    }
  }

  assert {
    condition = [for statement in slice(jsondecode(aws_iam_role_policy.this.policy).Statement, 1, 4) : [statement.Action, statement.Resource]] == [
      [["ssm:GetParameter"], ["arn:aws:ssm:eu-central-1:111122223333:parameter/slack"]],
      [["secretsmanager:GetSecretValue"], ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:telegram-??????"]],
      [["kms:Decrypt"], ["arn:aws:kms:eu-central-1:111122223333:key/1"]],
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }
}

run "the_function_is_as_configured" {
  variables {
    reserved_concurrency = 1
  }

  assert {
    condition = (
      aws_lambda_function.this.runtime == "provided.al2023" &&
      aws_lambda_function.this.architectures == tolist(["arm64"]) &&
      aws_lambda_function.this.publish &&
      aws_lambda_function.this.timeout == 60 &&
      aws_lambda_function.this.memory_size == 512 &&
      aws_lambda_function.this.reserved_concurrent_executions == 1 &&
      aws_lambda_function.this.source_code_hash == filebase64sha256("versions.tf") &&
      one(aws_lambda_function.this.tracing_config).mode == "Active" &&
      one(aws_lambda_function.this.environment).variables == tomap({ PENSTOCK_LAKE = "s3://a-lake/l" })
    )
    error_message = "the function is not what was asked for"
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this.name == "/aws/lambda/refine" &&
      aws_cloudwatch_log_group.this.retention_in_days == 30 &&
      one(aws_lambda_function.this.logging_config).log_group == "/aws/lambda/refine"
    )
    error_message = "the log goes to a group that forgets"
  }
}

run "without_a_limit_the_account_limits" {
  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1 && length(aws_lambda_function_event_invoke_config.live) == 0
    error_message = "nothing is reserved, and nothing is said of asynchronous calls, unless asked for"
  }
}

run "the_alias_takes_the_newest_version" {
  assert {
    condition     = aws_lambda_alias.live.function_version == "7" && length(aws_lambda_alias.live.routing_config) == 0
    error_message = "all calls go to what was published last"
  }
}

run "or_shares_the_calls" {
  variables {
    gradual = { stable_version = "6", new_share = 0.1 }
  }

  assert {
    condition = (
      aws_lambda_alias.live.function_version == "6" &&
      one(aws_lambda_alias.live.routing_config).additional_version_weights == tomap({ "7" = 0.1 })
    )
    error_message = "one call in ten goes to the new version"
  }
}

run "what_is_stable_shares_with_nobody" {
  variables {
    gradual = { stable_version = "7", new_share = 0.1 }
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7" && length(aws_lambda_alias.live.routing_config) == 0
    error_message = "a version cannot share its calls with itself"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                 = "re fine"
    architecture         = "arm"
    memory_mb            = 64
    timeout_secs         = 901
    reserved_concurrency = -1
    log_retention_days   = 31
    gradual              = { stable_version = "live", new_share = 0.1 }
    asynchronous         = { maximum_retries = 3, maximum_age_secs = 60 }
    lake                 = { bucket = "a-lake", prefix = "", read = ["*"], create = ["silver/*"] }
  }

  expect_failures = [
    var.name, var.architecture, var.memory_mb, var.timeout_secs, var.reserved_concurrency, var.log_retention_days,
    var.gradual, var.asynchronous, var.lake,
  ]
}

run "a_package_that_was_not_made_is_refused" {
  command = plan

  variables {
    package = "no-such.zip"
  }

  expect_failures = [var.package]
}
