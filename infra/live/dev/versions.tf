terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.13.0"
    }
  }

  # Bucket and region stand in backend.hcl, which infra/bootstrap prints.
  backend "s3" {
    key          = "penstock/dev.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  # With the keys of another account nothing is planned, let alone applied.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      project     = "penstock"
      environment = "dev"
    }
  }
}
