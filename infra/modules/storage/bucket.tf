resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_21:Nothing in the lake is ever overwritten, so versions would only keep what retention deletes.
  #checkov:skip=CKV_AWS_18:A log of each request costs more than the requests; CloudTrail's data events can be turned on for an audit.
  #checkov:skip=CKV_AWS_144:A second region is a decision about cost and law, and not ours; raw can be read again from Kafka.
  #checkov:skip=CKV_AWS_145:SSE-S3 is encryption at rest without a price per request; kms_key_arn asks for a key of one's own.
  #checkov:skip=CKV2_AWS_62:Nobody waits for events of the bucket: refine lists what is new.
  bucket        = var.bucket
  force_destroy = var.force_destroy
}

# Off on purpose, and written down: objects are created with If-None-Match and never overwritten, so there are no
# versions to keep, and with versioning on what retention deletes would stay and be paid for.
resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id

  versioning_configuration {
    status = "Disabled"
  }
}

# Access follows from policies alone; objects belong to the bucket's owner whoever writes them.
resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket = aws_s3_bucket.lake.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    # One call to KMS for many objects instead of one for each.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}
