# A cluster of the module's own, unless one is given. Its only way in is TLS with IAM: no password to rotate.

locals {
  creates     = var.cluster_arn == null
  serverless  = local.creates && try(var.create_cluster.kind, null) == "serverless"
  provisioned = local.creates && try(var.create_cluster.kind, null) == "provisioned"

  cluster_arn = one(concat(
    [for arn in [var.cluster_arn] : arn if !local.creates],
    aws_msk_serverless_cluster.this[*].arn,
    aws_msk_cluster.this[*].arn,
  ))
}

# Nothing to operate, about $0.75 an hour and $0.0015 an hour for each partition.
resource "aws_msk_serverless_cluster" "this" {
  count = local.serverless ? 1 : 0

  cluster_name = var.name

  vpc_config {
    subnet_ids         = var.create_cluster.subnet_ids
    security_group_ids = [aws_security_group.this[0].id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}

# Three small brokers are about $0.14 an hour in all, and $0.10 for each GB and month of disk.
resource "aws_msk_cluster" "this" {
  count = local.provisioned ? 1 : 0

  #checkov:skip=CKV_AWS_80:Metrics tell whether the brokers are well; their logs can be turned on when they are not.
  #checkov:skip=CKV_AWS_81:MSK encrypts at rest with AWS's key by itself, and in transit as said below.
  cluster_name           = var.name
  kafka_version          = var.create_cluster.kafka_version
  number_of_broker_nodes = length(var.create_cluster.subnet_ids)

  broker_node_group_info {
    instance_type   = var.create_cluster.instance_type
    client_subnets  = var.create_cluster.subnet_ids
    security_groups = [aws_security_group.this[0].id]

    storage_info {
      ebs_storage_info {
        volume_size = var.create_cluster.volume_gib
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[0].arn
    revision = aws_msk_configuration.this[0].latest_revision
  }

  client_authentication {
    sasl {
      iam = true
    }
  }

  encryption_info {
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }
}

resource "aws_msk_configuration" "this" {
  count = local.provisioned ? 1 : 0

  name              = var.name
  kafka_versions    = [var.create_cluster.kafka_version]
  server_properties = <<-PROPERTIES
    # A misspelt topic is an error, not a new topic.
    auto.create.topics.enable=false
    default.replication.factor=${min(3, length(var.create_cluster.subnet_ids))}
    min.insync.replicas=2
  PROPERTIES
}

# Lambda's pollers stand in the cluster's own security group, so the group lets itself in, and nobody else.
resource "aws_security_group" "this" {
  count = local.creates ? 1 : 0

  name        = "${var.name}-kafka"
  description = "Brokers of ${var.name}, and who reads them"
  vpc_id      = var.create_cluster.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "brokers" {
  count = local.creates ? 1 : 0

  description                  = "Kafka over TLS with IAM, from members of this group"
  security_group_id            = aws_security_group.this[0].id
  referenced_security_group_id = aws_security_group.this[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
}

resource "aws_vpc_security_group_egress_rule" "brokers" {
  count = local.creates ? 1 : 0

  description                  = "Kafka over TLS with IAM, to members of this group"
  security_group_id            = aws_security_group.this[0].id
  referenced_security_group_id = aws_security_group.this[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  count = local.creates ? 1 : 0

  description       = "The pollers call the APIs of Lambda and STS, through endpoints of this network"
  security_group_id = aws_security_group.this[0].id
  cidr_ipv4         = var.create_cluster.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
