#!/usr/bin/env bash
# The functions under `cargo lambda watch`, as a developer runs them: called with the example payloads, then driven from
# a Kafka topic by penstock-trigger, then audited. functions/test-watch.sh BINARIES
#
# BINARIES is a folder with penstock, penstock-producer and penstock-trigger. The broker, the lake and the ports are its
# own. The functions are compiled in the profile dev, as cargo-lambda does unless it is told otherwise.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091 # it is checked by itself
source infra/tools.sh
readonly RECORDS=20000

main() {
    BINARIES="$(cd "${1:-target/debug}" && pwd)"
    install_cargo_lambda
    work="$(mktemp -d)"
    trap clean_up EXIT
    read -r port KAFKA_PORT KAFKA_CONTROLLER_PORT <<<"$(free_ports 3)"
    export KAFKA_PORT KAFKA_CONTROLLER_PORT PENSTOCK_LOCAL="$work/local"
    export PENSTOCK_LAKE="file://$work/lake" PENSTOCK_DATASET=user_actions
    start_watch
    examples
    from_kafka
    echo "watch: the functions answer under cargo lambda watch, and in = out"
}

start_watch() {
    cargo lambda watch --invoke-address 127.0.0.1 --invoke-port "$port" --ignore-changes >"$work/watch.log" 2>&1 &
    watch=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        kill -0 "$watch" 2>/dev/null || failed "cargo lambda watch ended"
        sleep 0.2
    done
}

# The first call compiles the function, or finds it compiled.
examples() {
    expect ingest kafka.json '.landed == 5 and .rejected == 1'
    expect ingest kinesis.json '.landed == 3 and .rejected == 1'
    expect ingest kafka.json '.landed == 0 and .trimmed == 5'
    expect refine refine.json '.cuts == [1]'
}

expect() {
    local function=$1 file=$2 condition=$3 answer
    answer="$(cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port "$port" "$function" --data-file "tests/fixtures/$file")" ||
        failed "$function did not answer $file"
    jq --exit-status "$condition" <<<"$answer" >/dev/null || failed "$function answered $file with $answer"
    echo "watch: $function answers $file: $answer"
}

from_kafka() {
    localstack/kafka.sh up
    "$BINARIES/penstock-producer" --dataset user_actions --events "$RECORDS" --brokers "127.0.0.1:$KAFKA_PORT" \
        --topic clicks --partitions 3 --report "$work/sent.json"
    "$BINARIES/penstock-trigger" --brokers "127.0.0.1:$KAFKA_PORT" --topic clicks --batch-size 5000 \
        --invoke "http://127.0.0.1:$port" --function ingest --drain
    until [[ $(cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port "$port" refine --data-file tests/fixtures/refine.json) == *'"cuts":[]'* ]]; do :; done
    "$BINARIES/penstock" audit --dataset user_actions --lake "$work/lake" --sent "$work/sent.json"
}

fail() {
    echo "watch: $*" >&2
    exit 1
}

failed() {
    tail -n 30 "$work/watch.log" >&2
    fail "$1: the last lines of its log are above"
}

clean_up() {
    # The functions end with it: nobody answers them any more.
    if [[ -n ${watch:-} ]]; then
        kill -TERM "$watch" 2>/dev/null || true
        wait "$watch" 2>/dev/null || true
    fi
    if [[ -d $work/local ]]; then localstack/kafka.sh down || true; fi
    rm -rf "$work"
}

main "$@"
