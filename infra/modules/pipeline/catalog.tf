module "catalog" {
  source = "../catalog"
  count  = var.catalog == null ? 0 : 1

  # Names in SQL have no '-'.
  name             = local.database
  bucket           = local.bucket
  prefix           = var.lake.prefix
  kms_key_arn      = var.lake.kms_key_arn
  dataset          = var.dataset
  columns          = local.dataset.columns
  window_keys      = local.dataset.window_keys
  first_event_date = var.catalog.first_event_date
  scan_limit_gib   = var.catalog.scan_limit_gib
}
