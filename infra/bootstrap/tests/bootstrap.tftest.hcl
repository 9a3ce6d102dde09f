mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/a-policy" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  account_id   = "111122223333"
  region       = "eu-central-1"
  state_bucket = "example-states"
}

run "the_state_is_private_encrypted_and_can_be_taken_back" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls,
      aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls,
      aws_s3_bucket_public_access_block.state.restrict_public_buckets,
      one(aws_s3_bucket_versioning.state.versioning_configuration).status == "Enabled",
      one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256",
      one(aws_s3_bucket_ownership_controls.state.rule).object_ownership == "BucketOwnerEnforced",
    ])
    error_message = "the bucket of the state is another one"
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.state.policy).Statement == [{
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::example-states", "arn:aws:s3:::example-states/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "the state travels over TLS alone"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && output.roles == {}
    error_message = "without environments nobody deploys"
  }
}

run "each_environment_has_a_role_that_looks_and_one_that_deploys" {
  variables {
    repository   = "example/penstock"
    environments = { dev = { bucket = "a-lake", streams = ["events"] } }
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 1 && keys(output.roles.dev) == ["deploy", "plan"]
    error_message = "the roles are others"
  }
}

run "a_provider_that_is_there_is_used" {
  variables {
    repository        = "example/penstock"
    environments      = { prod = { bucket = "a-lake" } }
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "an account has one provider for GitHub at the most"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    account_id   = "1111"
    state_bucket = "States"
    environments = { test = { bucket = "a-lake" } }
  }

  expect_failures = [var.account_id, var.state_bucket, var.environments]
}

run "somebody_must_deploy" {
  command = plan

  variables {
    environments = { dev = { bucket = "a-lake" } }
  }

  expect_failures = [var.repository]
}
