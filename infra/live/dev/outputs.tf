output "lake" {
  description = "Where the lake is, as every command takes it."
  value       = module.pipeline.lake
}

output "functions" {
  description = "The names of the functions: ingest by source, and refine."
  value       = module.pipeline.functions
}

output "versions" {
  description = "The versions that were published last: by source, and refine."
  value       = module.pipeline.versions
}

output "mappings" {
  description = "The identifiers of the event source mappings."
  value       = module.pipeline.mappings
}

output "athena" {
  description = "Where to ask in SQL: work group and database."
  value       = module.pipeline.athena
}

output "dashboard" {
  description = "Where CloudWatch's dashboard is seen."
  value       = module.pipeline.dashboard
}

output "emr" {
  description = "The daily report: its state machine, what starts a job by hand, and who hears of a failure."
  value       = module.pipeline.emr
}
