output "mapping" {
  description = "The identifier (UUID) of the mapping."
  value       = aws_lambda_event_source_mapping.this.uuid
}

output "stream_arn" {
  description = "The stream that is read."
  value       = local.stream_arn
}

output "response_types" {
  description = "What the mapping takes for an answer besides success and failure."
  value       = tolist(coalesce(aws_lambda_event_source_mapping.this.function_response_types, []))
}
