#!/usr/bin/env bash
# infra/live/localstack on an emulator of AWS: applied, planned again, deployed, destroyed: infra/test-local.sh BINARIES
#
# BINARIES is a folder with ingest, notify, refine, penstock and penstock-trigger. It starts an emulator of its own, unless
# AWS_ENDPOINT_URL names an empty one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091 # it is checked by itself
source infra/tools.sh

main() {
    BINARIES="$(cd "${1:-target/release}" && pwd)"
    need_terraform
    share_the_provider
    command -v aws >/dev/null || fail "the AWS CLI is missing: https://aws.amazon.com/cli has it"
    command -v jq >/dev/null || fail "jq is missing: apt-get install jq"
    install_python_tools
    work="$(mktemp -d)"
    trap clean_up EXIT
    copy_infra "$work"
    rm -rf "$work/target/lambda"
    "$VENV/bin/python" infra/package.py "$BINARIES" "$work/target/lambda"
    if [[ -z ${AWS_ENDPOINT_URL:-} ]]; then start_emulator; fi
    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
    (cd infra/tests && INFRA_COPY="$work/infra" PENSTOCK="$BINARIES/penstock" PYTHONDONTWRITEBYTECODE=1 \
        "$VENV/bin/pytest" --quiet --exitfirst -p no:cacheprovider --basetemp "$work/pytest" test_local.py)
}

start_emulator() {
    export PENSTOCK_LOCAL="$work/local" TRIGGER_BINARY="$BINARIES/penstock-trigger"
    read -r EMULATOR_PORT KAFKA_PORT KAFKA_CONTROLLER_PORT <<<"$(free_ports 3)"
    export EMULATOR_PORT KAFKA_PORT KAFKA_CONTROLLER_PORT
    localstack/cloud.sh up
    export AWS_ENDPOINT_URL="http://127.0.0.1:$EMULATOR_PORT"
}

clean_up() {
    if [[ -n ${PENSTOCK_LOCAL:-} ]]; then localstack/cloud.sh down --purge || true; fi
    rm -rf "$work"
}

main "$@"
