output "mappings" {
  description = "The identifier (UUID) of the mapping of each topic."
  value       = { for topic, mapping in aws_lambda_event_source_mapping.this : topic => mapping.uuid }
}

output "response_types" {
  description = "What the mappings take for an answer besides success and failure."
  value       = flatten([for mapping in aws_lambda_event_source_mapping.this : tolist(coalesce(mapping.function_response_types, []))])
}
