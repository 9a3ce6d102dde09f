# A role that GitHub's workflows take without a password: GitHub signs who the job is (OIDC), and AWS checks it.
#
# Jobs of the named environment may deploy; without one the role is for pull requests, whose jobs may only look (plan).

locals {
  subject = var.environment == null ? "repo:${var.repository}:pull_request" : "repo:${var.repository}:environment:${var.environment}"
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = var.environment == null ? "Plans for pull requests of ${var.repository}" : "Deploys ${var.environment} from ${var.repository}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OneKindOfJobTakesThisRole"
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        # Equal, and not like: a pattern would let in branches, forks or repositories whose names begin alike.
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = local.subject
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "look" {
  #checkov:skip=CKV_AWS_355:Lists of AWS know no resources, and they show names.
  name   = "look"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.look })
}

resource "aws_iam_role_policy" "change" {
  count = var.environment == null ? 0 : 1

  name   = "change"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.change })
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each = var.additional_policy_arns

  role       = aws_iam_role.this.name
  policy_arn = each.value
}
