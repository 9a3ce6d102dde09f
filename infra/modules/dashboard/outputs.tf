output "body" {
  description = "What CloudWatch is told to draw."
  value       = aws_cloudwatch_dashboard.this.dashboard_body
}
