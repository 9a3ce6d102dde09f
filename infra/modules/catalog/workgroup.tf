# Where people ask: a question that would read more than the limit is refused before it costs ($5 a TB).
resource "aws_athena_workgroup" "this" {
  name        = var.name
  description = "Questions to the lake of dataset ${var.dataset}"
  # Only the history of questions goes with it.
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_gib * 1024 * 1024 * 1024

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      # Outside of the lake, whose objects cannot be overwritten; a rule of the bucket removes results after a week.
      output_location = "s3://${var.bucket}/athena-results/${var.name}/"

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}
