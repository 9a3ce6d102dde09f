#!/usr/bin/env bash
# Checks the Spark jobs, and that Spark, DataFusion, `penstock p95` and an oracle agree: emr/test.sh [PYTEST ARGUMENT ...]
#
# Needs Python 3.11 or newer, Java 17, Maven, and network for the first time. BINARIES names a folder with penstock
# and penstock-sql; without it they are built, and DataFusion compiles for a quarter of an hour once.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly REPOSITORY="$PWD/.."

main() {
    local venv
    venv="$(./python.sh)"
    if [[ -z ${BINARIES:-} ]]; then build; fi
    "$venv/bin/ruff" check --no-cache --quiet .
    "$venv/bin/ruff" format --no-cache --quiet --check . || { echo "'ruff format emr' mends it" >&2; exit 1; }
    "$venv/bin/mypy" --cache-dir "$venv/mypy" .
    S3A_JARS="$(./jars.sh s3a)"
    BINARIES="$(cd "$BINARIES" && pwd)"
    export BINARIES S3A_JARS SPARK_LOCAL_IP=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
    "$venv/bin/python" -m pytest "$@"
}

# Not optimised, and in two goes: that is what `make test` and `make test-sql` have compiled.
build() {
    (cd "$REPOSITORY" && "${CARGO:-cargo}" build --locked --workspace --exclude penstock-sql)
    # Without its tests it would have other features, and DataFusion would compile once more.
    (cd "$REPOSITORY" && "${CARGO:-cargo}" build --locked -p penstock-sql --all-targets)
    BINARIES="${CARGO_TARGET_DIR:-$REPOSITORY/target}/debug"
}

main "$@"
