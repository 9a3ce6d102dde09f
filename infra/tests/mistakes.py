"""Mistakes that people make in Terraform, planted one at a time: test_mistakes.py tells which check notices each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """In `file` below infra/, `old` becomes `new`. It stands there once, or the mistake must be made anew."""

    name: str
    file: str
    old: str
    new: str


BUCKET = "modules/storage/bucket.tf"
POLICY = "modules/storage/policy.tf"
LIFECYCLE = "modules/storage/lifecycle.tf"
FUNCTION = "modules/function/function.tf"
ACCESS = "modules/function/access.tf"
SCHEDULE = "modules/schedule/schedule.tf"
SCHEDULE_ACCESS = "modules/schedule/access.tf"
KAFKA = "modules/source-kafka/mapping.tf"
KAFKA_ACCESS = "modules/source-kafka/access.tf"
MSK = "modules/source-msk/cluster.tf"
KINESIS = "modules/source-kinesis/mapping.tf"
STREAM = "modules/source-kinesis/stream.tf"
INGEST = "modules/pipeline/ingest.tf"
REFINE = "modules/pipeline/refine.tf"
WORKGROUP = "modules/catalog/workgroup.tf"
EMR_JOB = "modules/emr/job.tf"
EMR_MACHINE = "modules/emr/machine.tf"
EMR_SERVERLESS = "modules/emr/serverless.tf"
EMR_COMPACTION = "modules/emr/compaction.tf"
EMR_EC2 = "modules/emr/ec2.tf"
EMR_SCHEDULE = "modules/emr/schedule.tf"
EMR_TOPIC = "modules/emr/topic.tf"
NETWORK = "modules/network/network.tf"
ENDPOINTS = "modules/network/endpoints.tf"
ALARMS = "modules/alarms/alarms.tf"
DASHBOARD = "modules/dashboard/dashboard.tf"
PIPELINE_DASHBOARD = "modules/pipeline/dashboard.tf"
TOPIC = "modules/alarms/topic.tf"
NOTIFY = "modules/alarms/notify.tf"
DEPLOY_ROLE = "modules/deploy-role/role.tf"
DEPLOY_CHANGE = "modules/deploy-role/change.tf"
STATE = "bootstrap/state.tf"

MISTAKES = [
    # The bucket
    Mistake(
        "a public policy is let through", BUCKET, "block_public_policy     = true", "block_public_policy     = false"
    ),
    Mistake(
        "public lists of rights count", BUCKET, "ignore_public_acls      = true", "ignore_public_acls      = false"
    ),
    Mistake("objects belong to their writers", BUCKET, '"BucketOwnerEnforced"', '"ObjectWriter"'),
    Mistake("encryption by a key is not", BUCKET, '"AES256" : "aws:kms"', '"AES256" : "AES256"'),
    Mistake("versions pile up", BUCKET, 'status = "Disabled"', 'status = "Enabled"'),
    Mistake(
        "plain http is let in", POLICY, '{ "aws:SecureTransport" = "false" }', '{ "aws:SecureTransport" = "true" }'
    ),
    Mistake("old TLS is let in", POLICY, '"s3:TlsVersion" = "1.2"', '"s3:TlsVersion" = "1.0"'),
    Mistake("writes may overwrite", POLICY, '          Null = { "s3:if-none-match" = "true" }\n', ""),
    Mistake("states may be overwritten", POLICY, '    "${local.root}/_penstock/*/state/*",\n', ""),
    Mistake(
        "no part of an upload gets through", POLICY, '          Bool = { "s3:ObjectCreationOperation" = "true" }\n', ""
    ),
    Mistake("raw goes where it cannot be read at once", LIFECYCLE, '"GLACIER_IR"', '"DEEP_ARCHIVE"'),
    Mistake("a rule of the bucket deletes raw", LIFECYCLE, 'prefix = "athena-results/"', 'prefix = ""'),
    # The functions
    Mistake("a function may do anything with objects", ACCESS, 'Action   = ["s3:GetObject"]', 'Action   = ["s3:*"]'),
    Mistake("a function may overwrite", ACCESS, '          Null = { "s3:if-none-match" = "false" }\n', ""),
    Mistake("a function may write everywhere", ACCESS, "Resource = lake.objects.create", 'Resource = ["*"]'),
    Mistake("the key serves everything", ACCESS, '"kms:ViaService" = "s3', '"kms:CallerAccount" = "s3'),
    Mistake(
        "any account's functions take the role",
        ACCESS,
        '"aws:SourceAccount" = local.account_id',
        '"aws:SourceAccount" = "*"',
    ),
    Mistake("anybody takes the role", ACCESS, '{ Service = "lambda.amazonaws.com" }', '"*"'),
    Mistake(
        "the log is kept for ever", FUNCTION, "retention_in_days = var.log_retention_days", "retention_in_days = 0"
    ),
    Mistake("there is no way back", FUNCTION, "publish = true", "publish = false"),
    Mistake("nothing is traced", FUNCTION, 'var.tracing ? "Active" : "PassThrough"', '"PassThrough"'),
    Mistake("another package than the one named", FUNCTION, "filebase64sha256(var.package)", 'base64sha256("")'),
    # Calls
    Mistake("late calls pile up", SCHEDULE, "maximum_retry_attempts       = 0", "maximum_retry_attempts       = 185"),
    Mistake(
        "the schedule misses the alias",
        SCHEDULE,
        "arn      = var.function.alias_arn",
        'arn      = "arn:aws:lambda:eu-central-1:111122223333:function:refine"',
    ),
    Mistake(
        "the schedule may call every function",
        SCHEDULE_ACCESS,
        "Resource = [var.function.alias_arn]",
        'Resource = ["*"]',
    ),
    Mistake(
        "every schedule of the account takes the role",
        SCHEDULE_ACCESS,
        '          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn\n',
        "",
    ),
    Mistake("two refines run at once", REFINE, "reserved_concurrency = 1\n", "reserved_concurrency = null\n"),
    Mistake("refine is called again for what failed", REFINE, "maximum_retries  = 0", "maximum_retries  = 2"),
    Mistake("refine deletes without being asked", REFINE, "var.raw_retention_hours == 0 ? [] : ", ""),
    Mistake("refine may write raw", REFINE, "    create = [\n", '    create = [\n      "raw/${var.dataset}/*",\n'),
    Mistake("refine cannot read what was declared", REFINE, '      "_penstock/${var.dataset}/unreadable/*",\n', ""),
    Mistake(
        "ingest reads the other sources",
        INGEST,
        '      "raw/${var.dataset}/${each.key}/*",\n    ]\n    create',
        '      "raw/${var.dataset}/*",\n    ]\n    create',
    ),
    Mistake(
        "ingest answers as the mapping does not expect",
        INGEST,
        "PENSTOCK_FAILURES = each.value.failures",
        'PENSTOCK_FAILURES = "partial"',
    ),
    # Sources
    Mistake(
        "a filter makes holes",
        KAFKA,
        "  enabled       = var.enabled\n",
        '  enabled       = var.enabled\n\n  filter_criteria {\n    filter {\n      pattern = "{}"\n    }\n  }\n',
    ),
    Mistake("the oldest records are skipped", KINESIS, '"TRIM_HORIZON"', '"LATEST"'),
    Mistake("two invocations share a shard", KINESIS, "= var.parallelization_factor", "= 2"),
    Mistake(
        "what fails is dropped", KINESIS, "maximum_retry_attempts        = -1", "maximum_retry_attempts        = 3"
    ),
    Mistake("the stream is readable on the disk", STREAM, 'encryption_type = "KMS"', 'encryption_type = "NONE"'),
    Mistake("pollers read every secret", KAFKA_ACCESS, "Resource = arns", 'Resource = ["*"]'),
    Mistake("brokers speak without TLS", MSK, 'client_broker = "TLS"', 'client_broker = "PLAINTEXT"'),
    Mistake(
        "brokers let anyone in",
        MSK,
        "      iam = true\n    }\n",
        "      iam = true\n    }\n    unauthenticated = true\n",
    ),
    Mistake(
        "the world reaches the brokers",
        MSK,
        '  description                  = "Kafka over TLS with IAM, from members of this group"\n'
        "  security_group_id            = aws_security_group.this[0].id\n"
        "  referenced_security_group_id = aws_security_group.this[0].id\n",
        '  description                  = "Kafka over TLS with IAM, from members of this group"\n'
        "  security_group_id            = aws_security_group.this[0].id\n"
        '  cidr_ipv4                    = "0.0.0.0/0"\n',
    ),
    # Alarms
    Mistake(
        "nobody hears that the tables stand still",
        "modules/pipeline/alarms.tf",
        "  tables  = one(module.tables[*].function.name)\n",
        "",
    ),
    Mistake("nobody hears that an alarm is over", ALARMS, "  ok_actions    = [aws_sns_topic.this.arn]\n", ""),
    Mistake(
        "an alarm on nothing is no alarm",
        ALARMS,
        "treat_missing_data  = local.definitions[each.value.definition].missing",
        'treat_missing_data  = "missing"',
    ),
    Mistake("anybody tells alarms", TOPIC, '{ Service = "cloudwatch.amazonaws.com" }', '"*"'),
    Mistake(
        "alarms of any account are told",
        TOPIC,
        '        StringEquals = { "aws:SourceAccount" = local.account_id }\n',
        "",
    ),
    Mistake(
        "two notifies do not know of each other", NOTIFY, "reserved_concurrency = 1\n", "reserved_concurrency = null\n"
    ),
    Mistake("nobody tries again to tell", NOTIFY, "maximum_retries       = 2", "maximum_retries       = 0"),
    Mistake("any topic calls notify", NOTIFY, "  source_arn    = aws_sns_topic.this.arn\n", ""),
    Mistake("notify reads and writes secrets", ACCESS, '["ssm:GetParameter"]', '["ssm:*"]'),
    # The dashboard
    Mistake("the bill is asked for where there is none", DASHBOARD, '{ region = "us-east-1" }', "{}"),
    Mistake("the dashboard forgets refine", DASHBOARD, "concat(local.sources, [var.refine])", "local.sources"),
    Mistake(
        "nobody sees the alarms that could not be told",
        PIPELINE_DASHBOARD,
        "concat(local.watched_queues, compact(module.alarms[*].undelivered))",
        "local.watched_queues",
    ),
    # The daily report
    Mistake(
        "the job may write all of the lake",
        EMR_JOB,
        'Resource = ["${local.bucket_arn}/${local.reports}/*"]',
        'Resource = ["${local.bucket_arn}/*"]',
    ),
    Mistake("the job may do anything with objects", EMR_JOB, 'Action   = ["s3:GetObject"]', 'Action   = ["s3:*"]'),
    Mistake("the job lists everything", EMR_JOB, "          StringLikeIfExists = {\n", "          StringLike = {\n"),
    Mistake("any application takes the role of the job", EMR_JOB, ', "aws:SourceArn" = arn }', " }"),
    Mistake(
        "workers wait for jobs at night",
        EMR_SERVERLESS,
        "  auto_stop_configuration {\n    enabled              = true",
        "  auto_stop_configuration {\n    enabled              = false",
    ),
    Mistake("a question may cost anything", EMR_SERVERLESS, '"${var.maximum_vcpu} vCPU"', '"4000 vCPU"'),
    Mistake(
        "the state machine hands out any role",
        EMR_SERVERLESS,
        "Resource  = concat([aws_iam_role.job.arn], aws_iam_role.compaction[*].arn)",
        'Resource  = ["*"]',
    ),
    Mistake(
        "nobody waits for the job",
        EMR_SERVERLESS,
        "emr-serverless:startJobRun.sync",
        "emr-serverless:startJobRun",
    ),
    Mistake("the report is not looked at", EMR_SERVERLESS, 'Next  = "ReadTheManifest"', 'Next  = "Done"'),
    Mistake(
        "a cluster that nobody needs goes on", EMR_EC2, "        AutoTerminationPolicy = { IdleTimeout = 600 }\n", ""
    ),
    Mistake(
        "a cluster of a failed step goes on",
        EMR_EC2,
        '[merge(local.give_up["The step failed"][0], { Next = "EndTheCluster" })]',
        'local.give_up["The step failed"]',
    ),
    Mistake(
        "the state machine ends the clusters of others",
        EMR_EC2,
        '      Condition = { StringEquals = { "elasticmapreduce:ResourceTag/penstock" = var.name } }\n',
        "",
    ),
    Mistake(
        "the compaction writes into the lake",
        EMR_COMPACTION,
        'Resource = ["${local.bucket_arn}/${local.tables}/*"]',
        'Resource = ["${local.bucket_arn}/*"]',
    ),
    Mistake(
        "the compaction commits to tables of others",
        EMR_COMPACTION,
        '"table/${compaction.database}/${var.dataset}_*"',
        '"table/*"',
    ),
    Mistake(
        "a compaction that failed is told to nobody",
        EMR_COMPACTION,
        'Catch = local.give_up["The compaction failed"]',
        'Catch = [merge(local.give_up["The compaction failed"][0], { Next = "Failed" })]',
    ),
    Mistake("nobody waits for the compaction", EMR_COMPACTION, "startJobRun.sync", "startJobRun"),
    Mistake("a failure is told to nobody", EMR_MACHINE, '      Next        = "Tell"', '      Next        = "Failed"'),
    Mistake("a failed execution looks well", EMR_MACHINE, 'Type  = "Fail"', 'Type  = "Succeed"'),
    Mistake("a failed job is not tried again", EMR_MACHINE, "MaxAttempts     = var.retry.times", "MaxAttempts     = 0"),
    Mistake(
        "other state machines take the role",
        EMR_MACHINE,
        "stateMachine:${name}",
        "stateMachine:*",
    ),
    Mistake(
        "the schedule may start every state machine",
        EMR_SCHEDULE,
        "Resource = concat([aws_sfn_state_machine.this.arn], aws_sfn_state_machine.compaction[*].arn)",
        'Resource = ["*"]',
    ),
    Mistake("messages are readable on the disk", EMR_TOPIC, '  kms_master_key_id = "alias/aws/sns"\n', ""),
    # Around it
    Mistake(
        "a question may read everything",
        WORKGROUP,
        "    bytes_scanned_cutoff_per_query     = var.scan_limit_gib * 1024 * 1024 * 1024\n",
        "",
    ),
    Mistake(
        "people choose where answers go",
        WORKGROUP,
        "enforce_workgroup_configuration    = true",
        "enforce_workgroup_configuration    = false",
    ),
    Mistake("answers are not encrypted", WORKGROUP, '"SSE_S3" : "SSE_KMS"', '"CSE_KMS" : "SSE_KMS"'),
    Mistake(
        "subnets have public addresses",
        NETWORK,
        "  cidr_block = cidrsubnet(var.cidr, 4, each.value)\n",
        "  cidr_block = cidrsubnet(var.cidr, 4, each.value)\n  map_public_ip_on_launch = true\n",
    ),
    Mistake("endpoints answer everybody", ENDPOINTS, "cidr_ipv4         = var.cidr", 'cidr_ipv4         = "0.0.0.0/0"'),
    Mistake("every branch deploys", DEPLOY_ROLE, ":environment:${var.environment}", ":*"),
    Mistake("whoever's name begins alike deploys", DEPLOY_ROLE, "StringEquals = {", "StringLike = {"),
    Mistake("pull requests deploy", DEPLOY_ROLE, "count = var.environment == null ? 0 : 1", "count = 1"),
    Mistake(
        "a deployment hands out any role",
        DEPLOY_CHANGE,
        '        Action    = ["iam:PassRole"]\n        Resource  = [local.roles]',
        '        Action    = ["iam:PassRole"]\n        Resource  = ["*"]',
    ),
    Mistake(
        "a deployment deletes the data",
        DEPLOY_CHANGE,
        "        Resource = [local.bucket]\n",
        '        Resource = [local.bucket, "${local.bucket}/*"]\n',
    ),
    Mistake(
        "a spoiled state stays spoiled",
        STATE,
        'status = "Enabled"\n  }\n}\n\nresource "aws_s3_bucket_ownership',
        'status = "Disabled"\n  }\n}\n\nresource "aws_s3_bucket_ownership',
    ),
    Mistake(
        "the state travels in plain text",
        STATE,
        '{ "aws:SecureTransport" = "false" }',
        '{ "aws:SecureTransport" = "true" }',
    ),
]
