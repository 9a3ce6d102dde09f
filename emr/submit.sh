#!/usr/bin/env bash
# Runs a job on this machine: emr/submit.sh p95|validate --lake URL [OPTION ...]
#
# The lake is a directory or s3://BUCKET/PREFIX; for S3 the usual AWS_* variables count, AWS_ENDPOINT_URL too.
# SPARK_OPTIONS is given to spark-submit, as in SPARK_OPTIONS="--driver-memory 4g".
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

main() {
    local job="${1:-}"
    case "$job" in
    p95 | validate) shift ;;
    *)
        echo "usage: emr/submit.sh p95|validate --lake URL [OPTION ...]; --help lists a job's options" >&2
        exit 2
        ;;
    esac
    local venv options
    venv="$("$here/python.sh")"
    options=(--master "local[*]" --conf spark.log.level=ERROR --conf spark.ui.showConsoleProgress=false)
    if [[ " $* " == *s3://* ]]; then s3_options; fi
    read -ra given <<<"${SPARK_OPTIONS:-}"
    export SPARK_LOCAL_IP="${SPARK_LOCAL_IP:-127.0.0.1}" PYSPARK_PYTHON="$venv/bin/python" PYTHONDONTWRITEBYTECODE=1
    exec "$venv/bin/spark-submit" "${options[@]}" "${given[@]}" "$here/${job}_job.py" "$@"
}

# On the class path of the driver, which is the executor, too: what --jars brings comes too late for the job's own file.
s3_options() {
    local jars
    jars="$("$here/s3a.sh")"
    options+=(--driver-class-path "$jars/*" --conf spark.hadoop.fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem)
    if [[ -n ${AWS_REGION:-${AWS_DEFAULT_REGION:-}} ]]; then
        options+=(--conf "spark.hadoop.fs.s3a.endpoint.region=${AWS_REGION:-$AWS_DEFAULT_REGION}")
    fi
    if [[ -n ${AWS_ENDPOINT_URL:-} ]]; then
        options+=(--conf "spark.hadoop.fs.s3a.endpoint=$AWS_ENDPOINT_URL" --conf spark.hadoop.fs.s3a.path.style.access=true)
    fi
}

main "$@"
