# A private network for brokers and for Lambda's pollers that read them. The functions stay outside: they need S3 alone.
#
# There is no NAT gateway ($0.045 an hour for each zone, and $0.045 a GB) and no way to the internet at all.

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Flow logs cost more than the traffic that they would tell of; nothing leads in or out.
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Nobody uses the group that comes with a network; without rules it lets nothing through.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "private" {
  for_each = { for index, zone in var.zones : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  # A sixteenth of the network each: 4,096 addresses of a /16.
  cidr_block = cidrsubnet(var.cidr, 4, each.value)

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}
