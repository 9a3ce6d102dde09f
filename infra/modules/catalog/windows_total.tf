# The view that adds the corrections of each window up, in the form in which Athena keeps views in the catalogue.
locals {
  grouped = concat(["event_date", "window_start", "window_end"], local.window_keys[*].name)
  group   = join(", ", [for name in local.grouped : "\"${name}\""])

  view_sql = <<-SQL
    SELECT ${local.group},
      SUM("count") AS "count",
      SUM("measure_count") AS "measure_count",
      SUM("sum") AS "sum",
      MIN("min") AS "min",
      MAX("max") AS "max",
      SUM("sum") / SUM("measure_count") AS "avg",
      MIN("first_event_time") AS "first_event_time",
      MAX("last_event_time") AS "last_event_time"
    FROM windows
    GROUP BY ${local.group}
  SQL

  view_columns = concat(
    [{ name = "event_date", type = "date", description = "UTC date of the window" }],
    local.own.window,
    local.window_keys,
    local.own.totals,
  )

  # Athena's engine has names of its own for types of the catalogue.
  engine_types = { string = "varchar", timestamp = "timestamp(3)" }
}

resource "aws_glue_catalog_table" "windows_total" {
  database_name = aws_glue_catalog_database.this.name
  name          = "windows_total"
  description   = "Each window once, with its corrections added up"
  table_type    = "VIRTUAL_VIEW"
  parameters    = { presto_view = "true", comment = "Presto View" }

  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = local.view_sql
    catalog     = "awsdatacatalog"
    schema      = aws_glue_catalog_database.this.name
    columns     = [for column in local.view_columns : { name = column.name, type = lookup(local.engine_types, column.type, column.type) }]
  }))} */"

  storage_descriptor {
    dynamic "columns" {
      for_each = local.view_columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.description
      }
    }
  }

  depends_on = [aws_glue_catalog_table.this]
}
