# What Lambda's poller needs to read the stream. It takes the function's role for it.
resource "aws_iam_role_policy" "this" {
  name = "read-${var.name}"
  role = var.function.role_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid    = "ReadTheStream"
        Effect = "Allow"
        Action = [
          "kinesis:DescribeStream",
          "kinesis:DescribeStreamSummary",
          "kinesis:GetRecords",
          "kinesis:GetShardIterator",
          "kinesis:ListShards",
        ]
        Resource = [local.stream_arn]
      }],
      [for arn in compact([var.stream_kms_key_arn]) : {
        Sid      = "DecryptTheStream"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [arn]
      }],
    )
  })
}
