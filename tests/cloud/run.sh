#!/usr/bin/env bash
# The whole path on a cloud of its own: Terraform, Kafka, Kinesis, functions that die, S3 that fails: tests/cloud/run.sh BINARIES
# [ARGUMENT OF PYTEST ...]
#
# BINARIES is a folder with ingest, notify, refine, penstock, penstock-producer and penstock-trigger.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck disable=SC1091 # it is checked by itself
source infra/tools.sh
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock"

main() {
    BINARIES="$(cd "${1:-target/release}" && pwd)"
    LOGS="$PWD/target/test-cloud"
    export BINARIES LOGS
    shift || true
    need_terraform
    share_the_provider
    command -v curl >/dev/null || fail "curl is missing: apt-get install curl"
    install_python
    work="$(mktemp -d)"
    trap clean_up EXIT
    copy_infra "$work"
    rm -rf "$work/target/lambda" "$LOGS"
    "$venv/bin/python" infra/package.py "$BINARIES" "$work/target/lambda"
    emr/package.sh "$work/target/lambda/emr"
    check "$@"
}

# The folder's name holds a hash of the versions, so that other versions go to another folder.
install_python() {
    local python requirements=tests/cloud/requirements.txt
    venv="$CACHE/test-cloud-$(sha256sum <"$requirements" | cut -c1-16)"
    if [[ -e $venv/ready ]]; then return; fi
    python="$(find_python)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
    touch "$venv/ready"
}

check() {
    export INFRA_COPY="$work/infra"
    # Nothing is written beside the sources.
    export PYTHONDONTWRITEBYTECODE=1 MYPY_CACHE_DIR="$CACHE/mypy" RUFF_NO_CACHE=true
    cd tests/cloud
    "$venv/bin/ruff" check .
    "$venv/bin/ruff" format --check .
    "$venv/bin/mypy" .
    "$venv/bin/python" -m pytest -p no:cacheprovider --basetemp "$work/pytest" --exitfirst "$@"
}

clean_up() {
    rm -rf "$work"
    if [[ -e $LOGS ]]; then echo "test-cloud: what was said is kept in $LOGS" >&2; fi
}

main "$@"
