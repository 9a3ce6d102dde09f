# What emr/package.sh made. The folder is named by its content: a run takes what the state machine named when it began,
# and a plan without changes is empty.
locals {
  files    = toset(concat(["p95_job.py", "validate_job.py", "penstock_spark.zip"], var.compaction == null ? [] : ["compact_job.py"]))
  version  = substr(sha256(join(" ", [for file in local.files : filesha256("${var.artifacts}/${file}")])), 0, 16)
  folder   = "emr-artifacts/${var.name}/${local.version}"
  artifact = { for file in local.files : file => "s3://${var.lake.bucket}/${local.folder}/${file}" }
}

resource "aws_s3_object" "artifact" {
  #checkov:skip=CKV_AWS_186:The bucket's own encryption holds; the files are as public as the project.
  for_each = local.files

  bucket = var.lake.bucket
  key    = "${local.folder}/${each.value}"
  source = "${var.artifacts}/${each.value}"
}
