#!/usr/bin/env bash
# Fetches what Spark needs beside itself for Iceberg tables, once, and prints the folder of the jars: jars="$(emr/iceberg.sh)"
#
# 62 MB: Iceberg's runtime for Spark, and SQLite's driver for a catalogue in a file. EMR has its own Iceberg.
set -euo pipefail

# For the Spark of requirements.txt.
readonly ICEBERG=org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0
readonly SQLITE=org.xerial:sqlite-jdbc:3.49.1.0
readonly DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly JARS="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/iceberg-${ICEBERG##*:}-${SQLITE##*:}"

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
    mvn --quiet --batch-mode --file "$partial/pom.xml" "$DEPENDENCY_PLUGIN:copy-dependencies" \
        -DincludeScope=runtime -DoutputDirectory="$partial/jars" ||
        { echo "Maven could not fetch the jars: see its message above; check the network or the mirror in ~/.m2/settings.xml" >&2; exit 2; }
    # Somebody else may have been faster: the same jars, so either is right.
    mv -T "$partial/jars" "$JARS" 2>/dev/null || [[ -d $JARS ]]
}

write_pom() {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>penstock</groupId><artifactId>iceberg</artifactId><version>1</version><packaging>pom</packaging>'
    echo '<dependencies>'
    dependency "$ICEBERG"
    dependency "$SQLITE"
    echo '</dependencies></project>'
}

# Without transitive dependencies: Spark has them.
dependency() {
    local group artifact version
    IFS=: read -r group artifact version <<<"$1"
    echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version>"
    echo "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
}

main
