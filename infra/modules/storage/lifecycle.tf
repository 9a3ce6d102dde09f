locals {
  folder = var.prefix == "" ? "" : "${var.prefix}/"
}

# Raw objects never expire here: the last one of each chain is the memory of where the chain stands, however old it is.
# Only refine knows which that is, so PENSTOCK_RAW_RETENTION_HOURS deletes them and no rule of the bucket does.
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  #checkov:skip=CKV_AWS_300:The first rule does it; checkov loses sight of it beside a dynamic one.
  bucket = aws_s3_bucket.lake.id

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "results-of-athena"
    status = "Enabled"

    filter {
      prefix = "athena-results/"
    }

    expiration {
      days = 7
    }
  }

  rule {
    id     = "logs-of-emr"
    status = "Enabled"

    filter {
      prefix = "emr-logs/"
    }

    expiration {
      days = 30
    }
  }

  dynamic "rule" {
    for_each = var.raw_to_cold_after_days == 0 ? [] : [var.raw_to_cold_after_days]

    content {
      id     = "raw-to-cold-storage"
      status = "Enabled"

      filter {
        prefix = "${local.folder}raw/"
      }

      # Instant Retrieval ($0.004 a GB and month instead of $0.023) answers at once; refine and the audit read old
      # footers now and then. The classes below it take hours, and ingest would wait for the end of its chain.
      transition {
        days          = rule.value
        storage_class = "GLACIER_IR"
      }
    }
  }
}
