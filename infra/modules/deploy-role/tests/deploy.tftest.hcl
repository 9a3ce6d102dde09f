mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/a-policy" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name              = "deploy-dev"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  repository        = "example/penstock"
  environment       = "dev"
  pipeline          = "penstock-dev"
  bucket            = "a-lake"
  streams           = ["events"]
  state             = { bucket = "states", key = "penstock/dev.tfstate" }
}

run "jobs_of_one_environment_take_the_role" {
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "OneKindOfJobTakesThisRole"
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:example/penstock:environment:dev"
        }
      }
    }]
    error_message = "somebody else may take the role: ${aws_iam_role.this.assume_role_policy}"
  }
}

run "every_permission_names_what_it_is_for" {
  assert {
    condition     = alltrue([for statement in concat(local.look, local.change) : alltrue([for action in statement.Action : !strcontains(action, "*")])])
    error_message = "an action has a pattern"
  }

  assert {
    condition = [for statement in concat(local.look, local.change) : statement.Sid if contains(statement.Resource, "*")] == [
      "SeeWhatHasNoName", "ConnectSourcesToTheFunctions", "ChangeSubscriptions",
    ]
    error_message = "only what AWS gives no name may be allowed on everything"
  }

  assert {
    condition = [for statement in local.change : statement.Condition if statement.Sid == "ConnectSourcesToTheFunctions"] == [{
      ArnLike = {
        "lambda:FunctionArn" = [
          "arn:aws:lambda:eu-central-1:111122223333:function:penstock-dev-*",
          "arn:aws:lambda:eu-central-1:111122223333:function:penstock-dev-*:*",
        ]
      }
    }]
    error_message = "mappings may call functions of the pipeline alone"
  }

  assert {
    condition = [for statement in local.change : statement if contains(statement.Action, "iam:PassRole")] == [{
      Sid       = "GiveTheRolesToFunctionsAndSchedule"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = ["arn:aws:iam::111122223333:role/penstock-dev-*"]
      Condition = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com", "scheduler.amazonaws.com"] } }
    }]
    error_message = "roles may be given to the pipeline's services alone"
  }

  assert {
    condition     = alltrue([for statement in local.change : !contains(statement.Resource, "arn:aws:s3:::a-lake/*")])
    error_message = "a deployment must not reach the data"
  }

  assert {
    condition     = length(aws_iam_role_policy.look.policy) + length(aws_iam_role_policy.change[0].policy) <= 10240
    error_message = "IAM takes 10,240 characters of all inline policies of a role"
  }
}

run "pull_requests_may_only_look" {
  variables {
    environment = null
  }

  assert {
    condition = (
      length(aws_iam_role_policy.change) == 0 &&
      jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/penstock:pull_request"
    )
    error_message = "a pull request may change something"
  }

  assert {
    condition = alltrue(flatten([
      for statement in local.look : [for action in statement.Action : can(regex("^[a-z0-9]+:(Get|List|Describe)", action))]
    ]))
    error_message = "looking has an action that changes"
  }
}

run "without_a_daily_report_nobody_touches_emr" {
  assert {
    condition     = length(aws_iam_policy.look_at_emr) == 0 && length(aws_iam_policy.change_emr) == 0
    error_message = "rights for what is not there"
  }
}

run "a_deployment_changes_the_daily_report_of_its_pipeline" {
  variables {
    emr = true
  }

  assert {
    condition = alltrue([
      for statement in concat(local.look_at_emr, local.change_emr) :
      alltrue([for action in statement.Action : !strcontains(action, "*")])
    ])
    error_message = "an action has a pattern"
  }

  assert {
    condition = [
      for statement in concat(local.look_at_emr, local.change_emr) : statement.Sid
      if anytrue([for resource in statement.Resource : !strcontains(resource, "penstock-dev-")])
    ] == ["SeeTheApplication", "MakeAnApplication", "ChangeTheApplication", "LetEmrMakeItsOwnRole", "CheckStateMachines"]
    error_message = "only what AWS names itself may be another pipeline's"
  }

  assert {
    condition = [for statement in local.change_emr : [statement.Resource, statement.Condition] if contains(statement.Action, "iam:PassRole") || contains(statement.Action, "iam:AttachRolePolicy")] == [
      [["arn:aws:iam::111122223333:role/penstock-dev-*"], { ArnEquals = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2" } }],
      [["arn:aws:iam::111122223333:role/penstock-dev-*"], { StringEquals = { "iam:PassedToService" = ["ec2.amazonaws.com", "states.amazonaws.com"] } }],
    ]
    error_message = "a role may get other policies, or go to other services"
  }

  assert {
    condition     = max([for policy in [aws_iam_policy.look_at_emr[0].policy, aws_iam_policy.change_emr[0].policy] : length(policy)]...) <= 6144
    error_message = "IAM takes 6,144 characters"
  }
}

run "a_pull_request_looks_at_the_daily_report" {
  variables {
    environment = null
    emr         = true
  }

  assert {
    condition     = length(aws_iam_policy.look_at_emr) == 1 && length(aws_iam_policy.change_emr) == 0
    error_message = "a pull request may change something, or cannot plan"
  }

  assert {
    condition = alltrue(flatten([
      for statement in local.look_at_emr : [for action in statement.Action : can(regex("^[a-z0-9-]+:(Get|List|Describe)", action))]
    ]))
    error_message = "looking has an action that changes"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name              = "deploy dev"
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/example.com"
    repository        = "example/*"
    environment       = "*"
    pipeline          = "*"
    streams           = ["*"]
  }

  expect_failures = [var.name, var.oidc_provider_arn, var.repository, var.environment, var.pipeline, var.streams]
}
