variable "name" {
  description = "Name of the source: what PENSTOCK_SOURCE of its function says."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{1,32}$", var.name))
    error_message = "name: use 1 to 32 of a-z, 0-9 and '-'."
  }
}

variable "function" {
  description = "The function that lands the records, as the output `function` of module function says it."
  type = object({
    alias_arn = string
    role_name = string
  })
}

variable "stream_arn" {
  description = "The stream to read, if there is one. null: create_stream makes one."
  type        = string
  default     = null

  validation {
    condition     = (var.stream_arn == null) != (var.create_stream == null)
    error_message = "stream_arn: give either the ARN of a stream or create_stream, not both and not neither."
  }

  validation {
    condition     = var.stream_arn == null ? true : can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/.+$", var.stream_arn))
    error_message = "stream_arn: give the ARN of a stream (arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)."
  }
}

variable "stream_kms_key_arn" {
  description = "KMS key of a stream that was given, if it has one of its own."
  type        = string
  default     = null
}

variable "create_stream" {
  description = "The stream to make: its name, the number of shards (null: on demand), and how long it keeps records. That long the pipeline may stand still without a loss."
  type = object({
    name            = string
    shards          = optional(number)
    retention_hours = optional(number, 72)
  })
  default = null

  validation {
    condition     = var.create_stream == null ? true : can(regex("^[a-zA-Z0-9_.-]{1,128}$", var.create_stream.name))
    error_message = "create_stream.name: use 1 to 128 letters, digits, '_', '.' and '-'."
  }

  validation {
    condition     = try(var.create_stream.shards, null) == null ? true : 1 <= var.create_stream.shards
    error_message = "create_stream.shards: give at least 1, or null for a stream on demand."
  }

  validation {
    condition     = var.create_stream == null ? true : 24 <= var.create_stream.retention_hours && var.create_stream.retention_hours <= 8760
    error_message = "create_stream.retention_hours: give 24 to 8760."
  }
}

variable "parallelization_factor" {
  description = "Must be 1: two invocations for one shard at once would land its records out of order."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.parallelization_factor == 1
    error_message = "parallelization_factor: it must be 1, because records of a shard land in order. For more throughput split shards."
  }
}

variable "batch_size" {
  description = "The most records of a batch. Objects in raw are as large as batches: fewer and larger ones cost less."
  type        = number
  default     = 10000
  nullable    = false

  validation {
    condition     = 1 <= var.batch_size && var.batch_size <= 10000 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size: give a whole number from 1 to 10000."
  }
}

variable "batching_window_secs" {
  description = "How long Lambda gathers records before it calls with less than a full batch."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = 0 <= var.batching_window_secs && var.batching_window_secs <= 300 && floor(var.batching_window_secs) == var.batching_window_secs
    error_message = "batching_window_secs: give a whole number from 0 to 300."
  }
}

variable "failures" {
  description = "What happens when a batch cannot land: `batch`, all of it is delivered again; `partial`, only what had not landed. PENSTOCK_FAILURES of the function must say the same."
  type        = string
  default     = "batch"
  nullable    = false

  validation {
    condition     = contains(["batch", "partial"], var.failures)
    error_message = "failures: use batch or partial."
  }
}

variable "enabled" {
  description = "Whether records are delivered. Off: they wait in the stream, as long as it keeps them."
  type        = bool
  default     = true
  nullable    = false
}
