# The state machine: refine once more, ask, look whether the report is whole, and tell who should know when it is not.
locals {
  job_arguments = concat(
    ["--lake", local.url, "--dataset", var.dataset, "--from", "{% $day %}", "--to", "{% $day %}", "--run-id", "{% $run_id %}"],
    var.job_options,
  )
  spark_arguments = concat(["--py-files", local.artifact["penstock_spark.zip"]], compact(split(" ", var.spark_options)))

  # A try does what is left to do, because each has the same run id.
  retry_job = [{
    ErrorEquals     = ["States.ALL"]
    IntervalSeconds = var.retry.after_secs
    MaxAttempts     = var.retry.times
    BackoffRate     = 2
  }]

  # EMR says the reason inside of a description of the job or the step.
  reason = join(" ", [
    "$cause := $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : '';",
    "$said := $substring($cause, 0, 1) = '{' ? $parse($cause) : {};",
    "$details := [$said.StateDetails, $said.Step.Status.FailureDetails.Message, $said.Cluster.Status.StateChangeReason.Message, $cause];",
    "$details[0]",
  ])

  give_up = {
    for what in [
      "Refine did not answer", "The job failed", "The cluster did not come up", "The step failed",
      "The cluster could not be ended, and ends when it has been idle for ten minutes",
      "The compaction failed", "The job ended well, but its report has no manifest", "The job ended well, but its report has no p95.csv",
    ] :
    what => [{
      ErrorEquals = ["States.ALL"]
      Assign      = { problem = "{% (${local.reason}) ~> function($reason) { '${what} (' & $states.errorOutput.Error & '): ' & $reason } %}" }
      Next        = "Tell"
    }]
  }

  report = "s3://${var.lake.bucket}/${local.reports}/"

  common_states = {
    ChooseTheDay = {
      Type    = "Pass"
      Comment = "The input may name a day and a run id; the schedule names none, and means the day before, in UTC"
      Assign = {
        day     = "{% ${local.day} %}"
        run_id  = "{% $exists($states.input.run_id) ? $states.input.run_id : ${local.day} %}"
        problem = ""
      }
      Next = "Refine"
    }

    Refine = {
      Type      = "Task"
      Comment   = "What has landed by now shall be in the report"
      Resource  = "arn:${local.partition}:states:::lambda:invoke"
      Arguments = { FunctionName = var.refine.alias_arn, Payload = { source = var.name } }
      Assign    = { behind = "{% $states.result.Payload.behind %}" }
      Retry = [
        # It runs once at a time, and its schedule may have been faster.
        { ErrorEquals = ["Lambda.TooManyRequestsException"], IntervalSeconds = 20, MaxAttempts = 60, BackoffRate = 1 },
        { ErrorEquals = ["States.ALL"], IntervalSeconds = 60, MaxAttempts = 3, BackoffRate = 2 },
      ]
      Catch = local.give_up["Refine did not answer"]
      Next  = "IsRefineBehind"
    }

    IsRefineBehind = {
      Type    = "Choice"
      Choices = [{ Condition = "{% $behind %}", Next = "Refine" }]
      Default = "Ask"
    }

    ReadTheManifest = {
      Type      = "Task"
      Comment   = "It comes last and makes a report of the files"
      Resource  = "arn:${local.partition}:states:::aws-sdk:s3:getObject"
      Arguments = { Bucket = var.lake.bucket, Key = "{% '${local.reports}/' & $run_id & '/manifest.json' %}" }
      Assign    = { manifest = "{% $parse($states.result.Body) %}" }
      Retry     = local.retry_s3
      Catch     = local.give_up["The job ended well, but its report has no manifest"]
      Next      = "LookAtTheCsv"
    }

    LookAtTheCsv = {
      Type      = "Task"
      Resource  = "arn:${local.partition}:states:::aws-sdk:s3:headObject"
      Arguments = { Bucket = var.lake.bucket, Key = "{% '${local.reports}/' & $run_id & '/p95.csv' %}" }
      Assign    = { bytes = "{% $states.result.ContentLength %}" }
      Retry     = local.retry_s3
      Catch     = local.give_up["The job ended well, but its report has no p95.csv"]
      Next      = "IsTheReportWhole"
    }

    IsTheReportWhole = {
      Type = "Choice"
      Choices = [
        {
          Condition = "{% $bytes = 0 or $bytes != $manifest.files[name = 'p95.csv'].bytes %}"
          Assign    = { problem = "{% '${local.report}' & $run_id & '/p95.csv has ' & $bytes & ' bytes, and its manifest says another number' %}" }
          Next      = "Tell"
        },
        {
          Condition = "{% $manifest.groups = 0 %}"
          Assign    = { problem = "{% '${local.report}' & $run_id & '/p95.csv has no row: of ' & $manifest.events & ' events on ' & $day & ' no group had ' & $manifest.asked.min_events %}" }
          Next      = "Tell"
        },
      ]
      Default = "Done"
    }

    Done = {
      Type   = "Succeed"
      Output = { day = "{% $day %}", report = "{% '${local.report}' & $run_id & '/p95.csv' %}", groups = "{% $manifest.groups %}" }
    }

    Tell = {
      Type     = "Task"
      Resource = "arn:${local.partition}:states:::sns:publish"
      Arguments = {
        TopicArn = local.topic_arn
        Subject  = "{% '${var.name}: no report of ' & $day %}"
        Message  = "{% $problem & '\n\nThe report of ' & $day & ' was to be ${local.report}' & $run_id & '/, the logs are below s3://${var.lake.bucket}/${local.logs}/.\nWhen the reason is mended, redrive ' & $states.context.Execution.Id & ' or start the state machine with {\"day\": \"' & $day & '\"}.' %}"
      }
      Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2 }]
      Next  = "Failed"
    }

    Failed = {
      Type  = "Fail"
      Error = "NoReport"
      Cause = "{% $problem %}"
    }
  }

  day = "($exists($states.input.day) ? $states.input.day : $fromMillis($toMillis($states.context.Execution.StartTime) - 86400000, '[Y0001]-[M01]-[D01]'))"

  # Not for an object that is absent: it will be absent a second later, too.
  retry_s3 = [
    { ErrorEquals = ["S3.NoSuchKeyException"], MaxAttempts = 0 },
    { ErrorEquals = ["States.ALL"], IntervalSeconds = 2, MaxAttempts = 5, BackoffRate = 2 },
  ]

  # As text, because the two have different states, and a condition asks for two of one type.
  states = merge(local.common_states, jsondecode(var.ec2 == null ? jsonencode(local.serverless_states) : jsonencode(local.ec2_states)))

  machine_statements = concat(
    [
      {
        Sid      = "CallRefine"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [var.refine.alias_arn]
      },
      {
        Sid      = "LookAtReports"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.bucket_arn}/${local.reports}/*"]
      },
      {
        # S3 answers 404 for an absent object only to who may list.
        Sid       = "LearnWhatIsAbsent"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.bucket_arn]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["${local.reports}/*"] } }
      },
      {
        Sid      = "TellOfAFailure"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [local.topic_arn]
      },
    ],
    [for arn in compact([var.lake.kms_key_arn]) : {
      Sid       = "ReadWithTheKeyOfTheLake"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
    }],
    [for statement in local.serverless_statements : statement if var.ec2 == null],
    [for statement in local.ec2_statements : statement if var.ec2 != null],
  )
}

resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_284:One execution a day, of which Step Functions keeps each step for 90 days.
  #checkov:skip=CKV_AWS_285:The same.
  name     = var.name
  role_arn = aws_iam_role.machine.arn

  definition = jsonencode({
    Comment       = "The p95 report of ${var.dataset} for a day"
    QueryLanguage = "JSONata"
    StartAt       = "ChooseTheDay"
    States        = local.states
  })

  # It would begin before it may do anything.
  depends_on = [aws_iam_role_policy.machine]
}

resource "aws_iam_role" "machine" {
  name        = "${var.name}-state-machine"
  description = "What the state machine ${var.name} may do"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheStateMachineTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike = {
          "aws:SourceArn" = [
            for name in concat([var.name], [for compaction in local.compaction : "${var.name}-compaction"]) :
            "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${name}"
          ]
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "machine" {
  name = "make-a-report"
  role = aws_iam_role.machine.name

  policy = jsonencode({ Version = "2012-10-17", Statement = local.machine_statements })
}
