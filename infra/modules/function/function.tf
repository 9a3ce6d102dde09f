resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_117:What it needs it reaches over TLS: S3, or the channels of alarms; in a VPC it would wait for network interfaces and need endpoints.
  #checkov:skip=CKV_AWS_116:Letters of dead calls are dead_letter_queue_arn's business, on the alias; refine has none by design.
  #checkov:skip=CKV_AWS_173:The variables hold no secrets: where the lake is, the dataset, limits, and where secrets are kept.
  #checkov:skip=CKV_AWS_272:The package is named by its content and comes from the same pipeline as this code.
  #checkov:skip=CKV_AWS_115:reserved_concurrency decides; ingest may grow with the number of partitions.
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  # Each change is a version, so that the alias can go back to the one before.
  publish = true

  memory_size = var.memory_mb
  timeout     = var.timeout_secs
  # AWS writes "no limit" as -1.
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : var.reserved_concurrency

  environment {
    variables = var.environment
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  logging_config {
    # The function writes its lines as JSON already; Lambda's JSON format would wrap them once more.
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts logs by itself; they hold counts and keys of objects, no events.
  #checkov:skip=CKV_AWS_338:A month of logs explains a failure; what happened before stands in the lake.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

# What calls the function calls the alias, so that a deployment can be gradual, and undone without a build.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What the sources and the schedule call"
  function_name    = aws_lambda_function.this.function_name
  function_version = var.gradual == null ? aws_lambda_function.this.version : var.gradual.stable_version

  dynamic "routing_config" {
    # The version that is stable cannot share its calls with itself: then there is nothing new to try.
    for_each = var.gradual == null ? [] : var.gradual.stable_version == aws_lambda_function.this.version ? [] : [var.gradual.new_share]

    content {
      additional_version_weights = { (aws_lambda_function.this.version) = routing_config.value }
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "live" {
  count = var.asynchronous == null ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = var.asynchronous.maximum_retries
  maximum_event_age_in_seconds = var.asynchronous.maximum_age_secs

  dynamic "destination_config" {
    for_each = var.asynchronous.dead_letter_queue_arn == null ? [] : [var.asynchronous.dead_letter_queue_arn]

    content {
      on_failure {
        destination = destination_config.value
      }
    }
  }
}
