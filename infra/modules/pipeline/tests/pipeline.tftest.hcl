mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name    = "p"
  package = "tests/package/package.json"
  lake    = { bucket = "a-lake", prefix = "l" }
  kafka = {
    kafka = { topics = ["events"], bootstrap_servers = ["b1:9092"], network = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] } }
  }
}

run "ingest_may_do_what_it_does" {
  assert {
    condition = {
      for statement in module.ingest["kafka"].statements : statement.Sid => statement.Resource
      if startswith(statement.Action[0], "s3:")
      } == {
      ReadItsPartOfTheLake = [
        "arn:aws:s3:::a-lake/l/_penstock/format.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/hints/progress.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/unreadable/kafka/*",
        "arn:aws:s3:::a-lake/l/raw/iot/kafka/*",
      ]
      CreateObjectsAndOverwriteNone = [
        "arn:aws:s3:::a-lake/l/_penstock/format.json",
        "arn:aws:s3:::a-lake/l/raw/iot/kafka/*",
      ]
      ListAndLearnWhatIsAbsent = ["arn:aws:s3:::a-lake"]
    }
    error_message = "ingest may do something else: ${jsonencode(module.ingest["kafka"].statements)}"
  }
}

run "refine_may_do_what_it_does" {
  assert {
    condition = {
      for statement in module.refine.statements : statement.Sid => statement.Resource
      if startswith(statement.Action[0], "s3:")
      } == {
      ReadItsPartOfTheLake = [
        "arn:aws:s3:::a-lake/l/_penstock/format.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/cuts/*",
        "arn:aws:s3:::a-lake/l/_penstock/iot/hints/progress.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/state/*",
        "arn:aws:s3:::a-lake/l/_penstock/iot/unreadable/*",
        "arn:aws:s3:::a-lake/l/raw/iot/*",
        "arn:aws:s3:::a-lake/l/rejects/iot/*",
        "arn:aws:s3:::a-lake/l/silver/iot/*",
        "arn:aws:s3:::a-lake/l/windows/iot/*",
      ]
      CreateObjectsAndOverwriteNone = [
        "arn:aws:s3:::a-lake/l/_penstock/format.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/cuts/*",
        "arn:aws:s3:::a-lake/l/_penstock/iot/state/*",
        "arn:aws:s3:::a-lake/l/rejects/iot/*",
        "arn:aws:s3:::a-lake/l/silver/iot/*",
        "arn:aws:s3:::a-lake/l/windows/iot/*",
      ]
      ListAndLearnWhatIsAbsent = ["arn:aws:s3:::a-lake"]
      ReplaceHints             = ["arn:aws:s3:::a-lake/l/_penstock/iot/hints/progress.json"]
    }
    error_message = "refine may do something else: ${jsonencode(module.refine.statements)}"
  }
}

run "without_iceberg_there_is_no_function_for_it" {
  assert {
    condition     = length(module.tables) == 0 && length(module.tables_schedule) == 0
    error_message = "nobody asked for tables"
  }
}

run "tables_may_do_what_they_do" {
  variables {
    tables              = {}
    raw_retention_hours = 48
  }

  assert {
    condition = {
      for statement in module.tables[0].statements : statement.Sid => statement.Resource
      if startswith(statement.Action[0], "s3:") || startswith(statement.Action[0], "glue:")
      } == {
      ReadItsPartOfTheLake = [
        "arn:aws:s3:::a-lake/l/_penstock/format.json",
        "arn:aws:s3:::a-lake/l/_penstock/iot/cuts/*",
        "arn:aws:s3:::a-lake/l/_penstock/iot/state/*",
        "arn:aws:s3:::a-lake/l/raw/iot/*",
        "arn:aws:s3:::a-lake/l/silver/iot/*",
        "arn:aws:s3:::a-lake/l/tables/iot/*",
        "arn:aws:s3:::a-lake/l/windows/iot/*",
      ]
      CreateObjectsAndOverwriteNone = ["arn:aws:s3:::a-lake/l/tables/iot/*"]
      ListAndLearnWhatIsAbsent      = ["arn:aws:s3:::a-lake"]
      DeleteWhatRetentionGivesUp    = ["arn:aws:s3:::a-lake/l/tables/iot/*/metadata/*"]
      CommitToItsTables = tolist([
        "arn:aws:glue:eu-central-1:111122223333:catalog",
        "arn:aws:glue:eu-central-1:111122223333:database/p",
        "arn:aws:glue:eu-central-1:111122223333:table/p/iot_*",
      ])
    }
    error_message = "tables may do something else: ${jsonencode(module.tables[0].statements)}"
  }

  assert {
    condition = module.tables[0].environment == tomap({
      PENSTOCK_LAKE                = "s3://a-lake/l"
      PENSTOCK_DATASET             = "iot"
      PENSTOCK_LOG                 = "info"
      PENSTOCK_CATALOG             = "glue"
      PENSTOCK_NAMESPACE           = "p"
      PENSTOCK_RAW_RETENTION_HOURS = "48"
    })
    error_message = "tables are told something else: ${jsonencode(module.tables[0].environment)}"
  }
}

