output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "vpc_cidr" {
  description = "Its addresses."
  value       = aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "Its private subnets, one for each zone."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}
