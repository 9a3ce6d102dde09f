#!/usr/bin/env bash
# Every test that needs a store which speaks S3's protocol: starts LocalStack and MinIO, with ports and data of their own,
# runs them on each, and stops both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Other ports than `make up` has, and free ones, so that several can run.
port=19566
while is_taken "$port" || is_taken "$((port + 1))"; do port=$((port + 10)); done
export EMULATOR_PORT="${EMULATOR_PORT:-$port}"
export MINIO_PORT="${MINIO_PORT:-$((port + 1))}"
export MINIO_ROOT_USER=penstock MINIO_ROOT_PASSWORD=penstock-secret
# Both take these; LocalStack takes any.
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=$MINIO_ROOT_USER AWS_SECRET_ACCESS_KEY=$MINIO_ROOT_PASSWORD
PENSTOCK_LOCAL="$(mktemp -d "${TMPDIR:-/tmp}/penstock-test-s3.XXXXXX")"
export PENSTOCK_LOCAL
readonly CARGO="${CARGO:-cargo}"

clean_up() {
    local code=$?
    localstack/minio.sh down --purge || true
    localstack/cloud.sh down --purge || true
    # What the servers said is worth keeping only if something failed.
    if ((code == 0)); then
        rm -rf "$PENSTOCK_LOCAL"
    else
        echo "test-s3: failed; the servers' logs stay in $PENSTOCK_LOCAL" >&2
    fi
}
trap clean_up EXIT

on() {
    local store=$1 url=$2
    shift 2
    echo "test-s3: on $store"
    AWS_ENDPOINT_URL="$url" "$CARGO" test --locked --package penstock-tests --features penstock-tests/s3-tests "$@" -- --nocapture
}

localstack/minio.sh up
on MinIO "http://127.0.0.1:$MINIO_PORT" --test s3_stores --test s3_restart
localstack/minio.sh down
localstack/cloud.sh up --emulator
on LocalStack "http://127.0.0.1:$EMULATOR_PORT" --test s3_stores
