#!/usr/bin/env bash
# Makes what EMR needs in a folder: emr/package.sh FOLDER
#
# The three entries, and penstock_spark.zip for --py-files, with emr/p95.sql in it. Equal sources give equal bytes, so
# that an artifact can be named by its content.
set -euo pipefail

main() {
    if (($# != 1)); then
        echo "usage: emr/package.sh FOLDER" >&2
        exit 2
    fi
    mkdir -p "$1"
    local folder
    folder="$(cd "$1" && pwd)"
    cd "$(dirname "${BASH_SOURCE[0]}")"
    cp p95_job.py validate_job.py compact_job.py "$folder"
    "${PYTHON:-python3}" - "$folder/penstock_spark.zip" p95.sql penstock_spark/*.py <<'PYTHON'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(sys.argv[2:]):
        # Without the time of the file: the earliest that the format has.
        entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        with open(path, "rb") as file:
            archive.writestr(entry, file.read(), zipfile.ZIP_DEFLATED)
PYTHON
}

main "$@"
