# The daily report (modules/emr), for deployments that have one: policies of their own, because a role's inline
# policies have room for 10,240 characters in all.
locals {
  applications   = "${local.arn}:emr-serverless:${local.here}:/applications/*"
  state_machines = "${local.arn}:states:${local.here}:stateMachine:${var.pipeline}-*"
  topics         = "${local.arn}:sns:${local.here}:${var.pipeline}-*"
  artifacts      = "${local.bucket}/emr-artifacts/${var.pipeline}-*/*"
  profiles       = "${local.arn}:iam::${local.account}:instance-profile/${var.pipeline}-*"

  look_at_emr = [
    {
      # An application is named by an identifier that AWS makes up.
      Sid      = "SeeTheApplication"
      Effect   = "Allow"
      Action   = ["emr-serverless:GetApplication", "emr-serverless:ListTagsForResource"]
      Resource = [local.applications]
    },
    {
      Sid      = "SeeTheStateMachine"
      Effect   = "Allow"
      Action   = ["states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource"]
      Resource = [local.state_machines]
    },
    {
      Sid      = "SeeTheTopic"
      Effect   = "Allow"
      Action   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
      Resource = [local.topics]
    },
    {
      Sid      = "SeeTheArtifacts"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectTagging"]
      Resource = [local.artifacts]
    },
    {
      Sid      = "SeeTheInstanceProfile"
      Effect   = "Allow"
      Action   = ["iam:GetInstanceProfile"]
      Resource = [local.profiles]
    },
  ]

  change_emr = [
    {
      Sid      = "MakeAnApplication"
      Effect   = "Allow"
      Action   = ["emr-serverless:CreateApplication"]
      Resource = ["${local.arn}:emr-serverless:${local.here}:/*"]
    },
    {
      Sid    = "ChangeTheApplication"
      Effect = "Allow"
      Action = [
        "emr-serverless:DeleteApplication", "emr-serverless:StopApplication", "emr-serverless:TagResource",
        "emr-serverless:UntagResource", "emr-serverless:UpdateApplication",
      ]
      Resource = [local.applications]
    },
    {
      # AWS makes the role with the first application of an account.
      Sid       = "LetEmrMakeItsOwnRole"
      Effect    = "Allow"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = ["${local.arn}:iam::${local.account}:role/aws-service-role/ops.emr-serverless.amazonaws.com/AWSServiceRoleForAmazonEMRServerless"]
      Condition = { StringEquals = { "iam:AWSServiceName" = "ops.emr-serverless.amazonaws.com" } }
    },
    {
      Sid    = "ChangeTheStateMachine"
      Effect = "Allow"
      Action = [
        "states:CreateStateMachine", "states:DeleteStateMachine", "states:TagResource", "states:UntagResource",
        "states:UpdateStateMachine",
      ]
      Resource = [local.state_machines]
    },
    {
      # AWS knows no resources for it, and it changes nothing.
      Sid      = "CheckStateMachines"
      Effect   = "Allow"
      Action   = ["states:ValidateStateMachineDefinition"]
      Resource = ["*"]
    },
    {
      Sid      = "ChangeTheTopic"
      Effect   = "Allow"
      Action   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource"]
      Resource = [local.topics]
    },
    {
      Sid      = "ChangeTheArtifacts"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:PutObject", "s3:PutObjectTagging"]
      Resource = [local.artifacts]
    },
    {
      Sid      = "ChangeTheInstanceProfile"
      Effect   = "Allow"
      Action   = ["iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile", "iam:UntagInstanceProfile"]
      Resource = [local.profiles]
    },
    {
      Sid       = "GiveEmrThePolicyOfAws"
      Effect    = "Allow"
      Action    = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
      Resource  = [local.roles]
      Condition = { ArnEquals = { "iam:PolicyARN" = "${local.arn}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2" } }
    },
    {
      Sid       = "GiveTheRolesToStateMachineAndMachines"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = [local.roles]
      Condition = { StringEquals = { "iam:PassedToService" = ["ec2.amazonaws.com", "states.amazonaws.com"] } }
    },
  ]
}

resource "aws_iam_policy" "look_at_emr" {
  count = var.emr ? 1 : 0

  name        = "${var.name}-look-at-emr"
  description = "Sees the daily report of ${var.pipeline}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.look_at_emr })
}

resource "aws_iam_role_policy_attachment" "look_at_emr" {
  count = var.emr ? 1 : 0

  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.look_at_emr[0].arn
}

resource "aws_iam_policy" "change_emr" {
  count = var.emr && var.environment != null ? 1 : 0

  name        = "${var.name}-change-emr"
  description = "Changes the daily report of ${var.pipeline}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.change_emr })
}

resource "aws_iam_role_policy_attachment" "change_emr" {
  count = var.emr && var.environment != null ? 1 : 0

  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.change_emr[0].arn
}
