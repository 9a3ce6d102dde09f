terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.13.0"
    }
  }

  # The state goes the way of the emulator that it describes.
  backend "local" {}
}

# Where the emulator listens stands in AWS_ENDPOINT_URL, which `make plan|apply|destroy ENV=localstack` sets.
# Should it be missing, these keys open nothing at AWS.
provider "aws" {
  region     = "us-east-1"
  access_key = "test"
  secret_key = "test"

  allowed_account_ids         = ["000000000000"]
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  # An emulator that answers 500 will do so again; the provider's own patience takes minutes.
  max_retries = 2
}
