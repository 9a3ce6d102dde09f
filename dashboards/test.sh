#!/usr/bin/env bash
# The dashboards beside a real Prometheus: dashboards/test.sh BINARIES [ARGUMENT OF PYTEST ...]
#
# BINARIES is a folder with penstock. promtool looks at the rules and runs their tests; then a pipeline with good, bad,
# late, repeated and failing events is scraped, and every query of every panel must have an answer.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly PYTHON="${PYTHON:-python3}"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock"

main() {
    [[ -x ${1:-}/penstock ]] || { echo "usage: dashboards/test.sh BINARIES, a folder with penstock" >&2; exit 2; }
    BINARIES="$(cd "$1" && pwd)"
    TOOLS="$(./tools.sh)"
    export BINARIES TOOLS
    shift
    "$TOOLS/promtool" check config prometheus/prometheus.yaml
    "$TOOLS/promtool" check rules prometheus/alerts.yaml
    "$TOOLS/promtool" test rules prometheus/alerts_test.yaml
    local venv
    venv="$(make_python)"
    cd tests
    # Nothing is written beside the sources.
    export PYTHONDONTWRITEBYTECODE=1 MYPY_CACHE_DIR="$CACHE/mypy" RUFF_NO_CACHE=true
    "$venv/bin/ruff" check .
    "$venv/bin/ruff" format --check .
    "$venv/bin/mypy" .
    "$venv/bin/python" -m pytest -p no:cacheprovider --exitfirst "$@"
}

# Prints its folder, whose name holds a hash of the versions: other versions go to another folder.
make_python() {
    local venv
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "Python 3.11 or newer is needed; PYTHON names one" >&2; exit 2; }
    venv="$CACHE/dashboards-$(sha256sum <tests/requirements.txt | cut -c1-16)"
    if [[ ! -e $venv/ready ]]; then
        rm -rf "$venv"
        "$PYTHON" -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement tests/requirements.txt >&2
        touch "$venv/ready"
    fi
    echo "$venv"
}

main "$@"
