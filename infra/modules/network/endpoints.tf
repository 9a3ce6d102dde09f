# Lambda's shared pollers stand in the network of the brokers and call Lambda and STS from there, and Secrets Manager
# where the brokers ask for a password. Provisioned pollers need none of it.
# An endpoint is $0.01 an hour for each zone: three in two zones are about $44 a month.

locals {
  services = var.shared_pollers ? toset(concat(["lambda", "sts"], var.secrets ? ["secretsmanager"] : [])) : toset([])
}

data "aws_region" "current" {}

resource "aws_vpc_endpoint" "this" {
  for_each = local.services

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]

  tags = { Name = "${var.name}-${each.value}" }
}

resource "aws_security_group" "endpoints" {
  count = var.shared_pollers ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Endpoints that Lambda's pollers call"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = var.shared_pollers ? 1 : 0

  description       = "HTTPS from this network"
  security_group_id = aws_security_group.endpoints[0].id
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
