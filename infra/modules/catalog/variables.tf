variable "name" {
  description = "Name of the database and of the work group."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,63}$", var.name))
    error_message = "name: use 1 to 64 of a-z, 0-9 and '_', beginning with a letter; Athena quotes other names."
  }
}

variable "bucket" {
  description = "The lake's bucket."
  type        = string
}

variable "prefix" {
  description = "Where the lake begins in it, without '/' at either end; empty: at its root."
  type        = string
  default     = ""
  nullable    = false
}

variable "dataset" {
  description = "Name of the dataset."
  type        = string
}

variable "columns" {
  description = "The dataset's columns with Glue's types, as package.json lists them."
  type        = list(object({ name = string, type = string, description = string }))

  validation {
    condition     = alltrue([for column in var.columns : contains(["string", "bigint", "double", "boolean", "timestamp"], column.type)])
    error_message = "columns: a type is none of string, bigint, double, boolean and timestamp; run 'make package' again."
  }

  validation {
    condition     = length(distinct([for column in var.columns : lower(column.name)])) == length(var.columns)
    error_message = "columns: two names differ only in case, which Glue cannot tell apart; rename one, or leave the catalogue out."
  }
}

variable "window_keys" {
  description = "The columns that windows are grouped by."
  type        = list(string)
}

variable "first_event_date" {
  description = "The first day that queries see, YYYY-MM-DD. A query without a condition on event_date looks into the folder of each day since."
  type        = string
  default     = "2025-01-01"
  nullable    = false

  validation {
    condition     = can(formatdate("YYYY-MM-DD", "${var.first_event_date}T00:00:00Z"))
    error_message = "first_event_date: give a date as YYYY-MM-DD."
  }
}

variable "scan_limit_gib" {
  description = "The most that one question may read, in GiB."
  type        = number
  default     = 100
  nullable    = false

  validation {
    # Athena's own minimum is 10 MB.
    condition     = 0.01 <= var.scan_limit_gib
    error_message = "scan_limit_gib: give at least 0.01."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts results; null: S3's own keys."
  type        = string
  default     = null
}
