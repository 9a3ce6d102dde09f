mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/a-role" }
  }
  mock_resource "aws_emrserverless_application" {
    defaults = { id = "an-application", arn = "arn:aws:emr-serverless:eu-central-1:111122223333:/applications/an-application" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:p95" }
  }
  mock_resource "aws_scheduler_schedule_group" {
    defaults = { arn = "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/p95" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:p95" }
  }
}

variables {
  name      = "p95"
  dataset   = "iot"
  lake      = { bucket = "a-lake", prefix = "l" }
  artifacts = "tests/artifacts"
  refine = {
    name      = "refine"
    alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:refine:live"
  }
}

run "the_application_costs_nothing_while_no_job_runs" {
  assert {
    condition = (
      length(aws_emrserverless_application.this[0].initial_capacity) == 0 &&
      one(aws_emrserverless_application.this[0].auto_start_configuration).enabled &&
      one(aws_emrserverless_application.this[0].auto_stop_configuration).enabled &&
      one(aws_emrserverless_application.this[0].auto_stop_configuration).idle_timeout_minutes == 5
    )
    error_message = "something is initialised in advance, or goes on after the last job"
  }

  assert {
    condition = (
      one(aws_emrserverless_application.this[0].maximum_capacity).cpu == "32 vCPU" &&
      one(aws_emrserverless_application.this[0].maximum_capacity).memory == "256 GB" &&
      one(aws_emrserverless_application.this[0].maximum_capacity).disk == "640 GB"
    )
    error_message = "a question may take more than was said"
  }

  assert {
    condition     = aws_emrserverless_application.this[0].release_label == "emr-spark-8.1.0" && aws_emrserverless_application.this[0].architecture == "ARM64"
    error_message = "the jobs were tested with another Spark"
  }
}

run "artifacts_are_named_by_their_content" {
  assert {
    condition = {
      for name, object in aws_s3_object.artifact : name => object.key
      } == {
      for name in ["p95_job.py", "penstock_spark.zip", "validate_job.py"] : name => "emr-artifacts/p95/6f73df0e552860a2/${name}"
    }
    error_message = "artifacts lie elsewhere: ${jsonencode(values(aws_s3_object.artifact)[*].key)}"
  }
}

run "the_job_may_do_what_it_does" {
  assert {
    condition = { for statement in local.job_statements : statement.Sid => statement.Resource } == {
      ReadArtifactsAndSilver = [
        "arn:aws:s3:::a-lake/emr-artifacts/p95/6f73df0e552860a2/*",
        "arn:aws:s3:::a-lake/l/_penstock",
        "arn:aws:s3:::a-lake/l/_penstock/format.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/cuts/*",
        "arn:aws:s3:::a-lake/l/_penstock/iot/hints/progress.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/state",
        "arn:aws:s3:::a-lake/l/_penstock/iot/state/*",
        "arn:aws:s3:::a-lake/l/silver/iot",
        "arn:aws:s3:::a-lake/l/silver/iot/*",
      ]
      MakeReports              = ["arn:aws:s3:::a-lake/l/reports/p95/iot/*"]
      LeaveItsLog              = ["arn:aws:s3:::a-lake/emr-logs/p95/*"]
      ListAndLearnWhatIsAbsent = ["arn:aws:s3:::a-lake"]
    }
    error_message = "the job may do something else: ${jsonencode(local.job_statements)}"
  }
}

run "it_lists_only_where_it_reads_and_writes" {
  assert {
    condition = [for statement in local.job_statements : statement.Condition if can(statement.Condition)] == [{ StringLikeIfExists = { "s3:prefix" = [
      "l/_penstock/*",
      "l/reports/p95/iot/*",
      "l/silver/iot/*",
    ] } }]
    error_message = "it may list something else"
  }

  assert {
    condition = [for statement in local.job_statements : statement.Action] == [
      ["s3:GetObject"], ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], ["s3:PutObject"], ["s3:ListBucket"],
    ]
    error_message = "it may do something else with them"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.job.policy).Statement == jsondecode(jsonencode(local.job_statements))
    error_message = "the role has other rights than those that are named"
  }
}

