# A pipeline to try things with: its data may go, and so may all of it.
module "pipeline" {
  source = "../../modules/pipeline"

  name    = "penstock-dev"
  package = "../../../target/lambda/package.json"
  dataset = var.dataset

  lake = {
    bucket        = var.bucket
    force_destroy = true
  }

  kafka   = var.kafka
  msk     = var.msk
  kinesis = var.kinesis

  alarms    = var.alarms
  dashboard = var.dashboard
  emr       = var.emr
  tables    = var.tables

  gradual            = var.gradual
  log_retention_days = 7
}
