# The columns of each table: Penstock's own, which own_columns.json names as crates/core/src/table.rs writes them, and
# the dataset's. Glue and Athena know lower case alone, and find columns of the files whatever their case.
locals {
  own         = jsondecode(file("${path.module}/own_columns.json"))
  columns     = [for column in var.columns : merge(column, { name = lower(column.name) })]
  window_keys = [for key in var.window_keys : { name = lower(key), type = "string", description = "What the window is of" }]

  tables = {
    silver = {
      description = "Events of ${var.dataset}, each once"
      columns     = concat(local.columns, local.own.coordinates)
      by_date     = true
    }
    windows = {
      description = "Counts and sums of ${var.dataset} by window; all rows of a window add up (windows_total)"
      columns     = concat(local.own.window, local.window_keys, local.own.totals, local.own.kind)
      by_date     = true
    }
    rejects = {
      description = "Records that are no events of ${var.dataset}, byte for byte"
      columns     = concat(local.own.coordinates, local.own.rejects)
      by_date     = false
    }
  }
}