run "the_key_of_the_lake_serves_s3_alone" {
  variables {
    lake = { bucket = "a-lake", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1" }
  }

  assert {
    condition = [for statement in concat(local.job_statements, local.machine_statements) : [statement.Action, statement.Resource, statement.Condition] if startswith(statement.Action[0], "kms:")] == [
      [["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-central-1:111122223333:key/1"], { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } }],
      [["kms:Decrypt"], ["arn:aws:kms:eu-central-1:111122223333:key/1"], { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } }],
    ]
    error_message = "the key may be used otherwise"
  }

  assert {
    condition     = local.url == "s3://a-lake" && local.report == "s3://a-lake/reports/p95/iot/"
    error_message = "a lake at the root of its bucket is somewhere else"
  }
}

run "only_this_application_takes_the_role_of_the_job" {
  assert {
    condition = jsondecode(aws_iam_role.job.assume_role_policy).Statement == [{
      Sid       = "TheApplicationTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "emr-serverless.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = "111122223333"
          "aws:SourceArn"     = "arn:aws:emr-serverless:eu-central-1:111122223333:/applications/an-application"
        }
      }
    }]
    error_message = "somebody else may take the role: ${aws_iam_role.job.assume_role_policy}"
  }
}

run "the_state_machine_may_do_what_it_does" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.machine.policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      CallRefine           = [["lambda:InvokeFunction"], ["arn:aws:lambda:eu-central-1:111122223333:function:refine:live"]]
      LookAtReports        = [["s3:GetObject"], ["arn:aws:s3:::a-lake/l/reports/p95/iot/*"]]
      LearnWhatIsAbsent    = [["s3:ListBucket"], ["arn:aws:s3:::a-lake"]]
      TellOfAFailure       = [["sns:Publish"], ["arn:aws:sns:eu-central-1:111122223333:p95"]]
      StartTheJob          = [["emr-serverless:StartJobRun"], ["arn:aws:emr-serverless:eu-central-1:111122223333:/applications/an-application"]]
      FollowTheJob         = [["emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"], ["arn:aws:emr-serverless:eu-central-1:111122223333:/applications/an-application/jobruns/*"]]
      GiveTheJobItsRole    = [["iam:PassRole"], ["arn:aws:iam::111122223333:role/a-role"]]
      HearOfTheEndOfTheJob = [["events:DescribeRule", "events:PutRule", "events:PutTargets"], ["arn:aws:events:eu-central-1:111122223333:rule/StepFunctionsGetEventsForEMRServerlessJobRule"]]
    }
    error_message = "it may do something else: ${aws_iam_role_policy.machine.policy}"
  }

  assert {
    condition = [for statement in local.machine_statements : statement.Condition if contains(["LearnWhatIsAbsent", "GiveTheJobItsRole"], statement.Sid)] == [
      { StringLikeIfExists = { "s3:prefix" = ["l/reports/p95/iot/*"] } },
      { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } },
    ]
    error_message = "a condition is another one"
  }

  assert {
    condition = jsondecode(aws_iam_role.machine.assume_role_policy).Statement == [{
      Sid       = "TheStateMachineTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = ["arn:aws:states:eu-central-1:111122223333:stateMachine:p95"] }
      }
    }]
    error_message = "somebody else may take the role: ${aws_iam_role.machine.assume_role_policy}"
  }
}

run "the_job_is_asked_about_the_day" {
  variables {
    spark_options = "--conf spark.executor.memory=24g"
    job_options   = ["--approximate", "10000"]
  }

  assert {
    condition = jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Arguments.JobDriver.SparkSubmit == {
      EntryPoint = "s3://a-lake/emr-artifacts/p95/6f73df0e552860a2/p95_job.py"
      EntryPointArguments = [
        "--lake", "s3://a-lake/l", "--dataset", "iot", "--from", "{% $day %}", "--to", "{% $day %}", "--run-id", "{% $run_id %}",
        "--approximate", "10000",
      ]
      SparkSubmitParameters = "--py-files s3://a-lake/emr-artifacts/p95/6f73df0e552860a2/penstock_spark.zip --conf spark.executor.memory=24g"
    }
    error_message = "the job is asked something else"
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Resource == "arn:aws:states:::emr-serverless:startJobRun.sync" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Arguments.ExecutionTimeoutMinutes == 120 &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Retry == [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 60, MaxAttempts = 2, BackoffRate = 2 }]
    )
    error_message = "nobody waits for the job, or tries it again"
  }
}

