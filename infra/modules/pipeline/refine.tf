module "refine" {
  source = "../function"

  name        = "${var.name}-refine"
  description = "Makes silver, windows and rejects of what landed for dataset ${var.dataset}"

  package      = local.zips.refine
  architecture = local.package.architecture

  memory_mb          = var.refine.memory_mb
  timeout_secs       = var.refine.timeout_secs
  tracing            = var.tracing
  log_retention_days = var.log_retention_days
  gradual            = lookup(var.gradual, "refine", null)

  # A second run at once would pour the same cut: harmless, but twice the work.
  reserved_concurrency = 1
  # A call that could not be made now is not worth making later. What is late shows as the age of the newest cut.
  asynchronous = {
    maximum_retries  = 0
    maximum_age_secs = 60
  }

  environment = merge(local.environment, {
    for name, value in {
      PENSTOCK_RAW_RETENTION_HOURS = var.raw_retention_hours
      PENSTOCK_CUT_MAX_ROWS        = var.cut.max_rows
      PENSTOCK_CUT_MIN_BYTES       = var.cut.min_bytes
      PENSTOCK_CUT_MAX_AGE_SECS    = var.cut.max_age_secs
    } : name => tostring(value) if value != null
  })

  # Each line answers a call of crates/lake or functions/refine; crates/core/src/keys.rs names the keys.
  lake = {
    bucket      = local.bucket
    prefix      = var.lake.prefix
    kms_key_arn = var.lake.kms_key_arn

    read = [
      "_penstock/format.json",
      "_penstock/${var.dataset}/cuts/*",
      "_penstock/${var.dataset}/hints/progress.json",
      "_penstock/${var.dataset}/state/*",
      "_penstock/${var.dataset}/unreadable/*",
      "raw/${var.dataset}/*",
      # A file that another run of the same cut wrote is compared; silver is read for the ids of recent cuts, too.
      "rejects/${var.dataset}/*",
      "silver/${var.dataset}/*",
      "windows/${var.dataset}/*",
    ]
    create = [
      "_penstock/format.json",
      "_penstock/${var.dataset}/cuts/*",
      "_penstock/${var.dataset}/state/*",
      "rejects/${var.dataset}/*",
      "silver/${var.dataset}/*",
      "windows/${var.dataset}/*",
    ]
    replace = ["_penstock/${var.dataset}/hints/progress.json"]
    delete  = var.raw_retention_hours == 0 ? [] : ["raw/${var.dataset}/*"]
  }
}

module "schedule" {
  source = "../schedule"

  name         = "${var.name}-refine"
  function     = module.refine.function
  rate_minutes = var.refine.rate_minutes
  enabled      = var.refine.enabled
}
