module "storage" {
  source = "../storage"
  count  = var.lake.create ? 1 : 0

  bucket                 = var.lake.bucket
  prefix                 = var.lake.prefix
  kms_key_arn            = var.lake.kms_key_arn
  raw_to_cold_after_days = var.lake.raw_to_cold_after_days
  force_destroy          = var.lake.force_destroy
}

locals {
  # A bucket that is made here is ready only once its policy is.
  bucket = var.lake.create ? module.storage[0].bucket : var.lake.bucket
  url    = var.lake.prefix == "" ? "s3://${var.lake.bucket}" : "s3://${var.lake.bucket}/${var.lake.prefix}"
}
