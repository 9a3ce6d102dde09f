mock_provider "aws" {}

variables {
  name = "kafka"
  function = {
    alias_arn    = "arn:aws:lambda:eu-central-1:111122223333:function:ingest:live"
    role_name    = "ingest"
    timeout_secs = 120
  }
  topics            = ["events"]
  bootstrap_servers = ["b1.example.com:9092", "b2.example.com:9092"]
  network           = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
}

run "the_defaults_are_cheap_and_lose_nothing" {
  assert {
    condition = (
      aws_lambda_event_source_mapping.this["events"].function_name == "arn:aws:lambda:eu-central-1:111122223333:function:ingest:live" &&
      aws_lambda_event_source_mapping.this["events"].topics == toset(["events"]) &&
      aws_lambda_event_source_mapping.this["events"].starting_position == "TRIM_HORIZON" &&
      aws_lambda_event_source_mapping.this["events"].batch_size == 10000 &&
      aws_lambda_event_source_mapping.this["events"].maximum_batching_window_in_seconds == 10 &&
      aws_lambda_event_source_mapping.this["events"].enabled &&
      one(aws_lambda_event_source_mapping.this["events"].self_managed_event_source).endpoints == tomap({ KAFKA_BOOTSTRAP_SERVERS = "b1.example.com:9092,b2.example.com:9092" })
    )
    error_message = "the mapping is another one"
  }

  assert {
    condition = (
      length(aws_lambda_event_source_mapping.this["events"].filter_criteria) == 0 &&
      length(aws_lambda_event_source_mapping.this["events"].destination_config) == 0 &&
      length(aws_lambda_event_source_mapping.this["events"].provisioned_poller_config) == 0 &&
      aws_lambda_event_source_mapping.this["events"].function_response_types == null
    )
    error_message = "nothing may filter, give up or answer in part unless it was asked for"
  }
}

run "what_the_cluster_needs_is_named_and_allowed" {
  variables {
    topics                     = ["events", "clicks"]
    authentication             = { kind = "scram-512", secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:kafka" }
    ca_certificate_secret_arn  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ca"
    secrets_kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/1"
    consumer_group             = "penstock"
    failures                   = "partial"
    provisioned_pollers        = { minimum = 1, maximum = 4 }
    on_failure_destination_arn = "arn:aws:sqs:eu-central-1:111122223333:given-up"
  }

  assert {
    condition = toset([
      for access in aws_lambda_event_source_mapping.this["clicks"].source_access_configuration : "${access.type} ${access.uri}"
      ]) == toset([
      "SASL_SCRAM_512_AUTH arn:aws:secretsmanager:eu-central-1:111122223333:secret:kafka",
      "SERVER_ROOT_CA_CERTIFICATE arn:aws:secretsmanager:eu-central-1:111122223333:secret:ca",
      "VPC_SUBNET subnet:subnet-1",
      "VPC_SUBNET subnet:subnet-2",
      "VPC_SECURITY_GROUP security_group:sg-1",
    ])
    error_message = "the way to the brokers is another one"
  }

  assert {
    condition = (
      one(aws_lambda_event_source_mapping.this["clicks"].self_managed_kafka_event_source_config).consumer_group_id == "penstock-clicks" &&
      aws_lambda_event_source_mapping.this["clicks"].function_response_types == toset(["ReportBatchItemFailures"]) &&
      one(aws_lambda_event_source_mapping.this["clicks"].provisioned_poller_config).maximum_pollers == 4 &&
      one(one(aws_lambda_event_source_mapping.this["clicks"].destination_config).on_failure).destination_arn == "arn:aws:sqs:eu-central-1:111122223333:given-up"
    )
    error_message = "the mapping is another one"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid    = "ReadTheSecretsOfTheCluster"
        Effect = "Allow"
        Action = ["secretsmanager:GetSecretValue"]
        Resource = [
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:kafka",
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ca",
        ]
      },
      {
        Sid      = "DecryptTheSecretsOfTheCluster"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = ["arn:aws:kms:eu-central-1:111122223333:key/1"]
      },
      {
        Sid    = "ReachTheBrokersInTheirNetwork"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
        ]
        Resource = ["*"]
      },
      {
        Sid      = "HandOverWhatIsGivenUp"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:aws:sqs:eu-central-1:111122223333:given-up"]
      },
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }
}

run "each_permission_goes_with_each_other" {
  variables {
    authentication = { kind = "plain", secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:kafka" }
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid] == ["ReadTheSecretsOfTheCluster", "ReachTheBrokersInTheirNetwork"]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }
}

run "a_bucket_may_take_what_is_given_up" {
  variables {
    network                    = null
    authentication             = { kind = "plain", secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:kafka" }
    provisioned_pollers        = { minimum = 1, maximum = 1 }
    on_failure_destination_arn = "arn:aws:s3:::given-up"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid      = "ReadTheSecretsOfTheCluster"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:kafka"]
      },
      {
        Sid      = "HandOverWhatIsGivenUp"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:PutObject"]
        Resource = ["arn:aws:s3:::given-up", "arn:aws:s3:::given-up/*"]
      },
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }
}

run "partial_answers_need_provisioned_pollers" {
  command = plan

  variables {
    failures = "partial"
  }

  expect_failures = [var.failures]
}

run "giving_up_needs_provisioned_pollers" {
  command = plan

  variables {
    on_failure_destination_arn = "arn:aws:sqs:eu-central-1:111122223333:given-up"
  }

  expect_failures = [var.on_failure_destination_arn]
}

run "there_must_be_a_way_to_the_brokers" {
  command = plan

  variables {
    network = null
  }

  expect_failures = [var.network]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                      = "Kafka"
    function                  = { alias_arn = "a", role_name = "r", timeout_secs = 841 }
    topics                    = ["a topic"]
    bootstrap_servers         = ["b1:9092,b2:9092"]
    authentication            = { kind = "scram", secret_arn = "arn:aws:secretsmanager:a" }
    ca_certificate_secret_arn = "ca.pem"
    starting_position         = "AT_TIMESTAMP"
    batch_size                = 10001
    batching_window_secs      = 301
    provisioned_pollers       = { minimum = 3, maximum = 2 }
  }

  expect_failures = [
    var.name, var.function, var.topics, var.bootstrap_servers, var.authentication, var.ca_certificate_secret_arn,
    var.starting_position, var.batch_size, var.batching_window_secs, var.provisioned_pollers,
  ]
}

run "a_destination_is_an_arn" {
  command = plan

  variables {
    provisioned_pollers        = { minimum = 1, maximum = 1 }
    on_failure_destination_arn = "a-queue"
  }

  expect_failures = [var.on_failure_destination_arn]
}

run "a_network_has_subnets_and_groups" {
  command = plan

  variables {
    network = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.network]
}