run "tables_need_a_catalogue" {
  command = plan

  variables {
    tables  = {}
    catalog = null
  }

  expect_failures = [var.tables]
}

run "only_with_retention_may_refine_delete" {
  variables {
    raw_retention_hours = 48
  }

  assert {
    condition = [
      for statement in module.refine.statements : statement.Resource if contains(statement.Action, "s3:DeleteObject")
    ] == [["arn:aws:s3:::a-lake/l/raw/iot/*"]]
    error_message = "retention deletes raw objects, and nothing else"
  }

  assert {
    condition     = module.refine.environment.PENSTOCK_RAW_RETENTION_HOURS == "48"
    error_message = "refine does not know that it should delete"
  }
}

run "one_refine_runs_at_a_time_and_repeats_nothing" {
  assert {
    condition = (
      module.refine.reserved_concurrency == 1 &&
      module.refine.asynchronous.maximum_retries == 0 &&
      module.refine.asynchronous.maximum_age_secs == 60 &&
      module.refine.asynchronous.dead_letter_queue_arn == null
    )
    error_message = "refine must have one run at a time, without retries"
  }
}

run "the_functions_are_told_what_they_need" {
  variables {
    cut = { max_rows = 1000 }
  }

  assert {
    condition = module.ingest["kafka"].environment == tomap({
      PENSTOCK_LAKE     = "s3://a-lake/l"
      PENSTOCK_DATASET  = "iot"
      PENSTOCK_LOG      = "info"
      PENSTOCK_SOURCE   = "kafka"
      PENSTOCK_EPOCH    = "0"
      PENSTOCK_OFFSETS  = "contiguous"
      PENSTOCK_ON_GAP   = "fail"
      PENSTOCK_FAILURES = "batch"
    })
    error_message = "ingest is told something else: ${jsonencode(module.ingest["kafka"].environment)}"
  }

  assert {
    condition = module.refine.environment == tomap({
      PENSTOCK_LAKE                = "s3://a-lake/l"
      PENSTOCK_DATASET             = "iot"
      PENSTOCK_LOG                 = "info"
      PENSTOCK_RAW_RETENTION_HOURS = "0"
      PENSTOCK_CUT_MAX_ROWS        = "1000"
    })
    error_message = "refine is told something else: ${jsonencode(module.refine.environment)}"
  }
}

run "the_function_and_its_mapping_agree_on_partial_answers" {
  variables {
    kafka = {
      kafka = {
        topics              = ["events"]
        bootstrap_servers   = ["b1:9092"]
        network             = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
        failures            = "partial"
        provisioned_pollers = { minimum = 1, maximum = 2 }
      }
    }
    kinesis = {
      clicks = { create_stream = { name = "clicks" } }
    }
  }

  assert {
    condition = (
      module.ingest["kafka"].environment.PENSTOCK_FAILURES == "partial" && one(module.kafka["kafka"].response_types) == "ReportBatchItemFailures" &&
      module.ingest["clicks"].environment.PENSTOCK_FAILURES == "batch" && length(module.kinesis["clicks"].response_types) == 0
    )
    error_message = "one variable decides for both"
  }

  assert {
    condition     = module.ingest["clicks"].environment.PENSTOCK_OFFSETS == "sparse"
    error_message = "numbers of Kinesis always have holes"
  }
}

run "a_bucket_that_is_there_is_left_as_it_is" {
  variables {
    lake = { bucket = "theirs", create = false }
  }

  assert {
    condition     = length(module.storage) == 0 && output.lake == "s3://theirs"
    error_message = "nothing may be made of somebody else's bucket"
  }
}

run "the_tables_are_those_of_the_dataset" {
  assert {
    condition     = output.athena.database == "p" && module.catalog[0].tables.silver.sku == "string" && module.catalog[0].tables.windows.event_id == "string"
    error_message = "the catalogue shows another dataset"
  }
}

run "nobody_has_to_have_a_catalogue" {
  variables {
    catalog = null
  }

  assert {
    condition     = length(module.catalog) == 0 && output.athena == null
    error_message = "no catalogue was asked for"
  }
}

run "nobody_has_to_have_a_daily_report" {
  assert {
    condition     = length(module.emr) == 0 && output.emr == null
    error_message = "no report was asked for"
  }
}

run "the_daily_report_is_of_this_lake_and_dataset" {
  variables {
    emr = {}
  }

  assert {
    condition = (
      output.emr.reports == "s3://a-lake/l/reports/p95/iot/" && startswith(output.emr.artifacts, "s3://a-lake/emr-artifacts/p-p95/") &&
      output.emr.application_id != null && output.emr.compaction_arn == null
    )
    error_message = "the report is another one: ${jsonencode(output.emr)}"
  }
}

