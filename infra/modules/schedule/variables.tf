variable "name" {
  description = "Name of the schedule and of its group."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,55}$", var.name))
    error_message = "name: use 1 to 55 letters, digits and '-' (its role is called NAME-schedule, and a role's name has at most 64)."
  }
}

variable "function" {
  description = "The function to call, as the output `function` of module function says it."
  type = object({
    name      = string
    alias_arn = string
  })
}

variable "rate_minutes" {
  description = "How many minutes lie between two calls. Data wait this long before they stand in silver."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = 1 <= var.rate_minutes && floor(var.rate_minutes) == var.rate_minutes
    error_message = "rate_minutes: give a whole number of minutes, at least 1."
  }
}

variable "enabled" {
  description = "Whether it calls. Off: raw objects gather until it is on again."
  type        = bool
  default     = true
  nullable    = false
}
