#!/usr/bin/env bash
# Lets Airflow load the DAG, and tries what its tasks decide: emr/airflow/test.sh
#
# Needs Python 3.11 or newer and network to PyPI for the first time; Airflow and what it needs lie in the cache folder.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly PYTHON="${PYTHON:-python3}"

main() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "Python 3.11 or newer is needed; PYTHON names one" >&2; exit 2; }
    local venv
    venv="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/airflow-$(sha256sum requirements.txt | cut -c1-16)"
    if [[ ! -e $venv/ready ]]; then make_venv "$venv"; fi
    # Airflow writes settings and a log; the next run shall not find them.
    home="$(mktemp -d)"
    trap 'rm -rf "$home"' EXIT
    "$venv/bin/mypy" --strict --cache-dir "$venv/mypy" .
    AIRFLOW_HOME="$home" PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m pytest -p no:cacheprovider --rootdir . .
}

make_venv() {
    rm -rf "$1"
    "$PYTHON" -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt
    touch "$1/ready"
}

main
