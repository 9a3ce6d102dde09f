output "arn" {
  description = "What a workflow names as the role to assume."
  value       = aws_iam_role.this.arn
}
