variable "name" {
  description = "Name of the report; everything that is made for it is called so, or begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,47}$", var.name))
    error_message = "name: use 1 to 48 of a-z, 0-9 and '-', beginning with a letter (its longest role is called NAME-compaction-job, and a role's name has at most 64)."
  }
}

variable "dataset" {
  description = "The dataset that is asked about; its file needs a section [p95]."
  type        = string
}

variable "lake" {
  description = "Where the lake is: its bucket, where it begins in it (without '/' at either end; empty: at its root), and the KMS key that encrypts it, if one does."
  type = object({
    bucket      = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  })
}

variable "refine" {
  description = "The function that refines the dataset, as the output `function` of module function says it. It is called before the question is asked, so that what has landed is in silver."
  type = object({
    name      = string
    alias_arn = string
  })
}

variable "artifacts" {
  description = "The folder that emr/package.sh made; `make package` leaves it as target/lambda/emr."
  type        = string

  validation {
    condition     = alltrue([for file in ["p95_job.py", "validate_job.py", "penstock_spark.zip"] : fileexists("${var.artifacts}/${file}")])
    error_message = "artifacts: the folder lacks p95_job.py, validate_job.py or penstock_spark.zip. Run 'make package' first."
  }
}

variable "ec2" {
  description = "null: EMR Serverless. Otherwise EMR on EC2: each run makes a cluster in this subnet, and ends it. Subnet and VPC must bear the tag for-use-with-amazon-emr-managed-policies = true, and reach S3."
  type = object({
    subnet_id     = string
    instance_type = optional(string, "m7g.xlarge")
    workers       = optional(number, 2)
  })
  default = null

  validation {
    condition     = var.ec2 == null || can(regex("^subnet-[0-9a-f]+$", var.ec2.subnet_id))
    error_message = "ec2.subnet_id: give the id of a subnet, such as subnet-0123456789abcdef0."
  }

  validation {
    condition     = try(1 <= var.ec2.workers && floor(var.ec2.workers) == var.ec2.workers, var.ec2 == null)
    error_message = "ec2.workers: give a whole number of machines beside the primary one, at least 1."
  }
}

variable "maximum_vcpu" {
  description = "The most that a run on EMR Serverless may take at once, driver included; each vCPU comes with up to 8 GB. A run that would like more takes longer."
  type        = number
  default     = 32
  nullable    = false

  validation {
    # A driver of 4 and an executor of 4 are the least of EMR's own defaults.
    condition     = 8 <= var.maximum_vcpu && floor(var.maximum_vcpu) == var.maximum_vcpu
    error_message = "maximum_vcpu: give a whole number of at least 8: one driver and one executor have 4 each."
  }
}

variable "architecture" {
  description = "What EMR Serverless runs on: arm64, which is cheaper, or x86_64. On EC2 instance_type decides."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: give arm64 or x86_64."
  }
}

variable "release_label" {
  description = "The release of EMR. The jobs need Spark 4.1 and Python 3.11."
  type        = string
  default     = "emr-spark-8.1.0"
  nullable    = false

  validation {
    condition     = can(regex("^emr-spark-([89]|[1-9][0-9])\\.[1-9][0-9]*\\.[0-9]+$", var.release_label))
    error_message = "release_label: give emr-spark-8.1.0 or a later emr-spark release; those called emr-7 have Spark 3."
  }
}

variable "spark_options" {
  description = "What is given to spark-submit besides, such as '--conf spark.executor.memory=24g'."
  type        = string
  default     = ""
  nullable    = false
}

variable "job_options" {
  description = "What is given to the job besides, such as [\"--approximate\", \"10000\"]; emr/README.md lists it."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setintersection(var.job_options, ["--lake", "--dataset", "--from", "--to", "--output", "--run-id"])) == 0
    error_message = "job_options: lake, dataset, days, output and run id are given already; an execution's input may say day and run_id."
  }
}

variable "schedule" {
  description = "When the day before is asked about, in UTC, as EventBridge Scheduler writes it: cron(...) or rate(...). What comes later than this is not in the report of its day."
  type        = string
  default     = "cron(0 2 * * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.schedule))
    error_message = "schedule: write cron(0 2 * * ? *) for two in the morning, UTC, or a rate such as rate(1 day)."
  }
}

variable "compaction" {
  description = "The dataset's Iceberg tables, for datasets with format = \"iceberg\" (docs/iceberg.md): the database of Glue that they stand in, when they are compacted (in UTC, as EventBridge Scheduler writes it), and for how many hours snapshots stay. null: there are none."
  type = object({
    database   = string
    schedule   = optional(string, "cron(0 4 * * ? *)")
    keep_hours = optional(number, 24)
  })
  default = null

  validation {
    condition     = var.compaction == null || var.ec2 == null
    error_message = "compaction: it runs on EMR Serverless alone. Leave ec2 out, or compact the tables by hand (emr/README.md)."
  }

  validation {
    condition     = var.compaction == null || can(regex("^(cron|rate)\\(.+\\)$", var.compaction.schedule))
    error_message = "compaction.schedule: write cron(0 4 * * ? *) for four in the morning, UTC, or a rate such as rate(6 hours)."
  }

  validation {
    condition     = var.compaction == null || try(0 <= var.compaction.keep_hours && var.compaction.keep_hours < 1000000 && floor(var.compaction.keep_hours) == var.compaction.keep_hours, false)
    error_message = "compaction.keep_hours: give a whole number from 0 to 999999."
  }

  validation {
    condition     = var.compaction == null || fileexists("${var.artifacts}/compact_job.py")
    error_message = "compaction: the folder of the artifacts lacks compact_job.py. Run 'make package' again."
  }
}

variable "enabled" {
  description = "Whether the schedule asks. Off: a report is made when somebody starts the state machine."
  type        = bool
  default     = true
  nullable    = false
}

variable "timeout_minutes" {
  description = "How long one try may take before it is cancelled."
  type        = number
  default     = 120
  nullable    = false

  validation {
    # EMR Serverless takes whole minutes from 5 on.
    condition     = 5 <= var.timeout_minutes && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes: give a whole number of at least 5."
  }
}

variable "retry" {
  description = "How often a job that failed is tried again, and how long it waits before the first time; each time it waits twice as long. A try does what is left to do."
  type = object({
    times      = optional(number, 2)
    after_secs = optional(number, 60)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in [var.retry.times, var.retry.after_secs] : 1 <= value && floor(value) == value])
    error_message = "retry: give whole numbers of at least 1."
  }
}

variable "topic_arn" {
  description = "The SNS topic that hears of a failure; null: one is made, and somebody has to subscribe to it."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+$", var.topic_arn))
    error_message = "topic_arn: give the ARN of a topic (arn:aws:sns:REGION:ACCOUNT:NAME)."
  }
}
