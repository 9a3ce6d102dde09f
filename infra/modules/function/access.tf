# What the function may do, and nothing else: write its own log, and reach its own part of the lake.

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id

  bucket_arn = "arn:${local.partition}:s3:::${var.lake.bucket}"
  folder     = var.lake.prefix == "" ? "" : "${var.lake.prefix}/"
  objects = {
    for kind in ["read", "create", "replace", "delete"] :
    kind => [for key in var.lake[kind] : "${local.bucket_arn}/${local.folder}${key}"]
  }

  # What is optional is a `for` over what there is, and not a condition: Terraform gives the latter types that it
  # cannot always join.
  statements = concat(
    [
      {
        Sid      = "WriteItsOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
      {
        Sid      = "ReadItsPartOfTheLake"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = local.objects.read
      },
      {
        Sid      = "CreateObjectsAndOverwriteNone"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = local.objects.create
        Condition = {
          Null = { "s3:if-none-match" = "false" }
        }
      },
      {
        Sid      = "ListAndLearnWhatIsAbsent"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.bucket_arn]
        Condition = {
          # S3 answers 404 for an absent object only to who may list, and a request for an object carries no s3:prefix:
          # without IfExists it would be 403, which the functions take for a wrong policy.
          StringLikeIfExists = { "s3:prefix" = [for key in var.lake.read : "${local.folder}${key}"] }
        }
      },
    ],
    [for objects in [local.objects.replace] : {
      Sid      = "ReplaceHints"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = objects
    } if 0 < length(objects)],
    [for objects in [local.objects.delete] : {
      Sid      = "DeleteWhatRetentionGivesUp"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = objects
    } if 0 < length(objects)],
    var.statements,
    [for arn in compact([var.lake.kms_key_arn]) : {
      Sid      = "UseTheKeyOfTheLake"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [arn]
      Condition = {
        StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.region}.amazonaws.com" }
      }
    }],
    [for traced in [var.tracing] : {
      # X-Ray knows no resources.
      Sid      = "SendTraces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    } if traced],
    [for arn in compact([try(var.asynchronous.dead_letter_queue_arn, null)]) : {
      Sid      = "SendDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [arn]
    }],
  )
}

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

resource "aws_iam_role" "this" {
  name        = var.name
  description = "What ${var.name} may do"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaRunsThisFunction"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        # Lambda acts for many customers; only for this account may it take the role. IfExists, because the pollers of
        # sources take it as well, and AWS does not promise that they name the account.
        StringEqualsIfExists = { "aws:SourceAccount" = local.account_id }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "lake-and-log"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}
