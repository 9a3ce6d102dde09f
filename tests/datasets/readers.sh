#!/usr/bin/env bash
# What `penstock run` makes of the sample of user actions, read by DuckDB and pyarrow; then one user is erased, as
# docs/runbook.md says: tests/datasets/readers.sh
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
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    lake="$work/lake"
    # One partition, so that a record's offset is the number of its line. A lake that does not balance ends this here.
    "$CARGO_TARGET_DIR/debug/penstock" run --dataset user_actions --partitions 1 \
        --input "$root/datasets/user_actions.sample.ndjson" --lake "$lake"
    # The folder of the sources stays clean.
    PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/readers.py" "$lake" \
        "$root/tests/tests/datasets/user_actions.golden.ndjson"
    erase user-2001
}

# The program of the runbook leaves no trace of a user in raw, silver and windows, and a lake that still balances.
erase() {
    local user=$1 erased
    sed -n '/^import sys$/,/^```$/p' "$root/docs/runbook.md" | sed '$d' >"$work/erase.py"
    erased="$("$venv/bin/python" "$work/erase.py" "$lake" user_id "$user")"
    [[ $erased == *"/raw/"* && $erased == *"/silver/"* ]] || { echo "nothing of $user was erased: $erased" >&2 && exit 1; }
    "$venv/bin/python" - "$lake" "$user" <<'PYTHON'
import sys
from pathlib import Path

import pyarrow.parquet as parquet

lake, user = sys.argv[1:]
for file in Path(lake).rglob("*.parquet"):
    left = {name: value for row in parquet.read_table(file, partitioning=None).to_pylist() for name, value in row.items() if value == user}
    if left:
        sys.exit(f"{file} still holds {user}: {left}")
PYTHON
    "$CARGO_TARGET_DIR/debug/penstock" audit --dataset user_actions --lake "$lake"
}

prepare_python() {
    if [[ ! -x $venv/bin/python ]]; then "$python" -m venv "$venv"; fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
}

main "$@"
