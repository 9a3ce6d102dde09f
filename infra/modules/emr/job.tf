# What the job may do: read the artifacts and silver, write reports, and leave its log.

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.region

  bucket_arn = "arn:${local.partition}:s3:::${var.lake.bucket}"
  prefix     = var.lake.prefix == "" ? "" : "${var.lake.prefix}/"
  url        = "s3://${var.lake.bucket}${var.lake.prefix == "" ? "" : "/${var.lake.prefix}"}"
  logs       = "emr-logs/${var.name}"
  reports    = "${local.prefix}reports/p95/${var.dataset}"

  # What emr/penstock_spark/lake.py and p95.py read; crates/core/src/keys.rs names the keys.
  # Hadoop asks for a folder by its name first, as if it were a file.
  read = [
    for key in [
      "_penstock",
      "_penstock/format.json",
      "_penstock/${var.dataset}/cuts/*",
      "_penstock/${var.dataset}/hints/progress.json",
      "_penstock/${var.dataset}/state",
      "_penstock/${var.dataset}/state/*",
      "silver/${var.dataset}",
      "silver/${var.dataset}/*",
    ] : "${local.prefix}${key}"
  ]

  job_statements = concat(
    [
      {
        Sid      = "ReadArtifactsAndSilver"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for key in concat(["${local.folder}/*"], local.read) : "${local.bucket_arn}/${key}"]
      },
      {
        # A report is made in a folder beside its place, moved, and the folder removed.
        Sid      = "MakeReports"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${local.bucket_arn}/${local.reports}/*"]
      },
      {
        Sid      = "LeaveItsLog"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${local.bucket_arn}/${local.logs}/*"]
      },
      {
        Sid      = "ListAndLearnWhatIsAbsent"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.bucket_arn]
        Condition = {
          # S3 answers 404 for an absent object only to who may list, and a request for an object carries no s3:prefix.
          # Hadoop looks for a folder of the name of each absent object.
          StringLikeIfExists = {
            "s3:prefix" = [for folder in ["_penstock", "reports/p95/${var.dataset}", "silver/${var.dataset}"] : "${local.prefix}${folder}/*"]
          }
        }
      },
    ],
    [for arn in compact([var.lake.kms_key_arn]) : {
      Sid       = "UseTheKeyOfTheLake"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
    }],
  )

  job_trust = concat(
    [for arn in aws_emrserverless_application.this[*].arn : {
      Sid       = "TheApplicationTakesThisRole"
      Effect    = "Allow"
      Principal = { Service = "emr-serverless.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id, "aws:SourceArn" = arn } }
    }],
    # A machine has no name in advance.
    [for cluster in [var.ec2] : {
      Sid       = "MachinesOfTheClusterTakeThisRole"
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    } if cluster != null],
  )
}

resource "aws_iam_role" "job" {
  name        = "${var.name}-job"
  description = "What the Spark job ${var.name} may do"

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = local.job_trust })
}

resource "aws_iam_role_policy" "job" {
  name = "lake-and-log"
  role = aws_iam_role.job.name

  policy = jsonencode({ Version = "2012-10-17", Statement = local.job_statements })
}
