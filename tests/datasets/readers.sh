#!/usr/bin/env bash
# What `penstock run` makes of the sample of user actions, read by DuckDB and pyarrow: tests/datasets/readers.sh
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
cargo="${CARGO:-cargo}"
python="${PYTHON:-python3}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
venv="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/datasets-venv"

main() {
    prepare_python
    (cd "$root" && "$cargo" build --locked --workspace --exclude penstock-sql)
    lake="$(mktemp -d)"
    trap 'rm -rf "$lake"' EXIT
    # One partition, so that a record's offset is the number of its line. A lake that does not balance ends this here.
    "$CARGO_TARGET_DIR/debug/penstock" run --dataset user_actions --partitions 1 \
        --input "$root/datasets/user_actions.sample.ndjson" --lake "$lake"
    # The folder of the sources stays clean.
    PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/readers.py" "$lake" \
        "$root/tests/tests/datasets/user_actions.golden.ndjson"
}

prepare_python() {
    if [[ ! -x $venv/bin/python ]]; then "$python" -m venv "$venv"; fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
}

main "$@"
