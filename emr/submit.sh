#!/usr/bin/env bash
# Runs a job on this machine: emr/submit.sh p95|validate|compact --lake URL [OPTION ...]
#
# The lake is a directory or s3://BUCKET/PREFIX; for S3 the usual AWS_* variables count, AWS_ENDPOINT_URL too.
# SPARK_OPTIONS is given to spark-submit, as in SPARK_OPTIONS="--driver-memory 4g".
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

main() {
    local job="${1:-}"
    case "$job" in
    p95 | validate | compact) shift ;;
    *)
        echo "usage: emr/submit.sh p95|validate|compact --lake URL [OPTION ...]; --help lists a job's options" >&2
        exit 2
        ;;
    esac
    read -ra given <<<"${SPARK_OPTIONS:-}"
    if [[ $job == compact ]]; then given=(--driver-class-path "$(iceberg_classes "$*")" "${given[@]}"); fi
    exec "$here/spark-submit.sh" "${given[@]}" "$here/${job}_job.py" "$@"
}

# It takes the place of the class path that spark-submit.sh gives, so what that would have for S3 is in it.
iceberg_classes() {
    local classes
    classes="$("$here/jars.sh" iceberg)/*"
    # With Glue it is Iceberg that reads S3, by a newer SDK, and Hadoop's must not be beside it.
    if [[ " $1 " == *" glue "* ]]; then
        classes+=":$("$here/jars.sh" iceberg-aws)/*"
    elif [[ " $1 " == *s3://* ]]; then
        classes+=":$("$here/jars.sh" s3a)/*"
    fi
    echo "$classes"
}

main "$@"
