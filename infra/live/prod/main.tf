# The pipeline that matters: destroying it refuses while its bucket holds data.
module "pipeline" {
  source = "../../modules/pipeline"

  name    = "penstock-prod"
  package = "../../../target/lambda/package.json"
  dataset = var.dataset

  lake = {
    bucket      = var.bucket
    kms_key_arn = var.kms_key_arn
  }

  kafka   = var.kafka
  msk     = var.msk
  kinesis = var.kinesis

  alarms    = var.alarms
  dashboard = var.dashboard
  emr       = var.emr
  tables    = var.tables

  gradual            = var.gradual
  log_retention_days = 90
}
