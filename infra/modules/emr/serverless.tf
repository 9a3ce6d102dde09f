# EMR Serverless: an application costs nothing while no job runs, because nothing is initialised in advance.
# It has no network of its own: S3 is all that the job reaches.
resource "aws_emrserverless_application" "this" {
  count = var.ec2 == null ? 1 : 0

  name          = var.name
  type          = "spark"
  release_label = var.release_label
  architecture  = var.architecture == "arm64" ? "ARM64" : "X86_64"

  auto_start_configuration {
    enabled = true
  }

  # Workers go as soon as their job has ended; a second try finds the application warm.
  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = 5
  }

  # A question that is too large takes longer, and costs no more than this at once.
  maximum_capacity {
    cpu    = "${var.maximum_vcpu} vCPU"
    memory = "${8 * var.maximum_vcpu} GB"
    disk   = "${20 * var.maximum_vcpu} GB"
  }
}

locals {
  job_log = {
    MonitoringConfiguration = {
      S3MonitoringConfiguration = { LogUri = "s3://${var.lake.bucket}/${local.logs}/" }
    }
  }

  serverless_states = {
    Ask = {
      Type     = "Task"
      Comment  = "The job ends with the report, or with a message in its log"
      Resource = "arn:${local.partition}:states:::emr-serverless:startJobRun.sync"
      Arguments = {
        ApplicationId    = one(aws_emrserverless_application.this[*].id)
        ExecutionRoleArn = aws_iam_role.job.arn
        Name             = "{% '${var.name}-' & $run_id %}"
        JobDriver = {
          SparkSubmit = {
            EntryPoint            = local.artifact["p95_job.py"]
            EntryPointArguments   = local.job_arguments
            SparkSubmitParameters = join(" ", local.spark_arguments)
          }
        }
        ConfigurationOverrides  = local.job_log
        ExecutionTimeoutMinutes = var.timeout_minutes
      }
      Retry = local.retry_job
      Catch = local.give_up["The job failed"]
      Next  = "ReadTheManifest"
    }
  }

  serverless_statements = [
    {
      Sid      = "StartTheJob"
      Effect   = "Allow"
      Action   = ["emr-serverless:StartJobRun"]
      Resource = aws_emrserverless_application.this[*].arn
    },
    {
      Sid      = "FollowTheJob"
      Effect   = "Allow"
      Action   = ["emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"]
      Resource = [for arn in aws_emrserverless_application.this[*].arn : "${arn}/jobruns/*"]
    },
    {
      Sid       = "GiveTheJobItsRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = concat([aws_iam_role.job.arn], aws_iam_role.compaction[*].arn)
      Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } }
    },
    {
      # Step Functions waits for the end of a job by a rule of its own, which has this name.
      Sid      = "HearOfTheEndOfTheJob"
      Effect   = "Allow"
      Action   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      Resource = ["arn:${local.partition}:events:${local.region}:${local.account_id}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"]
    },
  ]
}
