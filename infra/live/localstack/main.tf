# The whole pipeline on this machine: LocalStack is AWS, Apache Kafka is itself, and penstock-trigger serves the
# mapping of the topic, which LocalStack only keeps.
module "pipeline" {
  source = "../../modules/pipeline"

  name    = "penstock"
  package = "../../../target/lambda/package.json"
  dataset = var.dataset

  # Nothing here is worth keeping: the emulator forgets everything when it stops.
  lake = {
    bucket        = var.bucket
    prefix        = "lake"
    force_destroy = true
  }

  kafka = {
    kafka = {
      topics            = var.topics
      bootstrap_servers = [var.kafka]
      # Lambda takes no mapping without a way to the brokers; here nobody goes it.
      network = { subnet_ids = ["subnet-00000000"], security_group_ids = ["sg-00000000"] }
      # Windows that are due in seconds, because somebody waits for them here.
      batching_window_secs = 1
    }
  }

  kinesis = var.stream == null ? {} : {
    kinesis = {
      create_stream        = { name = var.stream, shards = var.shards, retention_hours = 24 }
      batching_window_secs = 1
    }
  }

  alarms    = var.alarms
  dashboard = var.dashboard
  emr       = var.emr

  # The emulator has no X-Ray.
  tracing = false
}
