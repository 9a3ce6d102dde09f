output "lake" {
  description = "Where the lake is, as every command takes it."
  value       = local.url
}

output "functions" {
  description = "The names of the functions: ingest by source, refine, that of the Iceberg tables (null without them), and notify (null without channels for alarms)."
  value = {
    ingest = { for name, function in module.ingest : name => function.function.name }
    refine = module.refine.function.name
    tables = one(module.tables[*].function.name)
    notify = one([for alarms in module.alarms : alarms.notify])
  }
}

output "versions" {
  description = "The versions that were published last, for a gradual deployment and for the way back: by source, and refine."
  value = merge(
    { for name, function in module.ingest : name => function.version },
    { refine = module.refine.version },
  )
}

output "mappings" {
  description = "The identifiers (UUID) of the mappings: of Kafka and MSK by source and topic, of Kinesis by source."
  value = {
    kafka   = { for name, source in module.kafka : name => source.mappings }
    msk     = { for name, source in module.msk : name => source.mappings }
    kinesis = { for name, source in module.kinesis : name => source.mapping }
  }
}

output "athena" {
  description = "Where to ask in SQL: work group and database; null without a catalogue."
  value       = one([for catalog in module.catalog : { workgroup = catalog.workgroup, database = catalog.database }])
}

output "alarms" {
  description = "The topic that alarms tell, which others may subscribe to; null without alarms."
  value       = one([for alarms in module.alarms : alarms.topic_arn])
}

output "dashboard" {
  description = "Where the dashboard is seen; null without one."
  value       = local.dashboard_url
}

output "emr" {
  description = "The daily report: its state machine, what starts a job by hand, and who hears of a failure; null without one."
  value = one([for emr in module.emr : {
    state_machine_arn = emr.state_machine_arn
    compaction_arn    = emr.compaction_arn
    application_id    = emr.application_id
    job_role_arn      = emr.job_role_arn
    artifacts         = emr.artifacts
    reports           = emr.reports
    topic_arn         = emr.topic_arn
  }])
}
