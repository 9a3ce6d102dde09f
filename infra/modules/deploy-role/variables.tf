variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,64}$", var.name))
    error_message = "name: use 1 to 64 letters, digits and '-'."
  }
}

variable "oidc_provider_arn" {
  description = "The account's provider for token.actions.githubusercontent.com; an account has one at the most."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn: give the ARN of the provider for token.actions.githubusercontent.com."
  }
}

variable "repository" {
  description = "The repository on GitHub, OWNER/NAME."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: give OWNER/NAME, without a pattern: a '*' would let in strangers."
  }
}

variable "environment" {
  description = "The GitHub environment whose jobs may take the role and deploy; protect it there. null: jobs of pull requests, which may only look."
  type        = string
  default     = null

  validation {
    condition     = var.environment == null ? true : can(regex("^[A-Za-z0-9_-]+$", var.environment))
    error_message = "environment: give the name of one GitHub environment, without a pattern."
  }
}

variable "pipeline" {
  description = "Name of the pipeline that is deployed: what it may touch begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.pipeline))
    error_message = "pipeline: use the name of the pipeline, 1 to 24 of a-z, 0-9 and '-'."
  }
}

variable "bucket" {
  description = "The lake's bucket."
  type        = string
}

variable "streams" {
  description = "The Kinesis streams that the pipeline makes."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.streams : can(regex("^[a-zA-Z0-9_.-]{1,128}$", name))])
    error_message = "streams: give names of streams, without patterns."
  }
}

variable "emr" {
  description = "Whether the pipeline makes a daily report (modules/emr), and deployments change it."
  type        = bool
  default     = false
  nullable    = false
}

variable "state" {
  description = "Where Terraform keeps the state of this environment."
  type = object({
    bucket = string
    key    = string
  })
}

variable "additional_policy_arns" {
  description = "Managed policies for what else a deployment makes, such as a network or a cluster of MSK."
  type        = set(string)
  default     = []
  nullable    = false
}
