mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name    = "penstock-dev"
  dataset = "iot"
  sources = { kafka = { function = "penstock-dev-ingest-kafka", kind = "kafka" } }
  refine  = "penstock-dev-refine"
}

run "each_metric_is_asked_for_the_functions_and_the_dataset_that_there_are" {
  assert {
    condition = alltrue([
      for metric in flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [
        for metric in try(widget.properties.metrics, []) : jsonencode(metric)
      ]]) : !strcontains(metric, "$")
    ])
    error_message = "a name is missing: ${aws_cloudwatch_dashboard.this.dashboard_body}"
  }

  assert {
    condition = strcontains(
      aws_cloudwatch_dashboard.this.dashboard_body,
      jsonencode(["Penstock", "EventsReceived", "dataset", "iot", { stat = "Sum" }]),
    )
    error_message = "the volume of the dataset is missing"
  }

  assert {
    condition = alltrue([
      for name in ["penstock-dev-ingest-kafka", "penstock-dev-refine"] : strcontains(
        aws_cloudwatch_dashboard.this.dashboard_body,
        jsonencode(["AWS/Lambda", "Errors", "FunctionName", name, { stat = "Sum" }]),
      )
    ])
    error_message = "the errors of a function are missing"
  }
}

run "what_an_account_owes_is_asked_where_aws_measures_it" {
  assert {
    condition = strcontains(
      aws_cloudwatch_dashboard.this.dashboard_body,
      jsonencode(["AWS/Billing", "EstimatedCharges", "Currency", "USD", { region = "us-east-1", stat = "Maximum" }]),
    )
    error_message = "AWS knows no bill elsewhere"
  }
}

run "a_source_that_is_not_there_has_no_widget" {
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "IteratorAge")
    error_message = "there is no Kinesis"
  }
}

run "every_widget_shows_something" {
  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      widget.type == "text" || 0 < length(try(widget.properties.metrics, []))
    ])
    error_message = "a widget is empty"
  }
}
