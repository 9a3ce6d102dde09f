output "bucket" {
  description = "Name of the bucket, once its policy is in force."
  value       = aws_s3_bucket.lake.id
  depends_on  = [aws_s3_bucket_policy.lake]
}

output "policy_json" {
  description = "The bucket's policy."
  value       = aws_s3_bucket_policy.lake.policy
}
