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
