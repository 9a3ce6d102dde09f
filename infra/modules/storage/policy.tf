locals {
  root = var.prefix == "" ? local.arn : "${local.arn}/${var.prefix}"

  # Everything that is written once: all of the lake but the hints, which may be replaced.
  written_once = [
    "${local.root}/raw/*",
    "${local.root}/silver/*",
    "${local.root}/windows/*",
    "${local.root}/rejects/*",
    "${local.root}/_penstock/format.json",
    "${local.root}/_penstock/*/cuts/*",
    "${local.root}/_penstock/*/state/*",
    "${local.root}/_penstock/*/unreadable/*",
    "${local.root}/_penstock/*/runs/*",
    "${local.root}/_penstock/*/replay.json",
  ]

  policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.arn, "${local.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.arn, "${local.arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
      {
        # Whoever writes, a person with the console included: nothing in the lake is overwritten.
        # It also refuses CopyObject into the lake, which cannot be conditional.
        Sid       = "DenyWritesThatCouldOverwrite"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = local.written_once
        Condition = {
          Null = { "s3:if-none-match" = "true" }
          # The parts of a multipart upload take no such header; only its completion creates the object.
          Bool = { "s3:ObjectCreationOperation" = "true" }
        }
      },
    ]
  }
}

resource "aws_s3_bucket_policy" "lake" {
  bucket = aws_s3_bucket.lake.id
  policy = jsonencode(local.policy)

  # A policy that comes while public access is still being blocked fails with a conflict.
  depends_on = [aws_s3_bucket_public_access_block.lake]
}
