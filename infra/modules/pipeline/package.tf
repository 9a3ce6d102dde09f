# What `make package` left: which zip holds which function, what they were compiled for, and the datasets they know.
locals {
  package  = jsondecode(file(var.package))
  zips     = { for name, file in local.package.functions : name => "${dirname(var.package)}/${file}" }
  datasets = local.package.datasets
  dataset  = local.datasets[var.dataset]
}
