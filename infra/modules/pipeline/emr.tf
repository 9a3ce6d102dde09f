# The daily report by Spark, for who asks for it.
module "emr" {
  source = "../emr"
  count  = var.emr == null ? 0 : 1

  name      = "${var.name}-p95"
  dataset   = var.dataset
  lake      = { bucket = local.bucket, prefix = var.lake.prefix, kms_key_arn = var.lake.kms_key_arn }
  refine    = module.refine.function
  artifacts = "${dirname(var.package)}/emr"

  ec2             = var.emr.ec2
  maximum_vcpu    = var.emr.maximum_vcpu
  architecture    = var.emr.architecture
  release_label   = var.emr.release_label
  spark_options   = var.emr.spark_options
  job_options     = var.emr.job_options
  schedule        = var.emr.schedule
  enabled         = var.emr.enabled
  timeout_minutes = var.emr.timeout_minutes
  retry           = var.emr.retry
  topic_arn       = var.emr.topic_arn

  # Compaction has no cluster of its own.
  compaction = var.tables == null || var.emr.ec2 != null ? null : { database = module.catalog[0].database }
}
