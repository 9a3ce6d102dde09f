variable "name" {
  description = "Name of the pipeline; the names of its functions and roles begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "name: use 1 to 24 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "package" {
  description = "Path of the package.json that `make package` writes beside the zips."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "package: there is no such file. Run 'make package' first."
  }
}

variable "dataset" {
  description = "The dataset that is landed and refined: the name of a shipped one, or of a file that was packaged."
  type        = string
  default     = "iot"
  nullable    = false

  validation {
    condition     = contains(try(keys(jsondecode(file(var.package)).datasets), [var.dataset]), var.dataset)
    error_message = "dataset: the package does not know it. Use a shipped one (iot, user_actions, numbers), or run 'make package DATASETS=path/to/yours.toml'."
  }
}

variable "lake" {
  description = "Where the lake is. create: whether to make the bucket; one that is there already keeps its own settings, see modules/storage for those it should have."
  type = object({
    bucket                 = string
    prefix                 = optional(string, "")
    create                 = optional(bool, true)
    kms_key_arn            = optional(string)
    raw_to_cold_after_days = optional(number, 90)
    force_destroy          = optional(bool, false)
  })
}

variable "kafka" {
  description = "Self-managed Kafka clusters to read. The key is the name of the source (PENSTOCK_SOURCE); modules/source-kafka explains the rest."
  type = map(object({
    topics            = set(string)
    bootstrap_servers = list(string)
    authentication    = optional(object({ kind = string, secret_arn = string }))
    network           = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))

    ca_certificate_secret_arn = optional(string)
    secrets_kms_key_arn       = optional(string)

    epoch                      = optional(number, 0)
    offsets                    = optional(string, "contiguous")
    on_gap                     = optional(string, "fail")
    failures                   = optional(string, "batch")
    consumer_group             = optional(string)
    starting_position          = optional(string, "TRIM_HORIZON")
    batch_size                 = optional(number, 10000)
    batching_window_secs       = optional(number, 10)
    provisioned_pollers        = optional(object({ minimum = number, maximum = number }))
    on_failure_destination_arn = optional(string)
    enabled                    = optional(bool, true)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for source in var.kafka : contains(["contiguous", "sparse"], source.offsets)])
    error_message = "kafka: offsets is contiguous (a hole means that records are missing) or sparse (compacted or transactional topics)."
  }

  validation {
    condition     = alltrue([for source in var.kafka : contains(["fail", "declare"], source.on_gap)])
    error_message = "kafka: on_gap is fail (a hole stops its partition until it is declared) or declare (at once)."
  }

  validation {
    condition     = alltrue([for source in var.kafka : 0 <= source.epoch && floor(source.epoch) == source.epoch])
    error_message = "kafka: epoch is a whole number; raise it by one when a topic was deleted and made anew."
  }
}

variable "msk" {
  description = "MSK clusters to read, or to make and read. The key is the name of the source (PENSTOCK_SOURCE); modules/source-msk explains the rest."
  type = map(object({
    topics      = set(string)
    cluster_arn = optional(string)
    create_cluster = optional(object({
      kind          = string
      vpc_id        = string
      vpc_cidr      = string
      subnet_ids    = list(string)
      kafka_version = optional(string, "3.9.x")
      instance_type = optional(string, "kafka.t3.small")
      volume_gib    = optional(number, 50)
    }))

    epoch                      = optional(number, 0)
    offsets                    = optional(string, "contiguous")
    on_gap                     = optional(string, "fail")
    failures                   = optional(string, "batch")
    consumer_group             = optional(string)
    starting_position          = optional(string, "TRIM_HORIZON")
    batch_size                 = optional(number, 10000)
    batching_window_secs       = optional(number, 10)
    provisioned_pollers        = optional(object({ minimum = number, maximum = number }))
    on_failure_destination_arn = optional(string)
    enabled                    = optional(bool, true)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for source in var.msk : contains(["contiguous", "sparse"], source.offsets)])
    error_message = "msk: offsets is contiguous (a hole means that records are missing) or sparse (compacted or transactional topics)."
  }

  validation {
    condition     = alltrue([for source in var.msk : contains(["fail", "declare"], source.on_gap)])
    error_message = "msk: on_gap is fail (a hole stops its partition until it is declared) or declare (at once)."
  }

  validation {
    condition     = alltrue([for source in var.msk : 0 <= source.epoch && floor(source.epoch) == source.epoch])
    error_message = "msk: epoch is a whole number; raise it by one when a topic was deleted and made anew."
  }
}

