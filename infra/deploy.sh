#!/usr/bin/env bash
# Applies an environment, calls what was deployed, and takes a version back that does not answer: infra/deploy.sh ENV
#
# It calls the functions as nobody else does, without a record: refine does what it does each minute, ingest finds nothing
# to land, notify tries its secrets. What fails is a function that cannot start, cannot reach the lake, or may not what it must.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck disable=SC1091 # it is checked by itself
source ./tools.sh

main() {
    readonly ENV="${1:-}"
    command -v aws >/dev/null || fail "the AWS CLI is missing: https://aws.amazon.com/cli has it"
    command -v jq >/dev/null || fail "jq is missing: apt-get install jq"
    if [[ $ENV == localstack ]]; then
        export AWS_ENDPOINT_URL="${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}"
        export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
    fi
    export AWS_PAGER=""
    folder="$(mktemp -d)"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$folder'" EXIT
    echo '{"eventSource":"aws:kafka","records":{}}' >"$folder/event"
    # To notify it means: see whether every secret can be read, and tell nobody.
    echo '{"Records":[]}' >"$folder/event-notify"
    ./terraform.sh init "$ENV"
    remember >"$folder/versions"
    ./terraform.sh apply "$ENV"
    local function deployed failed=()
    deployed="$(functions)"
    [[ -n $deployed ]] || fail "Terraform's output names no functions of $ENV, so none was called: see 'terraform -chdir=infra/live/$ENV output'"
    for function in $deployed; do
        if ! answers "$function"; then failed+=("$function"); fi
    done
    if ((${#failed[@]} > 0)); then
        roll_back
        fail "${failed[*]} did not answer as it should: see above. What had a version before runs that again; the next apply moves it on"
    fi
    echo "deploy: all functions of $ENV answer"
}

# The functions that are deployed, or those of them that a filter names; none where nothing is.
functions() {
    terraform -chdir="live/$ENV" output -json functions 2>/dev/null |
        jq -r "(${1:-(.ingest | .[]), .refine, .notify}) // empty" 2>/dev/null || true
}

# A line for each function that is there: its name, and the version that its alias names.
remember() {
    local function version
    for function in $(functions); do
        if version="$(aws lambda get-alias --function-name "$function" --name live --query FunctionVersion --output text 2>/dev/null)"; then
            echo "$function $version"
        fi
    done
}

answers() {
    local function=$1 event="$folder/event" error
    if [[ $function == "$(functions .notify)" ]]; then event="$folder/event-notify"; fi
    error="$(aws lambda invoke --function-name "$function:live" --payload "fileb://$event" \
        --query FunctionError --output text "$folder/answer")" || return 1
    if [[ $error != None ]]; then
        echo "deploy: $function: $(<"$folder/answer")" >&2
        return 1
    fi
}

roll_back() {
    local function version
    while read -r function version; do
        aws lambda update-alias --function-name "$function" --name live --function-version "$version" \
            --routing-config 'AdditionalVersionWeights={}' >/dev/null
        echo "deploy: $function is back at version $version" >&2
    done <"$folder/versions"
}

main "$@"
