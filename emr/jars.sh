#!/usr/bin/env bash
# Fetches what Spark needs beside itself, once, and prints the folder of the jars:
# jars="$(emr/jars.sh s3a|iceberg|iceberg-aws|iceberg-rest)"
#
# EMR has its own of all but the last, which is a server for tests.
set -euo pipefail

# As in PySpark of requirements.txt; another Hadoop does not fit.
readonly HADOOP_VERSION=3.4.2
readonly SDK_VERSION=2.29.52
# For the Spark of requirements.txt.
readonly ICEBERG=iceberg-spark-runtime-4.1_2.13
readonly ICEBERG_VERSION=1.12.0
readonly SQLITE_VERSION=3.49.1.0
# The newest of which the registry has the tests' jar, where the server is.
readonly REST_VERSION=1.10.0
readonly JETTY_VERSION=11.0.25
readonly DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1

main() {
    local name=${1:-} jars
    case "$name" in
        s3a) jars="s3a-$HADOOP_VERSION-$SDK_VERSION" ;;
        iceberg) jars="iceberg-$ICEBERG_VERSION-$SQLITE_VERSION" ;;
        iceberg-aws) jars="iceberg-aws-$ICEBERG_VERSION" ;;
        iceberg-rest) jars="iceberg-rest-$REST_VERSION-$JETTY_VERSION" ;;
        *) echo "usage: emr/jars.sh s3a|iceberg|iceberg-aws|iceberg-rest" >&2 && exit 2 ;;
    esac
    jars="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/$jars"
    if [[ ! -d $jars ]]; then fetch "$name" "$jars" >&2; fi
    echo "$jars"
}

# A download that was cut off leaves a folder under another name, which nobody takes for the whole one.
fetch() {
    local name=$1 jars=$2 without partial
    command -v mvn >/dev/null || { echo "Maven is missing: apt-get install maven" >&2; exit 2; }
    mkdir -p "$(dirname "$jars")"
    partial="$(mktemp -d "$jars.partial.XXXXXX")"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$partial'" EXIT
    write_pom "$name" >"$partial/pom.xml"
    # Spark has them.
    without=io.netty,org.slf4j,org.apache.httpcomponents,commons-logging,commons-codec
    if [[ $name == iceberg-rest ]]; then without=""; fi
    mvn --quiet --batch-mode --file "$partial/pom.xml" "$DEPENDENCY_PLUGIN:copy-dependencies" \
        -DincludeScope=runtime -DoutputDirectory="$partial/jars" \
        -DexcludeGroupIds="$without" ||
        { echo "Maven could not fetch the jars: see its message above; check the network or the mirror in ~/.m2/settings.xml" >&2; exit 2; }
    # Somebody else may have been faster: the same jars, so either is right.
    mv -T "$partial/jars" "$jars" 2>/dev/null || [[ -d $jars ]]
}

write_pom() {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo "<groupId>penstock</groupId><artifactId>$1</artifactId><version>1</version><packaging>pom</packaging>"
    echo '<dependencies>'
    "dependencies_of_${1//-/_}"
    echo '</dependencies></project>'
}

# 10 MB to read s3://: Hadoop's S3A, and of the AWS SDK the parts that it uses instead of the bundle of 640 MB.
dependencies_of_s3a() {
    local part
    dependency org.apache.hadoop hadoop-aws "$HADOOP_VERSION" '*'
    for part in s3 s3-transfer-manager sts apache-client netty-nio-client; do
        dependency software.amazon.awssdk "$part" "$SDK_VERSION" commons-logging
    done
}

# 62 MB for Iceberg's tables: its runtime for Spark, and SQLite's driver for a catalogue in a file.
dependencies_of_iceberg() {
    dependency org.apache.iceberg "$ICEBERG" "$ICEBERG_VERSION" '*'
    dependency org.xerial sqlite-jdbc "$SQLITE_VERSION" '*'
}

# 67 MB for tables in Glue.
dependencies_of_iceberg_aws() {
    dependency org.apache.iceberg iceberg-aws-bundle "$ICEBERG_VERSION" '*'
}

# 18 MB for a server of Iceberg's REST protocol, which stands among Iceberg's own tests.
dependencies_of_iceberg_rest() {
    dependency org.apache.iceberg iceberg-core "$REST_VERSION" none
    dependency org.apache.iceberg iceberg-core "$REST_VERSION" '*' tests
    dependency org.eclipse.jetty jetty-servlet "$JETTY_VERSION" none
}

# Without the transitive dependencies of a group; a fifth argument names a jar beside the main one.
dependency() {
    echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version>${5:+<classifier>$5</classifier>}"
    echo "<exclusions><exclusion><groupId>$4</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
}

main "$@"
