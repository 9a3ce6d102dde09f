mock_provider "aws" {
  mock_resource "aws_msk_serverless_cluster" {
    defaults = { arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/events/1-s1" }
  }
  mock_resource "aws_msk_cluster" {
    defaults = { arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/events/2-2" }
  }
  mock_resource "aws_msk_configuration" {
    defaults = { arn = "arn:aws:kafka:eu-central-1:111122223333:configuration/events/3", latest_revision = 1 }
  }
}

variables {
  name = "msk"
  function = {
    alias_arn    = "arn:aws:lambda:eu-central-1:111122223333:function:ingest:live"
    role_name    = "ingest"
    timeout_secs = 120
  }
  topics      = ["events"]
  cluster_arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/theirs/4-4"
}

run "it_reads_the_cluster_that_is_there" {
  assert {
    condition = (
      aws_lambda_event_source_mapping.this["events"].event_source_arn == "arn:aws:kafka:eu-central-1:111122223333:cluster/theirs/4-4" &&
      aws_lambda_event_source_mapping.this["events"].topics == toset(["events"]) &&
      aws_lambda_event_source_mapping.this["events"].starting_position == "TRIM_HORIZON" &&
      aws_lambda_event_source_mapping.this["events"].batch_size == 10000 &&
      aws_lambda_event_source_mapping.this["events"].maximum_batching_window_in_seconds == 10 &&
      aws_lambda_event_source_mapping.this["events"].function_response_types == null &&
      length(aws_lambda_event_source_mapping.this["events"].filter_criteria) == 0 &&
      length(aws_lambda_event_source_mapping.this["events"].destination_config) == 0
    )
    error_message = "the mapping is another one"
  }

  assert {
    condition     = length(aws_msk_cluster.this) + length(aws_msk_serverless_cluster.this) + length(aws_security_group.this) == 0
    error_message = "a cluster that is there needs nothing made"
  }
}

run "the_pollers_may_read_these_topics" {
  variables {
    consumer_group             = "penstock"
    provisioned_pollers        = { minimum = 1, maximum = 1 }
    on_failure_destination_arn = "arn:aws:sns:eu-central-1:111122223333:given-up"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid      = "FindTheBrokers"
        Effect   = "Allow"
        Action   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
        Resource = ["arn:aws:kafka:eu-central-1:111122223333:cluster/theirs/4-4"]
      },
      {
        Sid      = "ConnectToTheCluster"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = ["arn:aws:kafka:eu-central-1:111122223333:cluster/theirs/4-4"]
      },
      {
        Sid      = "ReadTheTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = ["arn:aws:kafka:eu-central-1:111122223333:topic/theirs/4-4/events"]
      },
      {
        Sid      = "KeepTheirPlaceInAGroup"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = ["arn:aws:kafka:eu-central-1:111122223333:group/theirs/4-4/penstock-events"]
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
        Action   = ["sns:Publish"]
        Resource = ["arn:aws:sns:eu-central-1:111122223333:given-up"]
      },
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }
}

run "a_serverless_cluster_lets_in_by_iam_alone" {
  variables {
    cluster_arn = null
    create_cluster = {
      kind       = "serverless"
      vpc_id     = "vpc-1"
      vpc_cidr   = "10.0.0.0/16"
      subnet_ids = ["subnet-1", "subnet-2"]
    }
  }

  assert {
    condition = (
      one(one(one(aws_msk_serverless_cluster.this[0].client_authentication).sasl).iam).enabled &&
      aws_lambda_event_source_mapping.this["events"].event_source_arn == "arn:aws:kafka:eu-central-1:111122223333:cluster/events/1-s1" &&
      length(aws_msk_cluster.this) == 0
    )
    error_message = "the cluster is another one"
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.brokers[0].referenced_security_group_id == aws_security_group.this[0].id &&
      aws_vpc_security_group_ingress_rule.brokers[0].from_port == 9098 &&
      aws_vpc_security_group_ingress_rule.brokers[0].to_port == 9098 &&
      aws_vpc_security_group_ingress_rule.brokers[0].cidr_ipv4 == null &&
      aws_vpc_security_group_egress_rule.endpoints[0].cidr_ipv4 == "10.0.0.0/16"
    )
    error_message = "only members of the group may reach the brokers"
  }
}

run "a_provisioned_cluster_speaks_tls_and_makes_no_topics_up" {
  variables {
    cluster_arn = null
    create_cluster = {
      kind       = "provisioned"
      vpc_id     = "vpc-1"
      vpc_cidr   = "10.0.0.0/16"
      subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
    }
  }

  assert {
    condition = (
      aws_msk_cluster.this[0].number_of_broker_nodes == 3 &&
      one(one(aws_msk_cluster.this[0].client_authentication).sasl).iam &&
      !coalesce(one(aws_msk_cluster.this[0].client_authentication).unauthenticated, false) &&
      one(one(aws_msk_cluster.this[0].encryption_info).encryption_in_transit).client_broker == "TLS" &&
      one(one(aws_msk_cluster.this[0].encryption_info).encryption_in_transit).in_cluster
    )
    error_message = "the cluster is another one"
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this[0].server_properties, "auto.create.topics.enable=false")
    error_message = "a misspelt topic must be an error"
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this[0].server_properties, "default.replication.factor=3\nmin.insync.replicas=2\n")
    error_message = "a record must survive the loss of a broker"
  }
}

run "there_is_one_cluster" {
  command = plan

  variables {
    create_cluster = {
      kind       = "serverless"
      vpc_id     = "vpc-1"
      vpc_cidr   = "10.0.0.0/16"
      subnet_ids = ["subnet-1", "subnet-2"]
    }
  }

  expect_failures = [var.cluster_arn]
}

run "partial_answers_need_provisioned_pollers" {
  command = plan

  variables {
    failures = "partial"
  }

  expect_failures = [var.failures]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                 = "MSK"
    function             = { alias_arn = "a", role_name = "r", timeout_secs = 841 }
    topics               = []
    cluster_arn          = "events"
    starting_position    = "AT_TIMESTAMP"
    batch_size           = 0
    batching_window_secs = -1
    provisioned_pollers  = { minimum = 201, maximum = 300 }
  }

  expect_failures = [
    var.name, var.function, var.topics, var.cluster_arn, var.starting_position, var.batch_size,
    var.batching_window_secs, var.provisioned_pollers,
  ]
}

run "wrong_clusters_are_refused" {
  command = plan

  variables {
    cluster_arn = null
    create_cluster = {
      kind       = "small"
      vpc_id     = "vpc-1"
      vpc_cidr   = "10.0.0.0/16"
      subnet_ids = ["subnet-1"]
    }
  }

  expect_failures = [var.create_cluster]
}
