variable "account_id" {
  description = "The AWS account of this environment; keys of any other are refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: give the 12 digits of the account ('aws sts get-caller-identity' says whose keys you have)."
  }
}

variable "region" {
  description = "The region of this environment, such as eu-central-1."
  type        = string
}

variable "bucket" {
  description = "Name of the lake's bucket. Names are taken world-wide: begin it with your organisation's."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the lake; null: S3's own keys."
  type        = string
  default     = null
}
variable "dataset" {
  description = "The dataset that is landed and refined."
  type        = string
  default     = "iot"
}

# The pipeline declares what a source may say, and checks it.
variable "kafka" {
  description = "Self-managed Kafka clusters to read, by the name of the source; see modules/pipeline."
  type        = any
  default     = {}
}

variable "msk" {
  description = "MSK clusters to read or make, by the name of the source; see modules/pipeline."
  type        = any
  default     = {}
}

variable "kinesis" {
  description = "Kinesis streams to read or make, by the name of the source; see modules/pipeline."
  type        = any
  default     = {}
}

variable "gradual" {
  description = "Gradual deployments, by `refine` or the name of a source; see modules/pipeline."
  type        = map(object({ stable_version = string, new_share = number }))
  default     = {}
}

variable "alarms" {
  description = "Whom alarms tell; see modules/pipeline. null: there are none."
  type        = any
  default     = null
}

variable "dashboard" {
  description = "Whether CloudWatch has a dashboard of it; see modules/pipeline."
  type        = bool
  default     = true
}

# The pipeline declares what it may say, and checks it.
variable "emr" {
  description = "A daily report of the 95th percentile by Spark on EMR; {} has all defaults, and null is none. See modules/pipeline."
  type        = any
  default     = null
}

# The pipeline declares what it may say, and checks it.
variable "tables" {
  description = "The dataset as Iceberg tables, for a dataset with format = \"iceberg\"; {} has all defaults, and null is none. See modules/pipeline."
  type        = any
  default     = null
}
