output "state_machine_arn" {
  description = "What makes a report: start it with {} for yesterday, or with {\"day\": \"2026-11-20\"}."
  value       = aws_sfn_state_machine.this.arn
}

output "compaction_arn" {
  description = "What compacts the tables: start it with {}; null without tables."
  value       = one(aws_sfn_state_machine.compaction[*].arn)
}

output "application_id" {
  description = "The application of EMR Serverless; null on EC2."
  value       = one(aws_emrserverless_application.this[*].id)
}

output "job_role_arn" {
  description = "The role of the job, for whoever starts it by hand."
  value       = aws_iam_role.job.arn
}

output "artifacts" {
  description = "Where the jobs lie: the entries p95_job.py and validate_job.py, and penstock_spark.zip for --py-files."
  value       = "s3://${var.lake.bucket}/${local.folder}"
  depends_on  = [aws_s3_object.artifact]
}

output "reports" {
  description = "The folder with a folder for each report."
  value       = local.report
}

output "topic_arn" {
  description = "The topic that hears of a failure."
  value       = local.topic_arn
}
