#!/usr/bin/env bash
# Makes the Python of the benchmarks and prints its path: tests/bench/python.sh [REQUIREMENTS FILE ...]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly PYTHON="${PYTHON:-python3}"
venv="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/bench-venv"

main() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "Python 3.11 or newer is needed; PYTHON names one" >&2; exit 2; }
    local requirements=(-r "$here/requirements.txt")
    for file in "$@"; do requirements+=(-r "$file"); done
    if [[ ! -x $venv/bin/python ]]; then "$PYTHON" -m venv "$venv" >&2; fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${requirements[@]}" >&2
    echo "$venv/bin/python"
}

main "$@"
