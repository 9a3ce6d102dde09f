mock_provider "aws" {
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:eu-central-1:111122223333:stream/events" }
  }
}

variables {
  name = "kinesis"
  function = {
    alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:ingest:live"
    role_name = "ingest"
  }
  create_stream = { name = "events" }
}

run "a_stream_is_made_encrypted_and_read_in_order" {
  assert {
    condition = (
      aws_kinesis_stream.this[0].encryption_type == "KMS" &&
      aws_kinesis_stream.this[0].retention_period == 72 &&
      one(aws_kinesis_stream.this[0].stream_mode_details).stream_mode == "ON_DEMAND"
    )
    error_message = "the stream is another one"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.this.event_source_arn == "arn:aws:kinesis:eu-central-1:111122223333:stream/events" &&
      aws_lambda_event_source_mapping.this.starting_position == "TRIM_HORIZON" &&
      aws_lambda_event_source_mapping.this.parallelization_factor == 1 &&
      aws_lambda_event_source_mapping.this.batch_size == 10000 &&
      aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 10 &&
      aws_lambda_event_source_mapping.this.function_response_types == null &&
      aws_lambda_event_source_mapping.this.maximum_retry_attempts == -1 &&
      aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds == -1 &&
      length(aws_lambda_event_source_mapping.this.filter_criteria) == 0
    )
    error_message = "the mapping is another one"
  }
}

run "the_poller_may_read_this_stream" {
  variables {
    create_stream      = null
    stream_arn         = "arn:aws:kinesis:eu-central-1:111122223333:stream/theirs"
    stream_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1"
    failures           = "partial"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid    = "ReadTheStream"
        Effect = "Allow"
        Action = [
          "kinesis:DescribeStream",
          "kinesis:DescribeStreamSummary",
          "kinesis:GetRecords",
          "kinesis:GetShardIterator",
          "kinesis:ListShards",
        ]
        Resource = ["arn:aws:kinesis:eu-central-1:111122223333:stream/theirs"]
      },
      {
        Sid      = "DecryptTheStream"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = ["arn:aws:kms:eu-central-1:111122223333:key/1"]
      },
    ]
    error_message = "the policy is another one: ${aws_iam_role_policy.this.policy}"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"]) && length(aws_kinesis_stream.this) == 0
    error_message = "partial answers must be agreed upon, and no stream made"
  }
}

run "there_is_one_stream" {
  command = plan

  variables {
    stream_arn = "arn:aws:kinesis:eu-central-1:111122223333:stream/theirs"
  }

  expect_failures = [var.stream_arn]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                   = "Kinesis"
    create_stream          = { name = "a stream", shards = 0, retention_hours = 12 }
    parallelization_factor = 2
    batch_size             = 10001
    batching_window_secs   = 301
    failures               = "some"
  }

  expect_failures = [
    var.name, var.create_stream, var.parallelization_factor, var.batch_size, var.batching_window_secs, var.failures,
  ]
}
