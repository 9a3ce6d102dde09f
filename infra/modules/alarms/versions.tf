terraform {
  # Conditions of variables that name other variables, and `use_lockfile` of the S3 backend, came by 1.11.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.13, < 7.0"
    }
  }
}
