#!/usr/bin/env bash
# Builds what is measured, prepares Python, and runs the benchmark: tests/bench/run.sh [--quick | --report-only]
#
# Results go to docs/; those of --quick to target/bench.
# PROFILE=release builds sooner than what is deployed, PYTHON=python3.12 takes another Python.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
cargo="${CARGO:-cargo}"
profile="${PROFILE:-dist}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
out="$root/docs"
requirements=()
report_only=no

main() {
    for argument in "$@"; do
        case "$argument" in
        --quick) out="$CARGO_TARGET_DIR/bench" ;;
        --report-only) report_only=yes ;;
        *)
            echo "expected --quick or --report-only, got $argument" >&2
            exit 2
            ;;
        esac
    done
    if [[ $out == "$root/docs" && $report_only == no ]]; then
        command -v java >/dev/null || { echo "Spark needs Java 17; without it: make bench ARGS=--quick" >&2; exit 2; }
        requirements+=("$here/requirements-spark.txt")
    fi
    local python
    python="$("$here/python.sh" "${requirements[@]}")"
    if [[ $report_only == no ]]; then build; fi
    mkdir -p "$out"
    cd "$here"
    # The folder of the sources stays clean.
    PYTHONDONTWRITEBYTECODE=1 SPARK_LOCAL_IP=127.0.0.1 "$python" run.py \
        --target "$CARGO_TARGET_DIR/$profile" --plain-handler "$CARGO_TARGET_DIR/plain-handler/$profile/plain-handler" \
        --version "$(git -C "$root" describe --always --dirty)" --out "$out" "$@"
}

# The functions alone, as they are deployed, so that no other package turns on features of theirs.
build() {
    cd "$root"
    "$cargo" build --locked --profile "$profile" -p penstock-ingest -p penstock-refine
    "$cargo" build --locked --profile "$profile" -p penstock-tests --example bench
    "$cargo" build --locked --profile "$profile" --manifest-path "$here/plain-handler/Cargo.toml" \
        --target-dir "$CARGO_TARGET_DIR/plain-handler"
}

main "$@"