variable "kinesis" {
  description = "Kinesis streams to read, or to make and read. The key is the name of the source (PENSTOCK_SOURCE); modules/source-kinesis explains the rest."
  type = map(object({
    stream_arn             = optional(string)
    stream_kms_key_arn     = optional(string)
    create_stream          = optional(object({ name = string, shards = optional(number), retention_hours = optional(number, 72) }))
    epoch                  = optional(number, 0)
    failures               = optional(string, "batch")
    parallelization_factor = optional(number, 1)
    batch_size             = optional(number, 10000)
    batching_window_secs   = optional(number, 10)
    enabled                = optional(bool, true)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = 0 < length(var.kafka) + length(var.msk) + length(var.kinesis)
    error_message = "kinesis: the pipeline has no source; name one in kafka, msk or kinesis."
  }

  validation {
    condition     = length(setunion(keys(var.kafka), keys(var.msk), keys(var.kinesis))) == length(var.kafka) + length(var.msk) + length(var.kinesis)
    error_message = "kinesis: two sources have one name, so their topics could not be told apart in the lake; give each a name of its own."
  }

  validation {
    condition     = alltrue([for name in concat(keys(var.kafka), keys(var.msk), keys(var.kinesis)) : can(regex("^[a-z0-9-]{1,32}$", name)) && name != "refine"])
    error_message = "kinesis: a source's name has 1 to 32 of a-z, 0-9 and '-', and is not refine."
  }
}

variable "ingest" {
  description = "What the functions that land records get. One invocation needs 64 MB and twice its payload of at most 6 MB; more memory is more processor time."
  type = object({
    memory_mb            = optional(number, 512)
    timeout_secs         = optional(number, 120)
    reserved_concurrency = optional(number)
  })
  default  = {}
  nullable = false
}

variable "refine" {
  description = "What the function that refines gets, and how often it is called. It needs about 200 bytes for each row of a cut and 50 for each id that deduplication remembers."
  type = object({
    memory_mb    = optional(number, 2048)
    timeout_secs = optional(number, 300)
    rate_minutes = optional(number, 1)
    enabled      = optional(bool, true)
  })
  default  = {}
  nullable = false
}

variable "cut" {
  description = "How much refine takes at once: PENSTOCK_CUT_MAX_ROWS, PENSTOCK_CUT_MIN_BYTES, PENSTOCK_CUT_MAX_AGE_SECS. What is left out is the functions' own default."
  type = object({
    max_rows     = optional(number)
    min_bytes    = optional(number)
    max_age_secs = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.cut) : value == null ? true : 0 <= value && floor(value) == value])
    error_message = "cut: give whole numbers."
  }

  validation {
    condition     = var.cut.min_bytes == null || var.cut.max_age_secs != null
    error_message = "cut.min_bytes: set max_age_secs as well; without it no cut waits for more bytes."
  }
}

variable "raw_retention_hours" {
  description = "After how many hours refine deletes raw objects that are poured; 0 keeps them for ever, and only then can everything be refined again."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.raw_retention_hours == 0 || (24 <= var.raw_retention_hours && floor(var.raw_retention_hours) == var.raw_retention_hours)
    error_message = "raw_retention_hours: give 0 (for ever) or a whole number of at least 24."
  }
}

