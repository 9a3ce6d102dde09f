# EMR on EC2: each run makes a cluster, gives it one step, and ends it. Terraform makes no cluster (aws_emr_cluster):
# one that is gone after an hour would be a difference in every plan.
locals {
  # The policy of AWS for EMR's role reaches only what bears this tag; the rights below name the other one.
  ec2_tags = { "for-use-with-amazon-emr-managed-policies" = "true", penstock = var.name }

  ec2_states = {
    Ask = {
      Type     = "Task"
      Comment  = "A cluster of its own"
      Resource = "arn:${local.partition}:states:::elasticmapreduce:createCluster.sync"
      Arguments = {
        Name         = "{% '${var.name}-' & $run_id %}"
        ReleaseLabel = var.release_label
        Applications = [{ Name = "Spark" }]
        ServiceRole  = one(aws_iam_role.emr[*].arn)
        JobFlowRole  = one(aws_iam_instance_profile.job[*].name)
        LogUri       = "s3://${var.lake.bucket}/${local.logs}/"
        Instances = {
          Ec2SubnetId = try(var.ec2.subnet_id, null)
          InstanceGroups = [
            { InstanceRole = "MASTER", InstanceType = try(var.ec2.instance_type, null), InstanceCount = 1 },
            { InstanceRole = "CORE", InstanceType = try(var.ec2.instance_type, null), InstanceCount = try(var.ec2.workers, null) },
          ]
          # The step comes when the cluster is there.
          KeepJobFlowAliveWhenNoSteps = true
        }
        # Should this execution be stopped by hand, the cluster ends by itself.
        AutoTerminationPolicy = { IdleTimeout = 600 }
        Tags                  = [for key, value in local.ec2_tags : { Key = key, Value = value }]
      }
      Assign = { cluster = "{% $states.result.ClusterId %}" }
      Retry  = local.retry_job
      Catch  = local.give_up["The cluster did not come up"]
      Next   = "RunTheStep"
    }

    RunTheStep = {
      Type     = "Task"
      Comment  = "In client mode, so that the step's log has the job's message"
      Resource = "arn:${local.partition}:states:::elasticmapreduce:addStep.sync"
      Arguments = {
        ClusterId = "{% $cluster %}"
        Step = {
          Name            = "{% '${var.name}-' & $run_id %}"
          ActionOnFailure = "CONTINUE"
          HadoopJarStep = {
            Jar = "command-runner.jar"
            Args = concat(
              ["spark-submit", "--deploy-mode", "client"], local.spark_arguments, [local.artifact["p95_job.py"]], local.job_arguments,
            )
          }
        }
      }
      TimeoutSeconds = 60 * var.timeout_minutes
      Retry          = local.retry_job
      Catch          = [merge(local.give_up["The step failed"][0], { Next = "EndTheCluster" })]
      Next           = "EndTheCluster"
    }

    EndTheCluster = {
      Type      = "Task"
      Resource  = "arn:${local.partition}:states:::elasticmapreduce:terminateCluster"
      Arguments = { ClusterId = "{% $cluster %}" }
      Retry     = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2 }]
      Catch     = local.give_up["The cluster could not be ended, and ends when it has been idle for ten minutes"]
      Next      = "HasTheStepFailed"
    }

    HasTheStepFailed = {
      Type    = "Choice"
      Choices = [{ Condition = "{% $problem != '' %}", Next = "Tell" }]
      Default = "ReadTheManifest"
    }
  }

  cluster_arn = "arn:${local.partition}:elasticmapreduce:${local.region}:${local.account_id}:cluster/*"

  ec2_statements = [
    {
      # A cluster has no name before it is there; it gets the tag by which the others know it.
      Sid       = "MakeClustersOfItsOwn"
      Effect    = "Allow"
      Action    = ["elasticmapreduce:AddTags", "elasticmapreduce:RunJobFlow"]
      Resource  = ["*"]
      Condition = { StringEquals = { "elasticmapreduce:RequestTag/penstock" = var.name } }
    },
    {
      Sid    = "FollowAndEndThem"
      Effect = "Allow"
      Action = [
        "elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:CancelSteps", "elasticmapreduce:DescribeCluster",
        "elasticmapreduce:DescribeStep", "elasticmapreduce:TerminateJobFlows",
      ]
      Resource  = [local.cluster_arn]
      Condition = { StringEquals = { "elasticmapreduce:ResourceTag/penstock" = var.name } }
    },
    {
      # EMR asks for it while the cluster is being made, when it has no tag yet.
      Sid      = "LetThemEndWhenTheyAreIdle"
      Effect   = "Allow"
      Action   = ["elasticmapreduce:PutAutoTerminationPolicy"]
      Resource = [local.cluster_arn]
    },
    {
      Sid       = "GiveTheClusterItsRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = aws_iam_role.emr[*].arn
      Condition = { StringEquals = { "iam:PassedToService" = "elasticmapreduce.amazonaws.com" } }
    },
    {
      Sid       = "GiveTheMachinesTheirRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = [aws_iam_role.job.arn]
      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
    },
    {
      # Step Functions waits by rules of its own, which have these names.
      Sid    = "HearOfClustersAndSteps"
      Effect = "Allow"
      Action = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      Resource = [
        for name in ["StepFunctionsGetEventForEMRAddJobFlowStepsRule", "StepFunctionsGetEventForEMRRunJobFlowRule"] :
        "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${name}"
      ]
    },
  ]
}

# What EMR itself needs to start machines: AWS's own policy, which follows what EMR needs, and reaches only what is
# tagged for it. It leaves out the role of the machines.
resource "aws_iam_role" "emr" {
  count = var.ec2 == null ? 0 : 1

  name        = "${var.name}-emr"
  description = "Lets EMR start and end the machines of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EmrTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "elasticmapreduce.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "emr" {
  count = var.ec2 == null ? 0 : 1

  role       = aws_iam_role.emr[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

resource "aws_iam_role_policy" "emr" {
  count = var.ec2 == null ? 0 : 1

  name = "role-of-the-machines"
  role = aws_iam_role.emr[0].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "GiveTheMachinesTheirRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = [aws_iam_role.job.arn]
      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
    }]
  })
}

resource "aws_iam_instance_profile" "job" {
  count = var.ec2 == null ? 0 : 1

  # EMR asks for a profile that bears its role's name.
  name = aws_iam_role.job.name
  role = aws_iam_role.job.name
}
