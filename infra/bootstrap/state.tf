# Where Terraform keeps what it knows of each environment. Applied once by hand, before there is a state to keep it in.
resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18:Who deploys is in CloudTrail; a log of each request adds nothing.
  #checkov:skip=CKV_AWS_144:What a state says can be imported again from AWS.
  #checkov:skip=CKV_AWS_145:SSE-S3 is encryption at rest; the state holds no secrets, these stay in Secrets Manager.
  #checkov:skip=CKV2_AWS_62:Nobody waits for events of this bucket.
  bucket = var.state_bucket
}

# A state that was spoiled can be taken back.
resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}

data "aws_partition" "current" {}

resource "aws_s3_bucket_policy" "state" {
  bucket = aws_s3_bucket.state.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [for end in ["", "/*"] : "arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}${end}"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.state]
}
