#!/usr/bin/env bash
# Builds the functions for Lambda and packages them: infra/package.sh [BINARIES]
#
# With a folder of binaries that are there already (NAME or NAME/bootstrap) it packages those and builds nothing.
# Otherwise cargo-lambda compiles for the machine that this is, against the glibc of Lambda's operating system.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091 # it is checked by itself
source infra/tools.sh
readonly OUT="target/lambda"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock"

main() {
    local python binaries="${1:-}"
    python="$(find_python)"
    if [[ -z $binaries ]]; then
        binaries="$CACHE/lambda/out"
        build "$binaries"
    fi
    # shellcheck disable=SC2086 # DATASETS is a list of files
    "$python" infra/package.py "$binaries" "$OUT" ${DATASETS:-}
    PYTHON="$python" emr/package.sh "$OUT/emr"
}

build() {
    [[ $(uname -s) == Linux ]] || fail "building here needs Linux: package on a Linux machine, or let the workflow deploy"
    command -v cargo >/dev/null || fail "Rust is missing: https://rustup.rs installs it"
    install_cargo_lambda
    # A folder of its own, because cargo-lambda compiles for another glibc than plain cargo.
    # AWS_LC_SYS_NO_JITTER_ENTROPY spares a cold start some milliseconds: Lambda's kernel has randomness at once.
    AWS_LC_SYS_NO_JITTER_ENTROPY=1 CARGO_TARGET_DIR="$CACHE/lambda" \
        cargo lambda build --locked --profile dist --package penstock-ingest --package penstock-notify \
        --package penstock-refine --lambda-dir "$1"
    # Iceberg and Glue's client take longer to compile than all the rest, and in one build their features would be
    # those of the other functions, too.
    rm -rf "$1/penstock-tables"
    if [[ ${TABLES:-} == yes ]]; then
        AWS_LC_SYS_NO_JITTER_ENTROPY=1 CARGO_TARGET_DIR="$CACHE/lambda" \
            cargo lambda build --locked --profile dist --package penstock-tables --features glue --lambda-dir "$1"
    fi
}

main "$@"