run "whatever_fails_is_told" {
  assert {
    condition = alltrue([
      for name, state in jsondecode(aws_sfn_state_machine.this.definition).States :
      jsonencode([for catch in state.Catch : [catch.ErrorEquals, catch.Next]]) == jsonencode([[["States.ALL"], "Tell"]])
      if state.Type == "Task" && name != "Tell"
    ])
    error_message = "a task ends the execution without a word"
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Tell.Arguments.TopicArn == "arn:aws:sns:eu-central-1:111122223333:p95" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Tell.Next == "Failed" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Failed.Type == "Fail"
    )
    error_message = "a failure is told to nobody, or taken for a success"
  }

  assert {
    condition     = aws_sns_topic.this[0].kms_master_key_id == "alias/aws/sns"
    error_message = "messages are readable on the disk"
  }
}

run "a_report_is_looked_at_before_it_is_called_done" {
  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Next == "ReadTheManifest" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.ReadTheManifest.Next == "LookAtTheCsv" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.LookAtTheCsv.Next == "IsTheReportWhole" &&
      [for choice in jsondecode(aws_sfn_state_machine.this.definition).States.IsTheReportWhole.Choices : choice.Next] == ["Tell", "Tell"]
    )
    error_message = "a report that is missing or empty is taken for a whole one"
  }
}

run "every_state_leads_to_one_that_is_there" {
  assert {
    condition = alltrue(flatten([
      for state in values(local.states) : [
        for next in flatten([try(state.Next, []), try(state.Default, []), try(state.Choices[*].Next, []), try(state.Catch[*].Next, [])]) :
        contains(keys(local.states), next)
      ]
    ]))
    error_message = "a state leads nowhere"
  }
}

run "yesterday_is_asked_about_each_night" {
  assert {
    condition = (
      aws_scheduler_schedule.this.schedule_expression == "cron(0 2 * * ? *)" &&
      aws_scheduler_schedule.this.schedule_expression_timezone == "UTC" &&
      aws_scheduler_schedule.this.state == "ENABLED" &&
      one(aws_scheduler_schedule.this.target).arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:p95" &&
      one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_event_age_in_seconds == 21600
    )
    error_message = "the schedule is another one"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.schedule.policy).Statement == [{
      Sid      = "StartTheStateMachine"
      Effect   = "Allow"
      Action   = ["states:StartExecution"]
      Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:p95"]
    }]
    error_message = "the schedule may do something else: ${aws_iam_role_policy.schedule.policy}"
  }

  assert {
    condition = jsondecode(aws_iam_role.schedule.assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "aws:SourceAccount" = "111122223333"
        "aws:SourceArn"     = "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/p95"
      }
    }
    error_message = "another schedule may take the role"
  }
}

run "without_tables_nothing_is_compacted" {
  assert {
    condition = (
      length(aws_sfn_state_machine.compaction) == 0 && length(aws_scheduler_schedule.compaction) == 0 &&
      length(aws_iam_role.compaction) == 0 && output.compaction_arn == null
    )
    error_message = "there is a compaction, and nothing to compact"
  }
}

