variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,64}$", var.name))
    error_message = "name: use 1 to 64 letters, digits and '-'; choose a shorter name for the pipeline or the source."
  }
}

variable "description" {
  description = "What the function does, for people who find it in the console."
  type        = string
}

variable "package" {
  description = "Path of the zip with the binary `bootstrap`, as `make package` makes it."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "package: there is no such file. Run 'make package' first."
  }
}

variable "architecture" {
  description = "What the binary was compiled for: arm64 (a fifth cheaper) or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: use arm64 or x86_64."
  }
}

variable "memory_mb" {
  description = "Memory in MB; processor time grows with it, 1,769 MB are one core."
  type        = number

  validation {
    condition     = 128 <= var.memory_mb && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb: give a whole number from 128 to 10240."
  }
}

variable "timeout_secs" {
  description = "How long one invocation may take."
  type        = number

  validation {
    condition     = 1 <= var.timeout_secs && var.timeout_secs <= 900 && floor(var.timeout_secs) == var.timeout_secs
    error_message = "timeout_secs: give a whole number from 1 to 900."
  }
}

variable "environment" {
  description = "The function's settings, PENSTOCK_* (README.md of the project lists them)."
  type        = map(string)
}

variable "lake" {
  description = "Where the lake is, and for each kind of access the patterns of keys (below the prefix) that the function needs. What it reads it may also list. null: it has no lake."
  type = object({
    bucket      = string
    prefix      = string
    kms_key_arn = optional(string)
    read        = list(string)
    create      = list(string)
    replace     = optional(list(string), [])
    delete      = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.lake == null ? true : alltrue([for key in concat(var.lake.read, var.lake.create, var.lake.replace, var.lake.delete) : !contains(["", "*"], key)])
    error_message = "lake: a pattern must name a folder of the lake; the whole bucket is nobody's part."
  }
}

variable "statements" {
  description = "What else the function may do, outside the lake, as statements of an IAM policy."
  type = list(object({
    Sid      = string
    Effect   = string
    Action   = list(string)
    Resource = list(string)
  }))
  default  = []
  nullable = false
}

variable "secrets" {
  description = "What it may read of Parameter Store and Secrets Manager, and the KMS key that encrypts it, if that is one of yours."
  type = object({
    parameter_arns = optional(list(string), [])
    secret_arns    = optional(list(string), [])
    kms_key_arn    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in concat(var.secrets.parameter_arns, var.secrets.secret_arns) : !endswith(arn, "*")])
    error_message = "secrets: name each one; a function reads no secrets of others."
  }
}

variable "reserved_concurrency" {
  description = "How many invocations may run at once; null: as many as the account allows."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null ? true : 0 <= var.reserved_concurrency
    error_message = "reserved_concurrency: give 0 (the function is stopped) or more, or null for no limit."
  }
}

variable "asynchronous" {
  description = "What becomes of calls that nobody waits for (a schedule's): how often they are tried again, how old they may get, and the SQS queue for those that are given up. null: Lambda's own, 2 times and 6 hours."
  type = object({
    maximum_retries       = number
    maximum_age_secs      = number
    dead_letter_queue_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.asynchronous == null ? true : contains([0, 1, 2], var.asynchronous.maximum_retries)
    error_message = "asynchronous.maximum_retries: use 0, 1 or 2."
  }

  validation {
    condition     = var.asynchronous == null ? true : 60 <= var.asynchronous.maximum_age_secs && var.asynchronous.maximum_age_secs <= 21600
    error_message = "asynchronous.maximum_age_secs: give 60 to 21600."
  }

  validation {
    condition     = try(var.asynchronous.dead_letter_queue_arn, null) == null ? true : can(regex("^arn:[^:]+:sqs:", var.asynchronous.dead_letter_queue_arn))
    error_message = "asynchronous.dead_letter_queue_arn: give the ARN of an SQS queue."
  }
}

variable "gradual" {
  description = "A gradual deployment: the version that stays, and the share of calls (0 to 1) that the new one gets. null: the new version gets all."
  type = object({
    stable_version = string
    new_share      = number
  })
  default = null

  validation {
    condition     = var.gradual == null ? true : can(regex("^[1-9][0-9]*$", var.gradual.stable_version))
    error_message = "gradual.stable_version: give the number of a published version ('aws lambda list-versions-by-function' lists them)."
  }

  validation {
    condition     = var.gradual == null ? true : 0 <= var.gradual.new_share && var.gradual.new_share <= 1
    error_message = "gradual.new_share: give a share from 0 to 1, such as 0.1."
  }
}

variable "tracing" {
  description = "Whether Lambda traces invocations with X-Ray."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the log."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch knows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 and some longer ones."
  }
}
