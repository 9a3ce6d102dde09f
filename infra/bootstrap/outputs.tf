output "backend_hcl" {
  description = "What infra/live/dev/backend.hcl and infra/live/prod/backend.hcl are to say."
  value       = <<-HCL
    bucket = "${aws_s3_bucket.state.id}"
    region = "${var.region}"
  HCL
}

output "roles" {
  description = "The roles for the workflows, by environment: set them as the variables PLAN_ROLE and DEPLOY_ROLE there."
  value       = { for name in keys(var.environments) : name => { plan = module.plan[name].arn, deploy = module.deploy[name].arn } }
}
