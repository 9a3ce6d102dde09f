output "function" {
  description = "What a source or a schedule needs to call the function: its name, the ARN of the alias, its role and its time-out."
  value = {
    name         = aws_lambda_function.this.function_name
    alias_arn    = aws_lambda_alias.live.arn
    role_name    = aws_iam_role.this.name
    timeout_secs = aws_lambda_function.this.timeout
  }
}

output "version" {
  description = "The version that was published last."
  value       = aws_lambda_function.this.version
}

output "log_group" {
  description = "Where the function writes its log."
  value       = aws_cloudwatch_log_group.this.name
}

output "statements" {
  description = "What the role of the function may do, statement by statement."
  value       = local.statements
}

output "environment" {
  description = "The settings of the function."
  value       = one(aws_lambda_function.this.environment).variables
}

output "reserved_concurrency" {
  description = "How many invocations may run at once; null: as many as the account allows."
  value       = var.reserved_concurrency
}

output "asynchronous" {
  description = "What becomes of calls that nobody waits for; null: Lambda's own."
  value       = var.asynchronous
}