variable "catalog" {
  description = "Tables for Athena: the first day that they show, and how much one question may read. null: none."
  type = object({
    first_event_date = optional(string, "2025-01-01")
    scan_limit_gib   = optional(number, 100)
  })
  default = {}
}

variable "emr" {
  description = "A daily report of the 95th percentile by Spark on EMR; modules/emr explains the rest. null: none."
  type = object({
    ec2             = optional(object({ subnet_id = string, instance_type = optional(string), workers = optional(number) }))
    maximum_vcpu    = optional(number)
    architecture    = optional(string)
    release_label   = optional(string)
    spark_options   = optional(string)
    job_options     = optional(list(string))
    schedule        = optional(string)
    enabled         = optional(bool)
    timeout_minutes = optional(number)
    retry           = optional(object({ times = optional(number), after_secs = optional(number) }))
    topic_arn       = optional(string)
  })
  default = null

  validation {
    condition     = var.emr == null || try(jsondecode(file(var.package)).datasets[var.dataset].has_p95, true)
    error_message = "emr: the dataset has no section [p95], which says what the report is about. Add it to its file (docs/datasets.md) and run 'make package', or leave emr out."
  }
}

variable "tables" {
  description = "The dataset as Iceberg tables in the catalogue's database: what the function gets that appends to them, and how often it is called. The dataset's file must say format = \"iceberg\", and `make package TABLES=yes` must have packaged the function. null: none."
  type = object({
    memory_mb    = optional(number, 1769)
    timeout_secs = optional(number, 300)
    rate_minutes = optional(number, 5)
    enabled      = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.tables == null || var.catalog != null
    error_message = "tables: they stand in the catalogue's database; set catalog, too."
  }

  validation {
    condition     = var.tables == null || can(jsondecode(file(var.package)).functions.tables)
    error_message = "tables: the package lacks the function. Run 'make package TABLES=yes'."
  }
}

variable "log" {
  description = "What the functions log: error, warn, info, debug, or a filter (PENSTOCK_LOG)."
  type        = string
  default     = "info"
  nullable    = false
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the logs."
  type        = number
  default     = 30
  nullable    = false
}

variable "tracing" {
  description = "Whether Lambda traces invocations with X-Ray."
  type        = bool
  default     = true
  nullable    = false
}

variable "gradual" {
  description = "Gradual deployments: for `refine` or the name of a source the version that stays and the share of calls that the new one gets."
  type        = map(object({ stable_version = string, new_share = number }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.gradual) : contains(concat(["refine"], keys(var.kafka), keys(var.msk), keys(var.kinesis)), name)])
    error_message = "gradual: a key is neither refine nor the name of a source."
  }
}

variable "alarms" {
  description = "Alarms, and whom they tell: addresses of e-mail, and channels by where their secrets are kept; modules/alarms explains the rest. null: none."
  type = object({
    emails = optional(set(string), [])
    channels = optional(object({
      slack         = optional(string)
      telegram      = optional(object({ token = string, chat = string, api = optional(string) }))
      webhook       = optional(string)
      quiet_minutes = optional(number)
      kms_key_arn   = optional(string)
    }), {})
    thresholds    = optional(map(number), {})
    off           = optional(set(string), [])
    runbook_url   = optional(string)
    dashboard_url = optional(string)
    kms_key_arn   = optional(string)
  })
  default = null

  validation {
    condition     = var.alarms == null ? true : 0 < length(var.alarms.emails) + length(compact([var.alarms.channels.slack, try(var.alarms.channels.telegram.token, null), var.alarms.channels.webhook]))
    error_message = "alarms: nobody would hear of them; give emails or a channel."
  }
}

variable "dashboard" {
  description = "Whether CloudWatch has a dashboard of it, to which its alarms link. An account's first three are free, any other costs $3 a month."
  type        = bool
  default     = true
  nullable    = false
}
