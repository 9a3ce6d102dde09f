#!/usr/bin/env bash
# Reads the Iceberg tables with pyiceberg, DuckDB, Spark and Trino, compacts them, and keeps them in a REST catalogue and
# in moto's Glue as well: emr/iceberg/test.sh [PYTEST ARGUMENT ...]
#
# Needs what emr/test.sh needs. BINARIES names a folder with penstock and penstock-tables; without it they are built,
# and Iceberg compiles for a quarter of an hour once.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly REPOSITORY="$PWD/../.."

main() {
    local venv spark
    spark="$(../python.sh)"
    venv="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/iceberg-python-$(cat ../requirements.txt requirements.txt | sha256sum | cut -c1-16)"
    if [[ ! -e $venv/ready ]]; then make_venv "$venv" "$spark"; fi
    if [[ -z ${BINARIES:-} ]]; then build; fi
    MYPYPATH="$PWD/..:$PWD/../tests" "$venv/bin/python" -m mypy --config-file ../pyproject.toml --cache-dir "$venv/mypy" .
    BINARIES="$(cd "$BINARIES" && pwd)"
    ICEBERG_JARS="$(../jars.sh iceberg)"
    AWS_JARS="$(../jars.sh iceberg-aws)"
    REST_JARS="$(../jars.sh iceberg-rest)"
    TRINO="$(./trino.sh)"
    export BINARIES ICEBERG_JARS AWS_JARS REST_JARS TRINO PYTHONPATH="$PWD/..:$PWD/../tests" SPARK_LOCAL_IP=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
    "$venv/bin/python" -m pytest -p no:cacheprovider --rootdir . "$@" .
}

# The packages of Spark's Python, which are large, are seen from here, and these come first.
make_venv() {
    rm -rf "$1"
    "${PYTHON:-python3}" -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt
    "$1/bin/python" - "$2" <<'PYTHON'
import sys
import sysconfig
from pathlib import Path

own = Path(sysconfig.get_path("purelib"))
spark = Path(sys.argv[1]) / own.relative_to(sys.prefix)
(own / "spark.pth").write_text(f"{spark}\n")
PYTHON
    touch "$1/ready"
}

build() {
    (cd "$REPOSITORY" && "${CARGO:-cargo}" build --locked -p penstock)
    (cd "$REPOSITORY" && "${CARGO:-cargo}" build --locked -p penstock-tables --features glue)
    BINARIES="${CARGO_TARGET_DIR:-$REPOSITORY/target}/debug"
}

main "$@"
