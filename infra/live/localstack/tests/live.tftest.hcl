mock_provider "aws" {
  source = "../../modules/pipeline/tests/mocks"
}

run "the_environment_is_complete" {
  assert {
    condition     = output.lake == "s3://penstock/lake" && jsonencode(output.functions.ingest) == jsonencode({ kafka = "penstock-ingest-kafka", kinesis = "penstock-ingest-kinesis" })
    error_message = "the local pipeline is another one"
  }
}