run "tables_are_compacted_each_night" {
  variables {
    compaction    = { database = "penstock_dev" }
    spark_options = "--conf spark.executor.memory=24g"
  }

  assert {
    condition = (
      aws_scheduler_schedule.compaction[0].schedule_expression == "cron(0 4 * * ? *)" &&
      aws_scheduler_schedule.compaction[0].schedule_expression_timezone == "UTC" &&
      aws_scheduler_schedule.compaction[0].state == "ENABLED" &&
      one(aws_scheduler_schedule.compaction[0].target).arn == output.compaction_arn
    )
    error_message = "the schedule is another one"
  }

  assert {
    condition     = contains(keys(aws_s3_object.artifact), "compact_job.py")
    error_message = "the job is not where it is looked for"
  }

  assert {
    condition = jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Compact.Arguments.JobDriver.SparkSubmit == {
      EntryPoint            = local.artifact["compact_job.py"]
      EntryPointArguments   = ["--lake", "s3://a-lake/l", "--catalog", "glue", "--namespace", "penstock_dev", "--dataset", "iot", "--keep-hours", "24"]
      SparkSubmitParameters = "--py-files ${local.artifact["penstock_spark.zip"]} --conf spark.executor.memory=24g --conf spark.jars=/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"
    }
    error_message = "the job does something else: ${aws_sfn_state_machine.compaction[0].definition}"
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Compact.Resource == "arn:aws:states:::emr-serverless:startJobRun.sync" &&
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Compact.Arguments.ExecutionTimeoutMinutes == 120 &&
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Compact.Retry == [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 60, MaxAttempts = 2, BackoffRate = 2 }]
    )
    error_message = "nobody waits for the job, or tries it again"
  }

  assert {
    condition = (
      [for catch in jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Compact.Catch : [catch.ErrorEquals, catch.Next]] == [[["States.ALL"], "Tell"]] &&
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Compact.Next == "Done" &&
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Tell.Arguments.TopicArn == "arn:aws:sns:eu-central-1:111122223333:p95" &&
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Tell.Next == "Failed" &&
      jsondecode(aws_sfn_state_machine.compaction[0].definition).States.Failed.Type == "Fail"
    )
    error_message = "a failure is told to nobody, or taken for a success"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.compaction[0].policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      ReadArtifacts = [["s3:GetObject"], ["arn:aws:s3:::a-lake/${local.folder}/*"]]
      RewriteTables = [["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::a-lake/l/tables/iot/*"]]
      LeaveItsLog   = [["s3:PutObject"], ["arn:aws:s3:::a-lake/emr-logs/p95/*"]]
      CommitToTables = [["glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"], [
        "arn:aws:glue:eu-central-1:111122223333:catalog",
        "arn:aws:glue:eu-central-1:111122223333:database/penstock_dev",
        "arn:aws:glue:eu-central-1:111122223333:table/penstock_dev/iot_*",
      ]]
    }
    error_message = "the job may do something else: ${aws_iam_role_policy.compaction[0].policy}"
  }

  assert {
    condition     = jsondecode(aws_iam_role.compaction[0].assume_role_policy) == jsondecode(aws_iam_role.job.assume_role_policy)
    error_message = "somebody else may take the role: ${aws_iam_role.compaction[0].assume_role_policy}"
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.job.policy, "glue:") && !strcontains(aws_iam_role_policy.job.policy, "tables/")
    error_message = "the job of the report may write tables"
  }

  assert {
    condition = (
      jsondecode(aws_iam_role.machine.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == [
        "arn:aws:states:eu-central-1:111122223333:stateMachine:p95", "arn:aws:states:eu-central-1:111122223333:stateMachine:p95-compaction",
      ] &&
      one([for statement in local.machine_statements : statement.Resource if statement.Sid == "GiveTheJobItsRole"]) == concat([aws_iam_role.job.arn], aws_iam_role.compaction[*].arn) &&
      one(jsondecode(aws_iam_role_policy.schedule.policy).Statement).Resource == concat([aws_sfn_state_machine.this.arn], aws_sfn_state_machine.compaction[*].arn)
    )
    error_message = "it cannot be started, or hands out another role"
  }
}

run "the_key_of_the_lake_serves_its_tables_in_s3_alone" {
  variables {
    lake       = { bucket = "a-lake", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1" }
    compaction = { database = "penstock_dev" }
  }

  assert {
    condition = [for statement in local.compaction_statements : [statement.Action, statement.Resource, statement.Condition] if startswith(statement.Action[0], "kms:")] == [
      [["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-central-1:111122223333:key/1"], { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } }],
    ]
    error_message = "the key may be used otherwise"
  }
}

run "wrong_values_of_a_compaction_are_refused" {
  command = plan

  variables {
    ec2        = { subnet_id = "subnet-0123456789abcdef0" }
    compaction = { database = "penstock_dev", schedule = "0 4 * * *", keep_hours = 0.5 }
  }

  expect_failures = [var.compaction]
}

run "it_can_be_off_and_tell_somebody_else" {
  variables {
    enabled   = false
    topic_arn = "arn:aws:sns:eu-central-1:111122223333:theirs"
  }

  assert {
    condition     = aws_scheduler_schedule.this.state == "DISABLED" && length(aws_sns_topic.this) == 0 && output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:theirs"
    error_message = "it is on, or has a topic of its own"
  }
}

