# Keeps the dataset's Iceberg tables in shape (docs/iceberg.md), on the same application: a state machine and a job role
# of their own, because the report reads the lake and this writes tables.
locals {
  compaction = var.compaction == null ? [] : [var.compaction]
  tables     = "${local.prefix}tables/${var.dataset}"
  glue       = "arn:${local.partition}:glue:${local.region}:${local.account_id}"

  # A try that comes after half of the work finds less to do.
  compaction_states = [for compaction in local.compaction : {
    Compact = {
      Type     = "Task"
      Comment  = "The job ends when all tables are done, or with a message in its log"
      Resource = "arn:${local.partition}:states:::emr-serverless:startJobRun.sync"
      Arguments = {
        ApplicationId    = one(aws_emrserverless_application.this[*].id)
        ExecutionRoleArn = one(aws_iam_role.compaction[*].arn)
        Name             = "${var.name}-compaction"
        JobDriver = {
          SparkSubmit = {
            EntryPoint = local.artifact["compact_job.py"]
            EntryPointArguments = [
              "--lake", local.url, "--catalog", "glue", "--namespace", compaction.database, "--dataset", var.dataset,
              "--keep-hours", tostring(compaction.keep_hours),
            ]
            # EMR's own Iceberg, where its documentation says that it lies.
            SparkSubmitParameters = join(" ", concat(
              local.spark_arguments, ["--conf", "spark.jars=/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"],
            ))
          }
        }
        ConfigurationOverrides  = local.job_log
        ExecutionTimeoutMinutes = var.timeout_minutes
      }
      Retry = local.retry_job
      Catch = local.give_up["The compaction failed"]
      Next  = "Done"
    }

    Done = { Type = "Succeed" }

    Tell = {
      Type     = "Task"
      Resource = "arn:${local.partition}:states:::sns:publish"
      Arguments = {
        TopicArn = local.topic_arn
        Subject  = "${var.name}: the tables were not compacted"
        Message  = "{% $problem & '\n\nThe tables can be read and appended to as before; their small files and old snapshots stay until a run succeeds. The logs are below s3://${var.lake.bucket}/${local.logs}/.\nWhen the reason is mended, redrive ' & $states.context.Execution.Id & ' or wait for the next run.' %}"
      }
      Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2 }]
      Next  = "Failed"
    }

    Failed = {
      Type  = "Fail"
      Error = "NotCompacted"
      Cause = "{% $problem %}"
    }
  }]

  compaction_statements = concat(
    [
      {
        Sid      = "ReadArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.bucket_arn}/${local.folder}/*"]
      },
      {
        Sid      = "RewriteTables"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${local.bucket_arn}/${local.tables}/*"]
      },
      {
        Sid      = "LeaveItsLog"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${local.bucket_arn}/${local.logs}/*"]
      },
    ],
    [for compaction in local.compaction : {
      Sid    = "CommitToTables"
      Effect = "Allow"
      Action = ["glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"]
      Resource = [
        for resource in ["catalog", "database/${compaction.database}", "table/${compaction.database}/${var.dataset}_*"] : "${local.glue}:${resource}"
      ]
    }],
    [for arn in compact([var.lake.kms_key_arn]) : {
      Sid       = "UseTheKeyOfTheLake"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
    }],
  )
}

resource "aws_sfn_state_machine" "compaction" {
  #checkov:skip=CKV_AWS_284:One execution a day, of which Step Functions keeps each step for 90 days.
  #checkov:skip=CKV_AWS_285:The same.
  count = length(local.compaction)

  name     = "${var.name}-compaction"
  role_arn = aws_iam_role.machine.arn

  definition = jsonencode({
    Comment       = "Joins small files of the Iceberg tables of ${var.dataset}, and lets old snapshots expire"
    QueryLanguage = "JSONata"
    StartAt       = "Compact"
    States        = local.compaction_states[0]
  })

  # It would begin before it may do anything.
  depends_on = [aws_iam_role_policy.machine]
}

resource "aws_scheduler_schedule" "compaction" {
  #checkov:skip=CKV_AWS_297:The schedule holds no data: an ARN and a time.
  count = length(local.compaction)

  name        = "${var.name}-compaction"
  description = "Has the Iceberg tables compacted"
  group_name  = aws_scheduler_schedule_group.this.name
  state       = var.enabled ? "ENABLED" : "DISABLED"

  schedule_expression          = local.compaction[0].schedule
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.compaction[0].arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({})
  }
}

resource "aws_iam_role" "compaction" {
  count = length(local.compaction)

  name        = "${var.name}-compaction-job"
  description = "What the Spark job ${var.name}-compaction may do"

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = local.job_trust })
}

resource "aws_iam_role_policy" "compaction" {
  count = length(local.compaction)

  name = "tables-and-log"
  role = aws_iam_role.compaction[0].name

  policy = jsonencode({ Version = "2012-10-17", Statement = local.compaction_statements })
}
