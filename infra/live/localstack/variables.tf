variable "bucket" {
  description = "Name of the bucket."
  type        = string
  default     = "penstock"
}

variable "dataset" {
  description = "The dataset that is landed and refined."
  type        = string
  default     = "iot"
}

variable "kafka" {
  description = "The broker, HOST:PORT."
  type        = string
  default     = "127.0.0.1:9092"
}

variable "topics" {
  description = "The topics to read; they need not exist yet."
  type        = set(string)
  default     = ["events"]
}

variable "stream" {
  description = "The Kinesis stream to make and read; null: none."
  type        = string
  default     = "events"
}

variable "shards" {
  description = "How many shards the stream has; the emulator's mapping reads one after the other."
  type        = number
  default     = 2
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
