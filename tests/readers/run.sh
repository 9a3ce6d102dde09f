#!/usr/bin/env bash
# Reads one lake with every reader of Parquet that people use, and compares: tests/readers/run.sh [READER ...]
#
# Needs Python 3.11 or newer, Node, Java 17 or newer and network to PyPI and npm for the first time.
# What it installs lies in the cache folder and is made once for each set of versions. A reader that cannot be
# installed is an error. KEEP_LAKE=DIRECTORY makes the lake there and keeps it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/readers"
readonly REPOSITORY="$PWD/../.."
readonly TARGET="${CARGO_TARGET_DIR:-$REPOSITORY/target}"

main() {
    python_readers
    node_reader
    binaries
    check "$@"
}

# The name of a folder holds a hash of what it was made from: other versions go to another folder.
python_readers() {
    venv="$CACHE/python-$(hash requirements.txt)"
    if [[ -e "$venv/ready" ]]; then return; fi
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt
    touch "$venv/ready"
}

node_reader() {
    node="$CACHE/node-$(hash node/package-lock.json node/read.mjs)"
    if [[ -e "$node/ready" ]]; then return; fi
    rm -rf "$node"
    mkdir -p "$node"
    cp node/* "$node"
    npm ci --prefix "$node" --silent --no-audit --no-fund --ignore-scripts
    touch "$node/ready"
}

# Not optimised, and of all packages: that is what `make test` has compiled.
binaries() {
    (cd "$REPOSITORY" && "${CARGO:-cargo}" build --locked --workspace --exclude penstock-sql)
}

check() {
    if [[ -n ${KEEP_LAKE:-} ]]; then
        lake="$KEEP_LAKE"
        mkdir -p "$lake"
    else
        lake="$(mktemp -d)"
        trap 'rm -rf "$lake"' EXIT
    fi
    NODE_FOLDER="$node" PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" check.py "$TARGET/debug" "$lake" "$@"
}

hash() {
    cat "$@" | sha256sum | cut -c1-16
}

main "$@"
