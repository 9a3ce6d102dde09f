# GitHub's workflows, if they are to deploy: for each environment a role that plans and one that deploys.
resource "aws_iam_openid_connect_provider" "github" {
  count = length(var.environments) == 0 || var.oidc_provider_arn != null ? 0 : 1

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  oidc_provider_arn = var.oidc_provider_arn != null ? var.oidc_provider_arn : one(aws_iam_openid_connect_provider.github[*].arn)
}

module "plan" {
  source   = "../modules/deploy-role"
  for_each = var.environments

  name              = "penstock-plan-${each.key}"
  oidc_provider_arn = local.oidc_provider_arn
  repository        = var.repository
  pipeline          = "penstock-${each.key}"
  bucket            = each.value.bucket
  streams           = each.value.streams
  emr               = each.value.emr
  state             = { bucket = var.state_bucket, key = "penstock/${each.key}.tfstate" }
}

module "deploy" {
  source   = "../modules/deploy-role"
  for_each = var.environments

  name              = "penstock-deploy-${each.key}"
  oidc_provider_arn = local.oidc_provider_arn
  repository        = var.repository
  environment       = each.key
  pipeline          = "penstock-${each.key}"
  bucket            = each.value.bucket
  streams           = each.value.streams
  emr               = each.value.emr
  state             = { bucket = var.state_bucket, key = "penstock/${each.key}.tfstate" }
}
