#!/usr/bin/env bash
# Terraform for one environment: infra/terraform.sh init | plan | apply | destroy ENV [ARGUMENTS OF TERRAFORM]
#
# ENV is a folder in infra/live. What Terraform would say in many words, this says in one line first.
set -euo pipefail

readonly LOCALSTACK="${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}"

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck disable=SC1091 # it is checked by itself
source ./tools.sh

main() {
    local command="${1:-}" env="${2:-}"
    case "$command" in init | plan | apply | destroy) ;; *) usage ;; esac
    [[ -n $env && -d live/$env ]] || fail "ENV is '$env': choose one of $(environments), as in 'make $command ENV=localstack'"
    shift 2
    need_terraform
    [[ -f ../target/lambda/package.json ]] || fail "there is no package of the functions yet: run 'make package' first"
    if [[ $env == localstack ]]; then need_localstack; else need_settings "$env"; fi
    init "$env"
    if [[ $command == init ]]; then return; fi
    local status=0
    terraform -chdir="live/$env" "$command" -input=false "${APPROVE[@]}" "$@" || status=$?
    # With -detailed-exitcode a plan that would change something ends with 2, which is no failure.
    if ((status == 1)); then fail "terraform $command of $env failed: its message is above. $(remedy "$command")"; fi
    return "$status"
}

remedy() {
    case "$1" in
    plan) echo "Nothing was changed; infra/README.md lists the usual reasons" ;;
    *) echo "What was done is in the state, so the same command goes on from there; infra/README.md lists the usual reasons" ;;
    esac
}

# Somebody should look at what becomes of AWS, and nobody need look at what becomes of an emulator.
APPROVE=()

need_localstack() {
    command -v curl >/dev/null || fail "curl is missing: apt-get install curl"
    answers localstack || answers localemu ||
        fail "LocalStack does not answer at $LOCALSTACK: start it with 'make up', or set AWS_ENDPOINT_URL to where it listens"
    export AWS_ENDPOINT_URL="$LOCALSTACK"
    if [[ $command != plan ]]; then APPROVE=(-auto-approve); fi
}

answers() {
    curl --silent --fail --max-time 10 --output /dev/null "$LOCALSTACK/_$1/health"
}

need_settings() {
    local file
    for file in terraform.tfvars backend.hcl; do
        [[ -f live/$1/$file ]] || fail "infra/live/$1/$file is missing: infra/README.md says how to make it"
    done
    if [[ $command != plan && -n ${CI:-} ]]; then APPROVE=(-auto-approve); fi
}

# An init that was cut off is simply done again; it changes nothing but the folder .terraform.
init() {
    local -a backend=()
    if [[ -f live/$1/backend.hcl ]]; then backend=(-backend-config=backend.hcl); fi
    terraform -chdir="live/$1" init -input=false -reconfigure "${backend[@]}" >/dev/null ||
        fail "terraform init failed in infra/live/$1: its message is above; infra/README.md lists the usual reasons"
}

environments() {
    local folders=(live/*/)
    folders=("${folders[@]#live/}")
    echo "${folders[@]%/}"
}

usage() {
    echo "usage: infra/terraform.sh init | plan | apply | destroy ENV [ARGUMENTS OF TERRAFORM], where ENV is one of: $(environments)" >&2
    exit 2
}

main "$@"
