output "database" {
  description = "Name of the database with silver, windows, rejects and windows_total."
  value       = aws_glue_catalog_database.this.name
}

output "workgroup" {
  description = "Name of the Athena work group to ask in."
  value       = aws_athena_workgroup.this.name
}

output "tables" {
  description = "The columns of each table, with their types."
  value       = { for name, table in local.tables : name => { for column in table.columns : column.name => column.type } }
}
