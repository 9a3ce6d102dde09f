#!/usr/bin/env bash
# The lake's bucket alone, by the AWS CLI: for those who try Penstock on S3 without Terraform.
#
# It has the settings of infra/modules/storage; a test compares the two. Run it twice: the second run changes nothing.
set -euo pipefail

RAW_TO_COLD_AFTER_DAYS="${RAW_TO_COLD_AFTER_DAYS:-90}"

usage() {
    cat <<USAGE
usage: infra/bucket.sh BUCKET [PREFIX]

  Creates the bucket, unless it is yours already, and makes it what a lake needs: private, encrypted, TLS only,
  and closed to writes that could overwrite. PREFIX is where the lake begins in it; without one, at its root.

environment: AWS_REGION and credentials as the AWS CLI reads them, AWS_ENDPOINT_URL for another S3,
  RAW_TO_COLD_AFTER_DAYS ($RAW_TO_COLD_AFTER_DAYS; 0: never)
USAGE
}

main() {
    case "${1:-}" in
    -h | --help) usage && exit 0 ;;
    "" | -*) usage >&2 && exit 2 ;;
    esac
    (($# <= 2)) || { usage >&2 && exit 2; }
    readonly BUCKET="$1" PREFIX="${2:-}"
    check_arguments
    REGION="${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}"
    [[ -n $REGION ]] || fail "no region: set AWS_REGION, for example to eu-central-1"
    # Without a pager, so that nobody has to press a key between two settings.
    export AWS_REGION="$REGION" AWS_DEFAULT_REGION="$REGION" AWS_PAGER=""
    create
    own
    block_public_access
    encrypt
    write_policy
    write_lifecycle
    echo "bucket.sh: s3://$BUCKET${PREFIX:+/$PREFIX} is ready: penstock run --lake s3://$BUCKET${PREFIX:+/$PREFIX}"
}

check_arguments() {
    command -v aws >/dev/null || fail "the AWS CLI is missing: https://aws.amazon.com/cli has it, or 'pip install awscli'"
    [[ $BUCKET =~ ^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$ ]] ||
        fail "'$BUCKET' is no good name for a bucket: use 3 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit"
    [[ $PREFIX =~ ^([A-Za-z0-9_=.-]+(/[A-Za-z0-9_=.-]+)*)?$ ]] ||
        fail "'$PREFIX' is no good prefix: use segments of letters, digits, '_', '=', '.' and '-', with single '/' between them"
    [[ $RAW_TO_COLD_AFTER_DAYS =~ ^[0-9]+$ ]] || fail "RAW_TO_COLD_AFTER_DAYS is '$RAW_TO_COLD_AFTER_DAYS': give a number of days, or 0 for never"
}

# A bucket of somebody else answers 403, one that is not there 404; only the latter can be made.
create() {
    local answer
    if answer="$(aws s3api head-bucket --bucket "$BUCKET" 2>&1)"; then
        echo "bucket.sh: $BUCKET is there"
        return
    fi
    case "$answer" in
    *404*) ;;
    *403*) fail "$BUCKET belongs to somebody else, or these credentials may not see it: choose another name, or other credentials" ;;
    *301*) fail "$BUCKET is in another region than $REGION: set AWS_REGION to the bucket's" ;;
    *credentials*) fail "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run 'aws configure'" ;;
    *) fail "the AWS CLI could not ask for $BUCKET: ${answer//$'\n'/ }" ;;
    esac
    # us-east-1 is the one region that must not be named.
    local -a location=()
    if [[ $REGION != us-east-1 ]]; then location=(--create-bucket-configuration "LocationConstraint=$REGION"); fi
    answer="$(aws s3api create-bucket --bucket "$BUCKET" "${location[@]}" 2>&1)" ||
        fail "$BUCKET could not be made: ${answer//$'\n'/ }"
    echo "bucket.sh: $BUCKET was created in $REGION"
}

own() {
    aws s3api put-bucket-ownership-controls --bucket "$BUCKET" \
        --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'
}

block_public_access() {
    aws s3api put-public-access-block --bucket "$BUCKET" --public-access-block-configuration \
        BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
}

encrypt() {
    aws s3api put-bucket-encryption --bucket "$BUCKET" --server-side-encryption-configuration \
        '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": false}]}'
}

write_policy() {
    aws s3api put-bucket-policy --bucket "$BUCKET" --policy "$(policy)"
}

policy() {
    local arn
    arn="arn:$(partition):s3:::$BUCKET"
    local root="$arn${PREFIX:+/$PREFIX}"
    cat <<POLICY
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "DenyPlainHttp", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
      "Resource": ["$arn", "$arn/*"],
      "Condition": {"Bool": {"aws:SecureTransport": "false"}}
    },
    {
      "Sid": "DenyOldTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
      "Resource": ["$arn", "$arn/*"],
      "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
    },
    {
      "Sid": "DenyWritesThatCouldOverwrite", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
      "Resource": [
        "$root/raw/*",
        "$root/silver/*",
        "$root/windows/*",
        "$root/rejects/*",
        "$root/_penstock/format.json",
        "$root/_penstock/*/cuts/*",
        "$root/_penstock/*/state/*",
        "$root/_penstock/*/unreadable/*",
        "$root/_penstock/*/runs/*",
        "$root/_penstock/*/replay.json"
      ],
      "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    }
  ]
}
POLICY
}

partition() {
    case "$REGION" in
    cn-*) echo aws-cn ;;
    us-gov-*) echo aws-us-gov ;;
    *) echo aws ;;
    esac
}

write_lifecycle() {
    aws s3api put-bucket-lifecycle-configuration --bucket "$BUCKET" --lifecycle-configuration "$(lifecycle)" >/dev/null
}

# Raw objects never expire by a rule: the last one of each chain is the memory of where the chain stands.
lifecycle() {
    local cold=""
    if ((RAW_TO_COLD_AFTER_DAYS > 0)); then
        cold=",
    {
      \"ID\": \"raw-to-cold-storage\", \"Status\": \"Enabled\", \"Filter\": {\"Prefix\": \"${PREFIX:+$PREFIX/}raw/\"},
      \"Transitions\": [{\"Days\": $RAW_TO_COLD_AFTER_DAYS, \"StorageClass\": \"GLACIER_IR\"}]
    }"
    fi
    cat <<LIFECYCLE
{
  "Rules": [
    {
      "ID": "abandoned-uploads", "Status": "Enabled", "Filter": {"Prefix": ""},
      "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}
    },
    {
      "ID": "results-of-athena", "Status": "Enabled", "Filter": {"Prefix": "athena-results/"},
      "Expiration": {"Days": 7}
    },
    {
      "ID": "logs-of-emr", "Status": "Enabled", "Filter": {"Prefix": "emr-logs/"},
      "Expiration": {"Days": 30}
    }$cold
  ]
}
LIFECYCLE
}

fail() {
    echo "bucket.sh: $*" >&2
    exit 1
}

main "$@"
