provider "aws" {
  region = var.region
  # With the keys of another account nothing is planned, let alone applied.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = { project = "penstock" }
  }
}
