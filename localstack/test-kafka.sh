#!/usr/bin/env bash
# Every test that needs a real Kafka broker: starts one of its own, with its own port and data, runs them, and stops it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Other ports than `make kafka-up` has, and free ones, so that several brokers can run.
port=19092
while is_taken "$port" || is_taken "$((port + 1))" || is_taken "$((port + 2))"; do port=$((port + 10)); done
export KAFKA_PORT="${KAFKA_PORT:-$port}"
export KAFKA_CONTROLLER_PORT="${KAFKA_CONTROLLER_PORT:-$((port + 1))}"
export KAFKA_OAUTH_PORT="${KAFKA_OAUTH_PORT:-$((port + 2))}"
PENSTOCK_LOCAL="$(mktemp -d "${TMPDIR:-/tmp}/penstock-test-kafka.XXXXXX")"
export PENSTOCK_LOCAL
readonly CARGO="${CARGO:-cargo}"

clean_up() {
    local code=$?
    localstack/kafka.sh down || true
    # What the broker said is worth keeping only if something failed.
    if ((code == 0)); then
        rm -rf "$PENSTOCK_LOCAL"
    else
        rm -rf "$PENSTOCK_LOCAL/kafka/data"
        echo "test-kafka: failed; the broker's log stays in $PENSTOCK_LOCAL/kafka" >&2
    fi
}
trap clean_up EXIT

localstack/kafka.sh up
export PENSTOCK_TEST_BROKERS="127.0.0.1:$KAFKA_PORT" PENSTOCK_TEST_OAUTH_BROKERS="127.0.0.1:$KAFKA_OAUTH_PORT"
# One command for all, so that Cargo builds what they share once. SASL needs a librdkafka with OpenSSL.
"$CARGO" test --locked --package penstock-trigger --package penstock-producer --package penstock-tests \
    --features penstock-trigger/kafka-tests,penstock-producer/kafka-tests,penstock-tests/kafka-tests,penstock-producer/tls \
    --test kafka --test sasl -- --nocapture
