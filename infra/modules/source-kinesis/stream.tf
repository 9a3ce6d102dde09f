locals {
  stream_arn = var.stream_arn == null ? aws_kinesis_stream.this[0].arn : var.stream_arn
}

resource "aws_kinesis_stream" "this" {
  count = var.stream_arn == null ? 1 : 0

  name             = var.create_stream.name
  retention_period = var.create_stream.retention_hours
  shard_count      = var.create_stream.shards

  # AWS's own key: no price per request, and nobody to ask for it.
  encryption_type = "KMS"
  kms_key_id      = "alias/aws/kinesis"

  stream_mode_details {
    stream_mode = var.create_stream.shards == null ? "ON_DEMAND" : "PROVISIONED"
  }
}
