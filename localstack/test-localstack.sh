#!/usr/bin/env bash
# The extension and the cloud that it makes: linters, then tests against a cloud of its own, which they start and stop.
# localstack/test-localstack.sh [ARGUMENT OF PYTEST ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CACHE="${PENSTOCK_CACHE:-$HOME/.cache/penstock}"
readonly requirements=localstack/extension/tests/requirements.txt
# Absolute, because the tests run in another folder.
BINARIES="$(realpath "${BINARIES:-${CARGO_TARGET_DIR:-target}/release}")"
TRIGGER_BINARY="$(realpath "${TRIGGER_BINARY:-$BINARIES/penstock-trigger}")"
export BINARIES TRIGGER_BINARY

# The folder's name holds a hash of the versions, so that other versions go to another folder.
venv="$CACHE/localstack-tests-$(sha256sum <"$requirements" | cut -c1-16)"
if [[ ! -e $venv/ready ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
    touch "$venv/ready"
fi

# Nothing is written beside the sources.
export PYTHONDONTWRITEBYTECODE=1 MYPY_CACHE_DIR="$CACHE/mypy" RUFF_NO_CACHE=true
cd localstack/extension
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
"$venv/bin/python" -m pytest -p no:cacheprovider tests "$@"
