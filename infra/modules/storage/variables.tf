variable "bucket" {
  description = "Name of the bucket to create."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket: use 3 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit (a dot would break TLS)."
  }
}

variable "prefix" {
  description = "Where the lake begins in the bucket, without '/' at either end; empty: at its root."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9_=.-]+(/[A-Za-z0-9_=.-]+)*)?$", var.prefix))
    error_message = "prefix: use segments of letters, digits, '_', '=', '.' and '-', with single '/' between them and none at the ends."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects; null: S3's own keys (SSE-S3), which cost nothing."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not of an alias."
  }
}

variable "raw_to_cold_after_days" {
  description = "After how many days raw objects move to Glacier Instant Retrieval; 0: never. Objects below 128 KiB stay where they are."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = 0 <= var.raw_to_cold_after_days && floor(var.raw_to_cold_after_days) == var.raw_to_cold_after_days
    error_message = "raw_to_cold_after_days: give a whole number of days, or 0 for never."
  }
}

variable "force_destroy" {
  description = "Whether destroying deletes the data, too. Leave it off wherever the data matter: then destroy refuses while the bucket holds any."
  type        = bool
  default     = false
  nullable    = false
}
