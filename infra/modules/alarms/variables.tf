variable "name" {
  description = "Name of the pipeline; the names of its alarms begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "name: use 1 to 24 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "dataset" {
  description = "The dataset, as the pipeline's metrics name it."
  type        = string
}

variable "sources" {
  description = "The functions that land records, by the name of the source; kind is kafka (MSK, too) or kinesis."
  type        = map(object({ function = string, kind = string }))

  validation {
    condition     = alltrue([for source in var.sources : contains(["kafka", "kinesis"], source.kind)])
    error_message = "sources: kind is kafka or kinesis."
  }
}

variable "refine" {
  description = "The name of the function that refines."
  type        = string
}

variable "tables" {
  description = "The name of the function that appends to the Iceberg tables; null: there are none."
  type        = string
  default     = null
}

variable "queues" {
  description = "Names of SQS queues in which nothing should lie, such as the on-failure destinations of sources."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "thresholds" {
  description = "Thresholds other than those in alarms.json, by the alarm's name there; events-too-few, events-too-many and cost are on only with one."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.thresholds) : contains(keys(jsondecode(file("${path.module}/alarms.json"))), name)])
    error_message = "thresholds: there is no such alarm; they are ${join(", ", keys(jsondecode(file("${path.module}/alarms.json"))))}."
  }
}

variable "off" {
  description = "Alarms that are not wanted, by their names in alarms.json."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.off : contains(keys(jsondecode(file("${path.module}/alarms.json"))), name)])
    error_message = "off: there is no such alarm; they are ${join(", ", keys(jsondecode(file("${path.module}/alarms.json"))))}."
  }
}

variable "emails" {
  description = "Addresses that get every alarm. AWS asks each one first."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+$", email))])
    error_message = "emails: give addresses such as on-call@example.org."
  }
}

variable "channels" {
  description = "Where else alarms go, by where each secret is kept (ssm:NAME or secretsmanager:NAME): an incoming webhook of Slack, a Telegram bot's token and its chat, a webhook of yours. kms_key_arn: the key that encrypts these secrets, if it is one of yours."
  type = object({
    slack         = optional(string)
    telegram      = optional(object({ token = string, chat = string, api = optional(string) }))
    webhook       = optional(string)
    quiet_minutes = optional(number)
    kms_key_arn   = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for place in compact([var.channels.slack, try(var.channels.telegram.token, null), var.channels.webhook]) : can(regex("^(ssm|secretsmanager):[^\\s*?]+$", place))])
    error_message = "channels: say where a secret is kept, as ssm:/penstock/slack or secretsmanager:penstock/slack. The secret itself has no place here: Terraform's state would hold it."
  }

  validation {
    condition     = var.channels.quiet_minutes == null ? true : 0 <= var.channels.quiet_minutes && floor(var.channels.quiet_minutes) == var.channels.quiet_minutes
    error_message = "channels.quiet_minutes: give a whole number of minutes."
  }
}

variable "runbook_url" {
  description = "Where your runbook is read; alarms name its sections, and with an address they link to them."
  type        = string
  default     = "docs/runbook.md"
  nullable    = false
}

variable "dashboard_url" {
  description = "The dashboard that alarms link to; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.dashboard_url == null ? true : startswith(var.dashboard_url, "https://")
    error_message = "dashboard_url: begin it with https://."
  }
}

variable "package" {
  description = "Path of the zip with the function notify, as `make package` makes it."
  type        = string
}

variable "architecture" {
  description = "What it was compiled for: arm64 or x86_64."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the topic, which must let CloudWatch use it; null: the topic is not encrypted."
  type        = string
  default     = null
}

variable "log" {
  description = "What notify logs (PENSTOCK_LOG)."
  type        = string
  default     = "info"
  nullable    = false
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the log."
  type        = number
  default     = 30
  nullable    = false
}

variable "tracing" {
  description = "Whether Lambda traces invocations with X-Ray."
  type        = bool
  default     = true
  nullable    = false
}
