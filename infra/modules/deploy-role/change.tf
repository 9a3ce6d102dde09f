locals {
  change = concat(
    [
      {
        Sid      = "WriteTheStateAndItsLock"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${local.arn}:s3:::${var.state.bucket}/${var.state.key}", "${local.arn}:s3:::${var.state.bucket}/${var.state.key}.tflock"]
      },
      {
        # The data in it are none of a deployment's business: it neither reads nor deletes objects.
        Sid    = "ChangeTheBucket"
        Effect = "Allow"
        Action = [
          "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketOwnershipControls",
          "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
          "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        ]
        Resource = [local.bucket]
      },
      {
        Sid    = "ChangeTheFunctions"
        Effect = "Allow"
        Action = [
          "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias", "lambda:DeleteFunction",
          "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionEventInvokeConfig", "lambda:InvokeFunction",
          "lambda:PublishVersion", "lambda:PutFunctionConcurrency", "lambda:PutFunctionEventInvokeConfig",
          "lambda:UpdateAlias", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
          "lambda:UpdateFunctionEventInvokeConfig",
        ]
        Resource = [local.functions, "${local.functions}:*"]
      },
      {
        Sid      = "TagFunctionsAndMappings"
        Effect   = "Allow"
        Action   = ["lambda:TagResource", "lambda:UntagResource"]
        Resource = [local.functions, local.mappings]
      },
      {
        Sid      = "ConnectSourcesToTheFunctions"
        Effect   = "Allow"
        Action   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
        Resource = ["*"]
        # A mapping has no name, but the function that it calls has one.
        Condition = { ArnLike = { "lambda:FunctionArn" = [local.functions, "${local.functions}:*"] } }
      },
      {
        Sid    = "ChangeTheRoles"
        Effect = "Allow"
        Action = [
          "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        ]
        Resource = [local.roles]
      },
      {
        Sid       = "GiveTheRolesToFunctionsAndSchedule"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [local.roles]
        Condition = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com", "scheduler.amazonaws.com"] } }
      },
      {
        Sid      = "ChangeTheLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
        Resource = [local.logs, "${local.logs}:*"]
      },
      {
        Sid    = "ChangeTheSchedule"
        Effect = "Allow"
        Action = [
          "scheduler:CreateSchedule", "scheduler:CreateScheduleGroup", "scheduler:DeleteSchedule",
          "scheduler:DeleteScheduleGroup", "scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule",
        ]
        Resource = local.schedules
      },
      {
        Sid    = "ChangeTheTables"
        Effect = "Allow"
        Action = [
          "glue:CreateDatabase", "glue:CreateTable", "glue:DeleteDatabase", "glue:DeleteTable", "glue:TagResource",
          "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateTable",
        ]
        Resource = local.tables
      },
      {
        Sid      = "ChangeTheWorkGroup"
        Effect   = "Allow"
        Action   = ["athena:CreateWorkGroup", "athena:DeleteWorkGroup", "athena:TagResource", "athena:UntagResource", "athena:UpdateWorkGroup"]
        Resource = [local.workgroup]
      },
      {
        Sid    = "ChangeAlarmsAndDashboard"
        Effect = "Allow"
        Action = [
          "cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutCompositeAlarm",
          "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource",
        ]
        Resource = [local.alarms, local.dashboard]
      },
      {
        Sid    = "ChangeWhomAlarmsTell"
        Effect = "Allow"
        Action = [
          "lambda:AddPermission", "lambda:RemovePermission", "sns:CreateTopic", "sns:DeleteTopic",
          "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource", "sqs:CreateQueue",
          "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue",
        ]
        Resource = [local.topic, local.queue, local.functions, "${local.functions}:*"]
      },
      {
        # AWS knows no resources for these.
        Sid      = "ChangeSubscriptions"
        Effect   = "Allow"
        Action   = ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
        Resource = ["*"]
      },
    ],
    [for streams in [local.streams] : {
      Sid    = "ChangeTheStreams"
      Effect = "Allow"
      Action = [
        "kinesis:AddTagsToStream", "kinesis:CreateStream", "kinesis:DecreaseStreamRetentionPeriod", "kinesis:DeleteStream",
        "kinesis:IncreaseStreamRetentionPeriod", "kinesis:RemoveTagsFromStream", "kinesis:StartStreamEncryption",
        "kinesis:StopStreamEncryption", "kinesis:TagResource", "kinesis:UntagResource", "kinesis:UpdateShardCount",
        "kinesis:UpdateStreamMode",
      ]
      Resource = streams
    } if 0 < length(streams)],
  )
}
