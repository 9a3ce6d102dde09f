# The dashboard of one pipeline: what widgets.json describes, for the functions and queues that there are.

data "aws_region" "current" {}

locals {
  boards = jsondecode(file("${path.module}/widgets.json"))

  # What a metric's `each` may be, and what stands for `$...` in its dimensions.
  subjects = {
    dataset  = [{ dataset = var.dataset }]
    function = [for name in concat(local.sources, [var.refine]) : { function = name }]
    source   = [for name in local.sources : { function = name }]
    kafka    = [for source in values(var.sources) : { function = source.function } if source.kind == "kafka"]
    kinesis  = [for source in values(var.sources) : { function = source.function } if source.kind == "kinesis"]
    refine   = [{ function = var.refine }]
    queue    = [for name in sort(var.queues) : { queue = name }]
    account  = [{}]
  }
  sources = [for source in values(var.sources) : source.function]

  # A heading of the whole width, and below it two widgets side by side: CloudWatch places what says no place.
  widgets = flatten([
    for board in local.boards : concat(
      [{
        type   = "text"
        width  = 24
        height = 2
        properties = {
          markdown = "## ${board.title}\n${board.about} [Runbook](${board.runbook})"
        }
      }],
      [
        for widget in local.drawn[board.title] : {
          type   = "metric"
          width  = 12
          height = 6
          properties = {
            title       = widget.title
            view        = "timeSeries"
            stacked     = widget.stacked
            region      = data.aws_region.current.region
            period      = 60
            metrics     = widget.curves
            annotations = { horizontal = [for threshold in widget.thresholds : { value = threshold }] }
          }
        }
      ],
    )
  ])

  # A pipeline without Kinesis has no widget for it. AWS measures what an account owes in us-east-1 alone.
  drawn = {
    for board in local.boards : board.title => [
      for widget in board.widgets : merge(widget, { curves = local.curves["${board.title}/${widget.title}"] })
      if 0 < length(local.curves["${board.title}/${widget.title}"])
    ]
  }

  curves = merge([
    for board in local.boards : {
      for widget in board.widgets : "${board.title}/${widget.title}" => concat([
        for metric in widget.metrics : [
          for values in local.subjects[metric.each] : concat(
            [metric.namespace, metric.name],
            flatten([for name, value in metric.dimensions : [name, try(values[trimprefix(value, "$")], value)]]),
            [merge({ stat = metric.statistic }, metric.each == "account" ? { region = "us-east-1" } : {})],
          )
        ]
      ]...)
    }
  ]...)
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
