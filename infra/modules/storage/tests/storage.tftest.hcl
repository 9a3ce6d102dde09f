mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  bucket = "a-lake"
}

run "the_bucket_is_private_encrypted_and_without_versions" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.lake.block_public_acls,
      aws_s3_bucket_public_access_block.lake.block_public_policy,
      aws_s3_bucket_public_access_block.lake.ignore_public_acls,
      aws_s3_bucket_public_access_block.lake.restrict_public_buckets,
    ])
    error_message = "all four blocks of public access must be on"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "without a key of one's own, S3's keys encrypt"
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.lake.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "lists of access rights of single objects must be off"
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.lake.versioning_configuration).status == "Disabled"
    error_message = "versions would keep what retention deletes"
  }

  assert {
    condition     = !aws_s3_bucket.lake.force_destroy
    error_message = "destroying must not delete data unless asked to"
  }
}

run "the_policy_demands_tls_and_conditional_writes" {
  assert {
    condition = jsondecode(aws_s3_bucket_policy.lake.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "DenyPlainHttp"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = ["arn:aws:s3:::a-lake", "arn:aws:s3:::a-lake/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "DenyOldTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = ["arn:aws:s3:::a-lake", "arn:aws:s3:::a-lake/*"]
          Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
        },
        {
          Sid       = "DenyWritesThatCouldOverwrite"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource = [
            "arn:aws:s3:::a-lake/raw/*",
            "arn:aws:s3:::a-lake/silver/*",
            "arn:aws:s3:::a-lake/windows/*",
            "arn:aws:s3:::a-lake/rejects/*",
            "arn:aws:s3:::a-lake/_penstock/format.json",
            "arn:aws:s3:::a-lake/_penstock/*/cuts/*",
            "arn:aws:s3:::a-lake/_penstock/*/state/*",
            "arn:aws:s3:::a-lake/_penstock/*/unreadable/*",
            "arn:aws:s3:::a-lake/_penstock/*/runs/*",
            "arn:aws:s3:::a-lake/_penstock/*/replay.json",
          ]
          Condition = {
            Bool = { "s3:ObjectCreationOperation" = "true" }
            Null = { "s3:if-none-match" = "true" }
          }
        },
      ]
    }
    error_message = "the policy is another one: ${aws_s3_bucket_policy.lake.policy}"
  }
}

run "the_prefix_stands_before_every_key" {
  variables {
    prefix = "team/lake"
  }

  assert {
    condition     = alltrue([for arn in local.written_once : startswith(arn, "arn:aws:s3:::a-lake/team/lake/")])
    error_message = "a pattern is not below the prefix: ${jsonencode(local.written_once)}"
  }

  assert {
    condition     = contains([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : one(rule.filter).prefix], "team/lake/raw/")
    error_message = "raw moves to colder storage below the prefix"
  }
}

run "raw_moves_to_storage_that_answers_at_once_and_never_expires" {
  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule :
      rule.id => [for transition in rule.transition : "${transition.days} ${transition.storage_class}"]
      } == {
      abandoned-uploads   = []
      results-of-athena   = []
      logs-of-emr         = []
      raw-to-cold-storage = ["90 GLACIER_IR"]
    }
    error_message = "the rules are others"
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : one(rule.filter).prefix if length(rule.expiration) > 0] == ["athena-results/", "emr-logs/"]
    error_message = "nothing of the lake may expire by a rule of the bucket"
  }
}

run "raw_can_stay_where_it_is" {
  variables {
    raw_to_cold_after_days = 0
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.lake.rule) == 3
    error_message = "0 means that raw never moves"
  }
}

run "a_key_of_ones_own_encrypts" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1234"
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.lake.rule :
      rule.bucket_key_enabled && one(rule.apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    ])
    error_message = "a key needs aws:kms, and a bucket key to be affordable"
  }
}

run "wrong_names_are_refused" {
  command = plan

  variables {
    bucket                 = "A.Lake"
    prefix                 = "/lake/"
    kms_key_arn            = "alias/lake"
    raw_to_cold_after_days = -1
  }

  expect_failures = [var.bucket, var.prefix, var.kms_key_arn, var.raw_to_cold_after_days]
}
