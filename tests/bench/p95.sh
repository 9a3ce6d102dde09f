#!/usr/bin/env bash
# Asks the question of one large lake in four ways, side by side: tests/bench/p95.sh [EVENTS]
#
# With 50,000,000 events, the default, it writes docs/p95-benchmark.md; with another number, which is a look,
# target/bench/p95-benchmark.md.
# It needs Linux, Python 3.11, Java 17, 12 GB of disk under TMPDIR, which it gives back, and 20 GB of memory, which
# is what DataFusion takes.
# BINARIES names a folder with penstock and penstock-sql; without it they are built, optimised, which takes a good half
# hour for DataFusion alone.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
readonly FULL=50000000

main() {
    local events="${1:-$FULL}" out="$root/docs" python
    if [[ ! $events =~ ^[1-9][0-9]*$ ]]; then
        echo "expected a number of events, got $events" >&2
        exit 2
    fi
    if ((events != FULL)); then
        out="$CARGO_TARGET_DIR/bench"
    fi
    python="$("$here/python.sh")"
    "$root/emr/python.sh" >/dev/null
    if [[ -z ${BINARIES:-} ]]; then build; fi
    mkdir -p "$out"
    PYTHONDONTWRITEBYTECODE=1 "$python" "$here/p95.py" --binaries "$BINARIES" --events "$events" \
        --version "$(git -C "$root" describe --always --dirty)" --out "$out/p95-benchmark.md"
}

build() {
    cd "$root"
    "${CARGO:-cargo}" build --locked --release -p penstock
    "${CARGO:-cargo}" build --locked --release -p penstock-sql
    BINARIES="$CARGO_TARGET_DIR/release"
}

main "$@"
