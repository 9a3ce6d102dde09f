output "mappings" {
  description = "The identifier (UUID) of the mapping of each topic."
  value       = { for topic, mapping in aws_lambda_event_source_mapping.this : topic => mapping.uuid }
}

output "cluster_arn" {
  description = "The cluster that is read."
  value       = local.cluster_arn
}

output "client_security_group_id" {
  description = "The group of a cluster that was made here; whoever stands in it reaches the brokers. null where the cluster was given."
  value       = one(aws_security_group.this[*].id)
}

output "response_types" {
  description = "What the mappings take for an answer besides success and failure."
  value       = flatten([for mapping in aws_lambda_event_source_mapping.this : tolist(coalesce(mapping.function_response_types, []))])
}
