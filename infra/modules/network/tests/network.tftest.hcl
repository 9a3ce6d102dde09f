mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name  = "penstock"
  zones = ["eu-central-1a", "eu-central-1b"]
}

run "subnets_are_private_and_apart" {
  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { eu-central-1a = "10.64.0.0/20", eu-central-1b = "10.64.16.0/20" }
    error_message = "each zone has a part of the network of its own"
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !coalesce(subnet.map_public_ip_on_launch, false)])
    error_message = "nothing here has a public address"
  }

  assert {
    condition     = length(aws_default_security_group.closed.ingress) + length(aws_default_security_group.closed.egress) == 0
    error_message = "the group that comes with the network must be closed"
  }
}

run "shared_pollers_have_endpoints" {
  assert {
    condition = toset([for endpoint in aws_vpc_endpoint.this : endpoint.service_name]) == toset([
      "com.amazonaws.eu-central-1.lambda", "com.amazonaws.eu-central-1.sts", "com.amazonaws.eu-central-1.secretsmanager",
    ])
    error_message = "the endpoints are others"
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.64.0.0/16" &&
      aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443 &&
      aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443
    )
    error_message = "endpoints answer this network alone"
  }
}

run "provisioned_pollers_need_none" {
  variables {
    shared_pollers = false
  }

  assert {
    condition     = length(aws_vpc_endpoint.this) + length(aws_security_group.endpoints) == 0
    error_message = "nobody would use these endpoints, and they cost"
  }
}

run "without_secrets_there_is_no_way_to_them" {
  variables {
    secrets = false
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.this)) == toset(["lambda", "sts"])
    error_message = "MSK with IAM needs no Secrets Manager"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    cidr  = "10.0.0.0/8"
    zones = ["eu-central-1a"]
  }

  expect_failures = [var.cidr, var.zones]
}
