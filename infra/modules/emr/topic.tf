# Who hears of a failure: subscriptions are made by those who want to hear.
resource "aws_sns_topic" "this" {
  count = var.topic_arn == null ? 1 : 0

  name              = var.name
  kms_master_key_id = "alias/aws/sns"
}

locals {
  topic_arn = var.topic_arn != null ? var.topic_arn : one(aws_sns_topic.this[*].arn)
}
