# One function for each source: a source's name, epoch and gaps are settings of its function, and its part of the
# lake is all that its role can reach.
module "ingest" {
  source   = "../function"
  for_each = local.sources

  name        = "${var.name}-ingest-${each.key}"
  description = "Lands what ${each.key} brings for dataset ${var.dataset}"

  package      = local.zips.ingest
  architecture = local.package.architecture

  memory_mb            = var.ingest.memory_mb
  timeout_secs         = var.ingest.timeout_secs
  reserved_concurrency = var.ingest.reserved_concurrency
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  gradual              = lookup(var.gradual, each.key, null)

  environment = merge(local.environment, {
    PENSTOCK_SOURCE   = each.key
    PENSTOCK_EPOCH    = tostring(each.value.epoch)
    PENSTOCK_OFFSETS  = each.value.offsets
    PENSTOCK_ON_GAP   = each.value.on_gap
    PENSTOCK_FAILURES = each.value.failures
  })

  # Each line answers a call of crates/lake or functions/ingest; crates/core/src/keys.rs names the keys.
  lake = {
    bucket      = local.bucket
    prefix      = var.lake.prefix
    kms_key_arn = var.lake.kms_key_arn

    read = [
      "_penstock/format.json",
      "_penstock/${var.dataset}/hints/progress.json",
      "_penstock/${var.dataset}/unreadable/${each.key}/*",
      "raw/${var.dataset}/${each.key}/*",
    ]
    create = [
      # The first to open a new lake writes its format.
      "_penstock/format.json",
      "raw/${var.dataset}/${each.key}/*",
    ]
  }
}

locals {
  # The settings of the function of each source. Only Kafka can have holes that mean something.
  sources = merge(
    { for name, source in var.kafka : name => { epoch = source.epoch, offsets = source.offsets, on_gap = source.on_gap, failures = source.failures } },
    { for name, source in var.msk : name => { epoch = source.epoch, offsets = source.offsets, on_gap = source.on_gap, failures = source.failures } },
    { for name, source in var.kinesis : name => { epoch = source.epoch, offsets = "sparse", on_gap = "fail", failures = source.failures } },
  )

  # What both functions are told.
  environment = {
    PENSTOCK_LAKE    = local.url
    PENSTOCK_DATASET = local.dataset.setting
    PENSTOCK_LOG     = var.log
  }
}
