# The rules for AWS are a plugin of their own, which is fetched outside of package registries; checkov and the tests
# stand in for it.
config {
  call_module_type = "local"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Files are named after things: one file for a module's main resource, one for what it may do.
rule "terraform_standard_module_structure" {
  enabled = false
}

# A value with many fields is a map with typed fields, not `any`; the live folders hand such maps on as they are.
rule "terraform_typed_variables" {
  enabled = true
}
