# What alarms watch, and the dashboard shows.
locals {
  watched_sources = {
    for name, ingest in module.ingest :
    name => { function = ingest.function.name, kind = contains(keys(var.kinesis), name) ? "kinesis" : "kafka" }
  }
  # What a source gives up lies in a queue, unless it goes elsewhere.
  watched_queues = [
    for arn in compact([for source in concat(values(var.kafka), values(var.msk)) : source.on_failure_destination_arn]) :
    element(split(":", arn), 5) if element(split(":", arn), 2) == "sqs"
  ]
}

module "alarms" {
  source = "../alarms"
  count  = var.alarms == null ? 0 : 1

  name    = var.name
  dataset = var.dataset
  sources = local.watched_sources
  refine  = module.refine.function.name
  tables  = one(module.tables[*].function.name)
  queues  = local.watched_queues

  emails        = var.alarms.emails
  channels      = var.alarms.channels
  thresholds    = var.alarms.thresholds
  off           = var.alarms.off
  runbook_url   = var.alarms.runbook_url
  dashboard_url = var.alarms.dashboard_url != null ? var.alarms.dashboard_url : local.dashboard_url
  kms_key_arn   = var.alarms.kms_key_arn

  package            = local.zips.notify
  architecture       = local.package.architecture
  log                = var.log
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
}
