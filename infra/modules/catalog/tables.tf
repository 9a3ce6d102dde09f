locals {
  root = var.prefix == "" ? "s3://${var.bucket}" : "s3://${var.bucket}/${var.prefix}"
}

resource "aws_glue_catalog_database" "this" {
  name        = var.name
  description = "The lake of dataset ${var.dataset} in ${local.root}"
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.tables

  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    { EXTERNAL = "TRUE", classification = "parquet" },
    # The folders follow from the dates, so nobody has to tell the catalogue of a new day.
    each.value.by_date ? {
      "projection.enabled"           = "true"
      "projection.event_date.type"   = "date"
      "projection.event_date.format" = "yyyy-MM-dd"
      # A device's clock may be ahead by minutes, and then its day has begun.
      "projection.event_date.range"         = "${var.first_event_date},NOW+1DAY"
      "projection.event_date.interval"      = "1"
      "projection.event_date.interval.unit" = "DAYS"
      "storage.location.template"           = "${local.root}/${each.key}/${var.dataset}/event_date=$${event_date}/"
    } : {},
  )

  dynamic "partition_keys" {
    for_each = each.value.by_date ? ["event_date"] : []

    content {
      name    = partition_keys.value
      type    = "date"
      comment = "UTC date of the event; a condition on it reads the files of these days alone"
    }
  }

  storage_descriptor {
    location      = "${local.root}/${each.key}/${var.dataset}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value.name
        type = columns.value.type
        # Glue takes 255 characters, in one line.
        comment = substr(replace(columns.value.description, "/[[:cntrl:]]/", " "), 0, 255)
      }
    }
  }
}
