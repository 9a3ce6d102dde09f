#!/usr/bin/env bash
# Makes a Python with Spark, once for each set of versions, and prints its folder: venv="$(emr/python.sh)"
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly PYTHON="${PYTHON:-python3}"

main() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "Python 3.11 or newer is needed; PYTHON names one" >&2; exit 2; }
    command -v java >/dev/null || { echo "Spark needs Java 17: apt-get install default-jre-headless" >&2; exit 2; }
    local venv
    venv="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/python-$(sha256sum requirements.txt | cut -c1-16)"
    if [[ ! -e $venv/ready ]]; then make_venv "$venv" >&2; fi
    echo "$venv"
}

make_venv() {
    rm -rf "$1"
    "$PYTHON" -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt
    touch "$1/ready"
}

main
