variable "name" {
  description = "Name of the network; the names of its parts begin with it."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network, /16 to /20."
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 0)) && can(regex("/(16|17|18|19|20)$", var.cidr))
    error_message = "cidr: give a network of /16 to /20, such as 10.64.0.0/16."
  }
}

variable "zones" {
  description = "The availability zones to have a subnet in, such as eu-central-1a: two at least, three for brokers that survive the loss of one."
  type        = list(string)

  validation {
    condition     = 2 <= length(var.zones) && length(distinct(var.zones)) == length(var.zones) && length(var.zones) <= 6
    error_message = "zones: name two to six different zones."
  }
}

variable "shared_pollers" {
  description = "Whether sources are read by Lambda's shared pollers, which need endpoints here. With provisioned pollers turn it off."
  type        = bool
  default     = true
  nullable    = false
}

variable "secrets" {
  description = "Whether the brokers ask for a password or a certificate, so that pollers must reach Secrets Manager."
  type        = bool
  default     = true
  nullable    = false
}
