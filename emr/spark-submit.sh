#!/usr/bin/env bash
# spark-submit on this machine, in local mode, with what it needs for s3://: emr/spark-submit.sh ARGUMENTS OF spark-submit
#
# The usual AWS_* variables count, AWS_ENDPOINT_URL too. What is given comes last, so that it counts more.
# What it needs besides Python 3.11, Java 17 and Maven is fetched once.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

main() {
    local venv options
    venv="$("$here/python.sh")"
    options=(--master "local[*]" --conf spark.log.level=ERROR --conf spark.ui.showConsoleProgress=false)
    if [[ " $* " == *s3://* ]]; then s3_options; fi
    export SPARK_LOCAL_IP="${SPARK_LOCAL_IP:-127.0.0.1}" PYSPARK_PYTHON="$venv/bin/python" PYTHONDONTWRITEBYTECODE=1
    exec "$venv/bin/spark-submit" "${options[@]}" "$@"
}

# On the class path of the driver, which is the executor, too: what --jars brings comes too late for the job's own file.
s3_options() {
    local jars
    jars="$("$here/jars.sh" s3a)"
    options+=(--driver-class-path "$jars/*" --conf spark.hadoop.fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem)
    if [[ -n ${AWS_REGION:-${AWS_DEFAULT_REGION:-}} ]]; then
        options+=(--conf "spark.hadoop.fs.s3a.endpoint.region=${AWS_REGION:-$AWS_DEFAULT_REGION}")
    fi
    if [[ -n ${AWS_ENDPOINT_URL:-} ]]; then
        options+=(--conf "spark.hadoop.fs.s3a.endpoint=$AWS_ENDPOINT_URL" --conf spark.hadoop.fs.s3a.path.style.access=true)
    fi
}

main "$@"