run "tables_are_compacted_where_there_is_an_application" {
  variables {
    emr    = {}
    tables = {}
  }

  assert {
    condition     = output.emr.compaction_arn != null
    error_message = "small files stay for ever"
  }
}

run "the_daily_report_runs_on_ec2_if_it_has_a_subnet" {
  variables {
    emr    = { ec2 = { subnet_id = "subnet-0123456789abcdef0" } }
    tables = {}
  }

  assert {
    condition     = output.emr.application_id == null && output.emr.compaction_arn == null
    error_message = "there is an application as well"
  }
}

run "a_daily_report_needs_a_question" {
  command = plan

  variables {
    dataset = "clicks"
    emr     = {}
  }

  expect_failures = [var.emr]
}

run "a_pipeline_needs_a_source" {
  command = plan

  variables {
    kafka = {}
  }

  expect_failures = [var.kinesis]
}

run "two_sources_have_two_names" {
  command = plan

  variables {
    kinesis = {
      kafka = { create_stream = { name = "events" } }
    }
  }

  expect_failures = [var.kinesis]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                = "P"
    raw_retention_hours = 12
    cut                 = { min_bytes = 1000 }
    gradual             = { nobody = { stable_version = "1", new_share = 0 } }
  }

  expect_failures = [var.name, var.raw_retention_hours, var.cut, var.gradual]
}

run "wrong_settings_of_a_source_are_refused" {
  command = plan

  variables {
    kafka = {
      kafka = { topics = ["events"], bootstrap_servers = ["b1:9092"], offsets = "dense" }
    }
    msk = {
      msk = { topics = ["events"], cluster_arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/a/b", on_gap = "ignore" }
    }
  }

  expect_failures = [var.kafka, var.msk]
}

run "a_dataset_must_be_packaged" {
  command = plan

  variables {
    dataset = "mine"
  }

  expect_failures = [var.dataset]
}

run "alarms_are_off_unless_somebody_hears_them" {
  assert {
    condition     = length(module.alarms) == 0 && output.functions.notify == null && output.alarms == null
    error_message = "there are alarms that nobody asked for"
  }
}

run "alarms_know_the_functions_and_the_queues" {
  variables {
    kafka = {
      kafka = {
        topics                     = ["events"]
        bootstrap_servers          = ["b1:9092"]
        network                    = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
        provisioned_pollers        = { minimum = 1, maximum = 2 }
        on_failure_destination_arn = "arn:aws:sqs:eu-central-1:111122223333:given-up"
      }
    }
    kinesis = { stream = { create_stream = { name = "events" } } }
    tables  = {}
    alarms  = { channels = { slack = "ssm:/penstock/slack" }, off = ["chain-broken"] }
  }

  assert {
    condition = output.functions.notify == "p-notify" && alltrue([
      for name in ["p-lag-kafka-kafka", "p-lag-kinesis-stream", "p-letters-given-up", "p-letters-p-notify-undelivered", "p-tables-errors"] :
      contains(module.alarms[0].alarms, name)
    ]) && !contains(module.alarms[0].alarms, "p-chain-broken")
    error_message = "the alarms are others: ${jsonencode(module.alarms[0].alarms)}"
  }
}

run "the_dashboard_shows_what_the_alarms_watch" {
  variables {
    kafka = {
      kafka = {
        topics                     = ["events"]
        bootstrap_servers          = ["b1:9092"]
        network                    = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
        provisioned_pollers        = { minimum = 1, maximum = 2 }
        on_failure_destination_arn = "arn:aws:sqs:eu-central-1:111122223333:given-up"
      }
    }
    alarms = { channels = { slack = "ssm:/penstock/slack" } }
  }

  assert {
    condition = alltrue([
      for dimension in [["FunctionName", "p-ingest-kafka"], ["FunctionName", "p-refine"], ["QueueName", "given-up"], ["QueueName", "p-notify-undelivered"]] :
      strcontains(module.dashboard[0].body, trimsuffix(trimprefix(jsonencode(dimension), "["), "]"))
    ])
    error_message = "the dashboard shows something else: ${module.dashboard[0].body}"
  }

  assert {
    condition     = output.dashboard == "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/p"
    error_message = "it is seen elsewhere: ${output.dashboard}"
  }
}

run "a_dashboard_that_is_not_wanted_is_not_made" {
  variables {
    dashboard = false
    alarms    = { emails = ["on-call@example.org"] }
  }

  assert {
    condition     = length(module.dashboard) == 0 && output.dashboard == null
    error_message = "there is a dashboard that nobody asked for"
  }
}

run "alarms_that_nobody_hears_are_refused" {
  command = plan

  variables {
    alarms = {}
  }

  expect_failures = [var.alarms]
}
