mock_provider "aws" {}

variables {
  name    = "penstock_dev"
  bucket  = "a-lake"
  prefix  = "l"
  dataset = "shop"
  columns = [
    { name = "event_id", type = "string", description = "Identity" },
    { name = "SKU", type = "string", description = "Article" },
    { name = "price", type = "double", description = "Price" },
  ]
  window_keys = ["SKU"]
}

run "silver_has_the_datasets_columns_and_the_coordinates" {
  assert {
    condition = [for column in one(aws_glue_catalog_table.this["silver"].storage_descriptor).columns : "${column.name} ${column.type}"] == [
      "event_id string", "sku string", "price double",
      "topic string", "partition int", "offset bigint", "shard string", "sequence_number string",
    ]
    error_message = "silver has other columns"
  }

  assert {
    condition = (
      one(aws_glue_catalog_table.this["silver"].storage_descriptor).location == "s3://a-lake/l/silver/shop/" &&
      aws_glue_catalog_table.this["silver"].parameters["storage.location.template"] == "s3://a-lake/l/silver/shop/event_date=$${event_date}/" &&
      aws_glue_catalog_table.this["silver"].parameters["projection.event_date.range"] == "2025-01-01,NOW+1DAY" &&
      one(aws_glue_catalog_table.this["silver"].partition_keys).type == "date"
    )
    error_message = "silver lies elsewhere, or its days are not found"
  }
}

run "windows_are_grouped_as_the_dataset_says" {
  assert {
    condition = [for column in one(aws_glue_catalog_table.this["windows"].storage_descriptor).columns : "${column.name} ${column.type}"] == [
      "window_start timestamp", "window_end timestamp", "sku string",
      "count bigint", "measure_count bigint", "sum double", "min double", "max double", "avg double",
      "first_event_time timestamp", "last_event_time timestamp", "kind string",
    ]
    error_message = "windows has other columns"
  }
}

run "rejects_have_no_date" {
  assert {
    condition = (
      one(aws_glue_catalog_table.this["rejects"].storage_descriptor).location == "s3://a-lake/l/rejects/shop/" &&
      length(aws_glue_catalog_table.this["rejects"].partition_keys) == 0 &&
      !contains(keys(aws_glue_catalog_table.this["rejects"].parameters), "projection.enabled")
    )
    error_message = "rejects lie in one folder"
  }
}

run "windows_total_is_a_view_that_adds_up" {
  assert {
    condition = jsondecode(base64decode(trimsuffix(trimprefix(aws_glue_catalog_table.windows_total.view_original_text, "/* Presto View: "), " */"))) == {
      originalSql = local.view_sql
      catalog     = "awsdatacatalog"
      schema      = "penstock_dev"
      columns = [
        { name = "event_date", type = "date" },
        { name = "window_start", type = "timestamp(3)" },
        { name = "window_end", type = "timestamp(3)" },
        { name = "sku", type = "varchar" },
        { name = "count", type = "bigint" },
        { name = "measure_count", type = "bigint" },
        { name = "sum", type = "double" },
        { name = "min", type = "double" },
        { name = "max", type = "double" },
        { name = "avg", type = "double" },
        { name = "first_event_time", type = "timestamp(3)" },
        { name = "last_event_time", type = "timestamp(3)" },
      ]
    }
    error_message = "the view is another one"
  }

  assert {
    condition     = strcontains(local.view_sql, "GROUP BY \"event_date\", \"window_start\", \"window_end\", \"sku\"\n")
    error_message = "a window is told by its day, its time and its keys: ${local.view_sql}"
  }
}

run "a_question_has_a_limit_and_its_answer_a_place_outside_of_the_lake" {
  assert {
    condition = (
      one(aws_athena_workgroup.this.configuration).enforce_workgroup_configuration &&
      one(aws_athena_workgroup.this.configuration).bytes_scanned_cutoff_per_query == 107374182400 &&
      one(one(aws_athena_workgroup.this.configuration).result_configuration).output_location == "s3://a-lake/athena-results/penstock_dev/" &&
      one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).encryption_option == "SSE_S3"
    )
    error_message = "the work group is another one"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name             = "penstock-dev"
    columns          = [{ name = "a", type = "string", description = "" }, { name = "A", type = "uuid", description = "" }]
    first_event_date = "2025-13-01"
    scan_limit_gib   = 0
  }

  expect_failures = [var.name, var.columns, var.first_event_date, var.scan_limit_gib]
}
