variable "account_id" {
  description = "The AWS account to prepare; keys of any other are refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: give the 12 digits of the account ('aws sts get-caller-identity' says whose keys you have)."
  }
}

variable "region" {
  description = "The region of the state and of the pipelines."
  type        = string
}

variable "state_bucket" {
  description = "Name of the bucket for Terraform's state. Names are taken world-wide: begin it with your organisation's."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket: use 3 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit."
  }
}

variable "repository" {
  description = "The repository on GitHub whose workflows deploy, OWNER/NAME; only with environments."
  type        = string
  default     = null

  validation {
    condition     = length(var.environments) == 0 || var.repository != null
    error_message = "repository: say whose workflows deploy (OWNER/NAME), or leave environments out."
  }
}

variable "environments" {
  description = "The environments that workflows deploy, dev or prod: the lake's bucket, the Kinesis streams that the pipeline makes, and whether it has a daily report (emr). Empty: none."
  type = map(object({
    bucket  = string
    streams = optional(set(string), [])
    emr     = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.environments) : contains(["dev", "prod"], name)])
    error_message = "environments: there are dev and prod; another one needs a folder in infra/live."
  }
}

variable "oidc_provider_arn" {
  description = "The account's provider for token.actions.githubusercontent.com, if it has one; null: it is made."
  type        = string
  default     = null
}
