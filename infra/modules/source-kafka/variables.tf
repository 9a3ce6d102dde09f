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
    alias_arn    = string
    role_name    = string
    timeout_secs = number
  })

  validation {
    condition     = var.function.timeout_secs <= 840
    error_message = "function.timeout_secs: with a Kafka mapping a function may take 14 minutes at the most; set at most 840."
  }
}

variable "topics" {
  description = "The topics to read; each gets a mapping of its own."
  type        = set(string)

  validation {
    condition     = 0 < length(var.topics) && alltrue([for topic in var.topics : can(regex("^[A-Za-z0-9._-]{1,249}$", topic))])
    error_message = "topics: name at least one; a topic has 1 to 249 letters, digits, '.', '_' and '-'."
  }
}

variable "bootstrap_servers" {
  description = "The brokers, each HOST:PORT."
  type        = list(string)

  validation {
    condition     = 0 < length(var.bootstrap_servers) && alltrue([for server in var.bootstrap_servers : can(regex("^[A-Za-z0-9.-]+:[0-9]{1,5}$", server))])
    error_message = "bootstrap_servers: give at least one HOST:PORT, each as an element of the list."
  }
}

variable "authentication" {
  description = "How the brokers know Lambda: plain, scram-256, scram-512 (a secret with username and password) or certificate (a secret with certificate and privateKey). null: they let anyone in."
  type = object({
    kind       = string
    secret_arn = string
  })
  default = null

  validation {
    condition     = var.authentication == null ? true : contains(["plain", "scram-256", "scram-512", "certificate"], var.authentication.kind)
    error_message = "authentication.kind: use plain, scram-256, scram-512 or certificate."
  }

  validation {
    condition     = var.authentication == null ? true : can(regex("^arn:[^:]+:secretsmanager:", var.authentication.secret_arn))
    error_message = "authentication.secret_arn: give the ARN of a secret in Secrets Manager."
  }
}

variable "ca_certificate_secret_arn" {
  description = "Secret with the certificate of the brokers' own authority; null: a public one signed theirs."
  type        = string
  default     = null

  validation {
    condition     = var.ca_certificate_secret_arn == null ? true : can(regex("^arn:[^:]+:secretsmanager:", var.ca_certificate_secret_arn))
    error_message = "ca_certificate_secret_arn: give the ARN of a secret in Secrets Manager."
  }
}

variable "secrets_kms_key_arn" {
  description = "KMS key of the secrets, if they have one of their own."
  type        = string
  default     = null
}

variable "network" {
  description = "Where the brokers are: private subnets and security groups for Lambda's pollers. null: the brokers are reached over the internet, and ask for authentication."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null ? true : 0 < length(var.network.subnet_ids) && 0 < length(var.network.security_group_ids)
    error_message = "network: give at least one subnet and one security group that may reach the brokers."
  }

  validation {
    condition     = var.network != null || var.authentication != null
    error_message = "network: Lambda reads no brokers that are open to the internet; give authentication, or the network where they are."
  }
}

variable "consumer_group" {
  description = "Beginning of the consumer groups' names (NAME-TOPIC); null: Lambda makes them up. It cannot be changed later."
  type        = string
  default     = null
}

variable "starting_position" {
  description = "Where a new mapping begins: TRIM_HORIZON, the oldest record that is there, or LATEST, what comes from now on."
  type        = string
  default     = "TRIM_HORIZON"
  nullable    = false

  validation {
    condition     = contains(["TRIM_HORIZON", "LATEST"], var.starting_position)
    error_message = "starting_position: use TRIM_HORIZON (everything that is there) or LATEST (what comes from now on)."
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
  description = "What happens when one partition of a batch cannot land: `batch`, all of it is delivered again; `partial`, only that partition. PENSTOCK_FAILURES of the function must say the same."
  type        = string
  default     = "batch"
  nullable    = false

  validation {
    condition     = contains(["batch", "partial"], var.failures)
    error_message = "failures: use batch or partial."
  }

  validation {
    condition     = var.failures == "batch" || var.provisioned_pollers != null
    error_message = "failures: Lambda takes partial answers for Kafka only from provisioned pollers; set provisioned_pollers, or failures = \"batch\"."
  }
}

variable "provisioned_pollers" {
  description = "Pollers of one's own, about $0.185 an hour each; null: Lambda's shared ones, which start with one and follow the load within minutes."
  type = object({
    minimum = number
    maximum = number
  })
  default = null

  validation {
    condition     = var.provisioned_pollers == null ? true : 1 <= var.provisioned_pollers.minimum && var.provisioned_pollers.minimum <= var.provisioned_pollers.maximum && var.provisioned_pollers.maximum <= 2000
    error_message = "provisioned_pollers: give a minimum of 1 to 200 and a maximum of 1 to 2000 that is not below it."
  }

  validation {
    condition     = var.provisioned_pollers == null ? true : var.provisioned_pollers.minimum <= 200
    error_message = "provisioned_pollers: the minimum may be 200 at the most."
  }
}

variable "on_failure_destination_arn" {
  description = "SQS queue, SNS topic or S3 bucket for batches that Lambda gives up after 10 attempts; null: they are tried until they succeed. What is given up must be declared as a gap before its partition goes on (docs/runbook.md)."
  type        = string
  default     = null

  validation {
    condition     = var.on_failure_destination_arn == null ? true : can(regex("^arn:[^:]+:(sqs|sns|s3):", var.on_failure_destination_arn))
    error_message = "on_failure_destination_arn: give the ARN of an SQS queue, an SNS topic or an S3 bucket."
  }

  validation {
    condition     = var.on_failure_destination_arn == null || var.provisioned_pollers != null
    error_message = "on_failure_destination_arn: it needs provisioned_pollers; set them, or leave the destination out."
  }
}

variable "enabled" {
  description = "Whether records are delivered. Off: they wait in the topic, as long as it keeps them."
  type        = bool
  default     = true
  nullable    = false
}
