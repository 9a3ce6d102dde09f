variable "name" {
  description = "Name of the pipeline, and of its dashboard."
  type        = string
}

variable "dataset" {
  description = "The dataset, as the pipeline's metrics name it."
  type        = string
}

variable "sources" {
  description = "The functions that land records, by the name of the source; kind is kafka (MSK, too) or kinesis."
  type        = map(object({ function = string, kind = string }))

  validation {
    condition     = alltrue([for source in var.sources : contains(["kafka", "kinesis"], source.kind)])
    error_message = "sources: kind is kafka or kinesis."
  }
}

variable "refine" {
  description = "The name of the function that refines."
  type        = string
}

variable "queues" {
  description = "Names of SQS queues in which nothing should lie, such as the on-failure destinations of sources."
  type        = set(string)
  default     = []
  nullable    = false
}