run "on_ec2_each_run_makes_a_cluster_and_ends_it" {
  variables {
    ec2           = { subnet_id = "subnet-0123456789abcdef0" }
    spark_options = "--conf spark.executor.memory=24g"
  }

  assert {
    condition     = length(aws_emrserverless_application.this) == 0 && output.application_id == null
    error_message = "there are both"
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Resource == "arn:aws:states:::elasticmapreduce:createCluster.sync" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Next == "RunTheStep" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.RunTheStep.Resource == "arn:aws:states:::elasticmapreduce:addStep.sync" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.RunTheStep.Next == "EndTheCluster" &&
      [for catch in jsondecode(aws_sfn_state_machine.this.definition).States.RunTheStep.Catch : [catch.ErrorEquals, catch.Next]] == [[["States.ALL"], "EndTheCluster"]] &&
      jsondecode(aws_sfn_state_machine.this.definition).States.EndTheCluster.Resource == "arn:aws:states:::elasticmapreduce:terminateCluster" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.HasTheStepFailed.Default == "ReadTheManifest"
    )
    error_message = "a cluster stays, or a step is not waited for"
  }

  assert {
    condition = (
      try(jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Arguments.AutoTerminationPolicy, null) == { IdleTimeout = 600 } &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Ask.Arguments.Instances == {
        Ec2SubnetId = "subnet-0123456789abcdef0"
        InstanceGroups = [
          { InstanceRole = "MASTER", InstanceType = "m7g.xlarge", InstanceCount = 1 },
          { InstanceRole = "CORE", InstanceType = "m7g.xlarge", InstanceCount = 2 },
        ]
        KeepJobFlowAliveWhenNoSteps = true
      }
    )
    error_message = "the cluster is another one"
  }

  assert {
    condition = jsondecode(aws_sfn_state_machine.this.definition).States.RunTheStep.Arguments.Step.HadoopJarStep.Args == [
      "spark-submit", "--deploy-mode", "client", "--py-files", "s3://a-lake/emr-artifacts/p95/6f73df0e552860a2/penstock_spark.zip",
      "--conf", "spark.executor.memory=24g", "s3://a-lake/emr-artifacts/p95/6f73df0e552860a2/p95_job.py",
      "--lake", "s3://a-lake/l", "--dataset", "iot", "--from", "{% $day %}", "--to", "{% $day %}", "--run-id", "{% $run_id %}",
    ]
    error_message = "the step does something else"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.machine.policy).Statement : statement.Sid => [statement.Resource, statement.Condition] if can(statement.Condition) && statement.Sid != "LearnWhatIsAbsent" } == {
      MakeClustersOfItsOwn     = [["*"], { StringEquals = { "elasticmapreduce:RequestTag/penstock" = "p95" } }]
      FollowAndEndThem         = [["arn:aws:elasticmapreduce:eu-central-1:111122223333:cluster/*"], { StringEquals = { "elasticmapreduce:ResourceTag/penstock" = "p95" } }]
      GiveTheClusterItsRole    = [["arn:aws:iam::111122223333:role/a-role"], { StringEquals = { "iam:PassedToService" = "elasticmapreduce.amazonaws.com" } }]
      GiveTheMachinesTheirRole = [["arn:aws:iam::111122223333:role/a-role"], { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }]
    }
    error_message = "it may reach clusters of others: ${aws_iam_role_policy.machine.policy}"
  }

  assert {
    condition     = [for statement in local.ec2_statements : statement.Action if !can(statement.Condition) && !startswith(statement.Action[0], "events:")] == [["elasticmapreduce:PutAutoTerminationPolicy"]]
    error_message = "it may do something with any cluster"
  }

  assert {
    condition = (
      aws_iam_instance_profile.job[0].name == "p95-job" &&
      jsondecode(aws_iam_role.job.assume_role_policy).Statement[0].Principal == { Service = "ec2.amazonaws.com" } &&
      aws_iam_role_policy_attachment.emr[0].policy_arn == "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2" &&
      jsondecode(aws_iam_role.emr[0].assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" } } &&
      jsondecode(aws_iam_role_policy.emr[0].policy).Statement[0].Condition == { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
    )
    error_message = "a role of the cluster is another one"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name            = "P95"
    artifacts       = "tests"
    ec2             = { subnet_id = "a-subnet", workers = 0 }
    maximum_vcpu    = 4
    architecture    = "ARM64"
    release_label   = "emr-7.13.0"
    job_options     = ["--lake", "s3://another"]
    schedule        = "0 2 * * *"
    timeout_minutes = 1
    retry           = { times = 0 }
    topic_arn       = "p95"
  }

  expect_failures = [
    var.name, var.artifacts, var.ec2, var.maximum_vcpu, var.architecture, var.release_label, var.job_options, var.schedule,
    var.timeout_minutes, var.retry, var.topic_arn,
  ]
}
