# The lake as Iceberg tables in the catalogue's database, for a dataset with format = "iceberg" (docs/iceberg.md).
module "tables" {
  source = "../function"
  count  = var.tables == null ? 0 : 1

  name        = "${var.name}-tables"
  description = "Appends what refine poured to the Iceberg tables of dataset ${var.dataset}"

  package      = local.zips.tables
  architecture = local.package.architecture

  memory_mb          = var.tables.memory_mb
  timeout_secs       = var.tables.timeout_secs
  tracing            = var.tracing
  log_retention_days = var.log_retention_days

  # A second run at once would find its commits refused: harmless, but twice the work.
  reserved_concurrency = 1
  asynchronous = {
    maximum_retries  = 0
    maximum_age_secs = 60
  }

  environment = merge(local.environment, {
    PENSTOCK_CATALOG   = "glue"
    PENSTOCK_NAMESPACE = module.catalog[0].database
    # What retention deleted before it was in a table is not missed.
    PENSTOCK_RAW_RETENTION_HOURS = tostring(var.raw_retention_hours)
  })

  # Each line answers a call of functions/tables; crates/core/src/keys.rs names the keys.
  lake = {
    bucket      = local.bucket
    prefix      = var.lake.prefix
    kms_key_arn = var.lake.kms_key_arn

    read = [
      "_penstock/format.json",
      "_penstock/${var.dataset}/cuts/*",
      "_penstock/${var.dataset}/state/*",
      "raw/${var.dataset}/*",
      "silver/${var.dataset}/*",
      "tables/${var.dataset}/*",
      "windows/${var.dataset}/*",
    ]
    create = ["tables/${var.dataset}/*"]
    # Versions of a table's metadata that newer ones have replaced.
    delete = ["tables/${var.dataset}/*/metadata/*"]
  }

  statements = [{
    Sid      = "CommitToItsTables"
    Effect   = "Allow"
    Action   = ["glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"]
    Resource = [for resource in ["catalog", "database/${local.database}", "table/${local.database}/${var.dataset}_*"] : "${local.glue}:${resource}"]
  }]
}

locals {
  database = replace(var.name, "-", "_")
  glue     = "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
}

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

module "tables_schedule" {
  source = "../schedule"
  count  = var.tables == null ? 0 : 1

  name         = "${var.name}-tables"
  function     = module.tables[0].function
  rate_minutes = var.tables.rate_minutes
  enabled      = var.tables.enabled
}
