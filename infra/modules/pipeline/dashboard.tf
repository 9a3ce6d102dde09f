locals {
  # Made of names and not of the dashboard: that shows a queue of the alarms, which link to it.
  dashboard_url = !var.dashboard ? null : "https://${data.aws_region.current.region}.console.aws.amazon.com/cloudwatch/home?region=${data.aws_region.current.region}#dashboards/dashboard/${var.name}"
}

module "dashboard" {
  source = "../dashboard"
  count  = var.dashboard ? 1 : 0

  name    = var.name
  dataset = var.dataset
  sources = local.watched_sources
  refine  = module.refine.function.name
  queues  = concat(local.watched_queues, compact(module.alarms[*].undelivered))
}
