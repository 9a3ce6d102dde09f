module "kafka" {
  source   = "../source-kafka"
  for_each = var.kafka

  name                       = each.key
  function                   = module.ingest[each.key].function
  topics                     = each.value.topics
  bootstrap_servers          = each.value.bootstrap_servers
  authentication             = each.value.authentication
  ca_certificate_secret_arn  = each.value.ca_certificate_secret_arn
  secrets_kms_key_arn        = each.value.secrets_kms_key_arn
  network                    = each.value.network
  consumer_group             = each.value.consumer_group
  starting_position          = each.value.starting_position
  batch_size                 = each.value.batch_size
  batching_window_secs       = each.value.batching_window_secs
  failures                   = each.value.failures
  provisioned_pollers        = each.value.provisioned_pollers
  on_failure_destination_arn = each.value.on_failure_destination_arn
  enabled                    = each.value.enabled
}

module "msk" {
  source   = "../source-msk"
  for_each = var.msk

  name                       = each.key
  function                   = module.ingest[each.key].function
  topics                     = each.value.topics
  cluster_arn                = each.value.cluster_arn
  create_cluster             = each.value.create_cluster
  consumer_group             = each.value.consumer_group
  starting_position          = each.value.starting_position
  batch_size                 = each.value.batch_size
  batching_window_secs       = each.value.batching_window_secs
  failures                   = each.value.failures
  provisioned_pollers        = each.value.provisioned_pollers
  on_failure_destination_arn = each.value.on_failure_destination_arn
  enabled                    = each.value.enabled
}

module "kinesis" {
  source   = "../source-kinesis"
  for_each = var.kinesis

  name                   = each.key
  function               = module.ingest[each.key].function
  stream_arn             = each.value.stream_arn
  stream_kms_key_arn     = each.value.stream_kms_key_arn
  create_stream          = each.value.create_stream
  parallelization_factor = each.value.parallelization_factor
  batch_size             = each.value.batch_size
  batching_window_secs   = each.value.batching_window_secs
  failures               = each.value.failures
  enabled                = each.value.enabled
}
