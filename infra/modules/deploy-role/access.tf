# What Terraform calls for a pipeline, by name: seen in the log of an emulator during apply, plan and destroy, and
# completed by the updates of the same resources. Clusters of MSK and networks are not among it; who lets a workflow
# make those adds a policy (additional_policy_arns).

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  here      = "${data.aws_region.current.region}:${local.account}"
  arn       = "arn:${local.partition}"

  bucket    = "${local.arn}:s3:::${var.bucket}"
  functions = "${local.arn}:lambda:${local.here}:function:${var.pipeline}-*"
  roles     = "${local.arn}:iam::${local.account}:role/${var.pipeline}-*"
  logs      = "${local.arn}:logs:${local.here}:log-group:/aws/lambda/${var.pipeline}-*"
  schedules = ["${local.arn}:scheduler:${local.here}:schedule/${var.pipeline}-*/*", "${local.arn}:scheduler:${local.here}:schedule-group/${var.pipeline}-*"]
  streams   = [for name in var.streams : "${local.arn}:kinesis:${local.here}:stream/${name}"]
  database  = replace(var.pipeline, "-", "_")
  tables = [
    "${local.arn}:glue:${local.here}:catalog",
    "${local.arn}:glue:${local.here}:database/${local.database}",
    "${local.arn}:glue:${local.here}:table/${local.database}/*",
  ]
  topic     = "${local.arn}:sns:${local.here}:${var.pipeline}-alarms"
  queue     = "${local.arn}:sqs:${local.here}:${var.pipeline}-notify-undelivered"
  alarms    = "${local.arn}:cloudwatch:${local.here}:alarm:${var.pipeline}-*"
  dashboard = "${local.arn}:cloudwatch::${local.account}:dashboard/${var.pipeline}"
  workgroup = "${local.arn}:athena:${local.here}:workgroup/${local.database}"
  # Mappings are named by identifiers that AWS makes up.
  mappings = "${local.arn}:lambda:${local.here}:event-source-mapping:*"

  look = concat(
    [
      {
        Sid      = "ReadTheState"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.arn}:s3:::${var.state.bucket}/${var.state.key}"]
      },
      {
        Sid      = "FindTheState"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = ["${local.arn}:s3:::${var.state.bucket}"]
      },
      {
        Sid    = "SeeTheBucket"
        Effect = "Allow"
        Action = [
          "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging",
          "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
          "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging",
          "s3:GetBucketVersioning", "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
        ]
        Resource = [local.bucket]
      },
      {
        Sid    = "SeeTheFunctions"
        Effect = "Allow"
        Action = [
          "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig",
          "lambda:GetFunctionConcurrency", "lambda:GetFunctionEventInvokeConfig", "lambda:ListVersionsByFunction",
        ]
        Resource = [local.functions, "${local.functions}:*"]
      },
      {
        Sid      = "SeeTagsOfFunctionsAndMappings"
        Effect   = "Allow"
        Action   = ["lambda:ListTags"]
        Resource = [local.functions, local.mappings]
      },
      {
        Sid      = "SeeTheRoles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"]
        Resource = [local.roles]
      },
      {
        Sid      = "SeeTheLogs"
        Effect   = "Allow"
        Action   = ["logs:ListTagsForResource"]
        Resource = [local.logs, "${local.logs}:*"]
      },
      {
        Sid      = "SeeTheSchedule"
        Effect   = "Allow"
        Action   = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
        Resource = local.schedules
      },
      {
        Sid      = "SeeTheTables"
        Effect   = "Allow"
        Action   = ["glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags"]
        Resource = local.tables
      },
      {
        Sid      = "SeeTheWorkGroup"
        Effect   = "Allow"
        Action   = ["athena:GetWorkGroup", "athena:ListTagsForResource"]
        Resource = [local.workgroup]
      },
      {
        Sid      = "SeeAlarmsAndDashboard"
        Effect   = "Allow"
        Action   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
        Resource = [local.alarms, local.dashboard]
      },
      {
        Sid    = "SeeWhomAlarmsTell"
        Effect = "Allow"
        Action = [
          "lambda:GetPolicy", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sqs:GetQueueAttributes",
          "sqs:ListQueueTags",
        ]
        Resource = [local.topic, local.queue, local.functions, "${local.functions}:*"]
      },
      {
        # AWS knows no resources for these.
        Sid      = "SeeWhatHasNoName"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeLimits", "lambda:GetEventSourceMapping", "logs:DescribeLogGroups", "sns:GetSubscriptionAttributes"]
        Resource = ["*"]
      },
    ],
    [for streams in [local.streams] : {
      Sid      = "SeeTheStreams"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream", "kinesis:ListTagsForResource"]
      Resource = streams
    } if 0 < length(streams)],
  )
}
