# What the function may do, and nothing else: write its own log, and reach its own part of the lake.

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id

  # One, or none for a function without a lake.
  lakes = [for lake in [var.lake] : {
    bucket_arn  = "arn:${local.partition}:s3:::${lake.bucket}"
    folder      = lake.prefix == "" ? "" : "${lake.prefix}/"
    kms_key_arn = lake.kms_key_arn
    keys        = lake.read
    objects = {
      for kind in ["read", "create", "replace", "delete"] : kind => [
        for key in lake[kind] : join("", ["arn:${local.partition}:s3:::${lake.bucket}/", lake.prefix == "" ? "" : "${lake.prefix}/", key])
      ]
    }
  } if lake != null]

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
    ],
    flatten([for lake in local.lakes : [
      {
        Sid      = "ReadItsPartOfTheLake"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = lake.objects.read
      },
      {
        Sid      = "CreateObjectsAndOverwriteNone"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = lake.objects.create
        Condition = {
          Null = { "s3:if-none-match" = "false" }
        }
      },
      {
        Sid      = "ListAndLearnWhatIsAbsent"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [lake.bucket_arn]
        Condition = {
          # S3 answers 404 for an absent object only to who may list, and a request for an object carries no s3:prefix:
          # without IfExists it would be 403, which the functions take for a wrong policy.
          StringLikeIfExists = { "s3:prefix" = [for key in lake.keys : "${lake.folder}${key}"] }
        }
      },
    ]]),
    [for lake in local.lakes : {
      Sid      = "ReplaceHints"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = lake.objects.replace
    } if 0 < length(lake.objects.replace)],
    [for lake in local.lakes : {
      Sid      = "DeleteWhatRetentionGivesUp"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = lake.objects.delete
    } if 0 < length(lake.objects.delete)],
    var.statements,
    [for lake in local.lakes : {
      Sid      = "UseTheKeyOfTheLake"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [lake.kms_key_arn]
      Condition = {
        StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.region}.amazonaws.com" }
      }
    } if lake.kms_key_arn != null],
    [for arns in [var.secrets.parameter_arns] : {
      Sid      = "ReadItsParameters"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = arns
    } if 0 < length(arns)],
    [for arns in [var.secrets.secret_arns] : {
      Sid      = "ReadItsSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = arns
    } if 0 < length(arns)],
    [for arn in compact([var.secrets.kms_key_arn]) : {
      Sid      = "UseTheKeyOfItsSecrets"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [arn]
      Condition = {
        StringEquals = {
          "kms:ViaService" = [for service in ["secretsmanager", "ssm"] : "${service}.${data.aws_region.current.region}.amazonaws.com"]
        }
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
