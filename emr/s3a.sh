#!/usr/bin/env bash
# Fetches what Spark needs beside itself to read s3://, once, and prints the folder of the jars: jars="$(emr/s3a.sh)"
#
# 10 MB: Hadoop's S3A, and of the AWS SDK the parts that it uses instead of the bundle of 640 MB. EMR has its own.
set -euo pipefail

# As in PySpark of requirements.txt; another Hadoop does not fit.
readonly HADOOP_VERSION=3.4.2
readonly SDK_VERSION=2.29.52
readonly DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly JARS="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/s3a-$HADOOP_VERSION-$SDK_VERSION"

main() {
    if [[ ! -d $JARS ]]; then fetch >&2; fi
    echo "$JARS"
}

# A download that was cut off leaves a folder under another name, which nobody takes for the whole one.
fetch() {
    command -v mvn >/dev/null || { echo "Maven is missing: apt-get install maven" >&2; exit 2; }
    mkdir -p "$(dirname "$JARS")"
    local partial
    partial="$(mktemp -d "$JARS.partial.XXXXXX")"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$partial'" EXIT
    write_pom >"$partial/pom.xml"
    # Spark has the rest.
    mvn --quiet --batch-mode --file "$partial/pom.xml" "$DEPENDENCY_PLUGIN:copy-dependencies" \
        -DincludeScope=runtime -DoutputDirectory="$partial/jars" \
        -DexcludeGroupIds=io.netty,org.slf4j,org.apache.httpcomponents,commons-logging,commons-codec ||
        { echo "Maven could not fetch the jars: see its message above; check the network or the mirror in ~/.m2/settings.xml" >&2; exit 2; }
    # Somebody else may have been faster: the same jars, so either is right.
    mv -T "$partial/jars" "$JARS" 2>/dev/null || [[ -d $JARS ]]
}

write_pom() {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>penstock</groupId><artifactId>s3a</artifactId><version>1</version><packaging>pom</packaging>'
    echo '<dependencies>'
    dependency org.apache.hadoop hadoop-aws "$HADOOP_VERSION" '*'
    local part
    for part in s3 s3-transfer-manager sts apache-client netty-nio-client; do
        dependency software.amazon.awssdk "$part" "$SDK_VERSION" commons-logging
    done
    echo '</dependencies></project>'
}

# Without the transitive dependencies of a group.
dependency() {
    echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version>"
    echo "<exclusions><exclusion><groupId>$4</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
}

main
