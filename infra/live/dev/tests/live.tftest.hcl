# With terraform.tfvars.example for its variables, so that what people copy works.
mock_provider "aws" {
  source = "../../modules/pipeline/tests/mocks"
}

run "the_example_is_complete" {
  assert {
    condition     = output.lake == "s3://example-penstock-dev" && jsonencode(output.functions.ingest) == jsonencode({ kinesis = "penstock-dev-ingest-kinesis" })
    error_message = "the pipeline of the example is another one"
  }
}

run "another_account_is_named_in_full" {
  command = plan

  variables {
    account_id = "1111"
  }

  expect_failures = [var.account_id]
}

run "tables_are_made_if_asked_for" {
  variables {
    tables = {}
  }

  assert {
    condition     = output.functions.tables == "penstock-dev-tables"
    error_message = "nobody appends to the tables"
  }
}
