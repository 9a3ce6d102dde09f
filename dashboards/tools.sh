#!/usr/bin/env bash
# Prints the folder that holds prometheus and promtool: tools="$(dashboards/tools.sh)"
#
# Those on the PATH, or Debian's, unpacked below the cache: nothing is installed, and no service is started.
set -euo pipefail

readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/prometheus"

main() {
    if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
        dirname "$(command -v prometheus)"
        return
    fi
    if [[ ! -x $CACHE/usr/bin/prometheus ]]; then unpack >&2; fi
    echo "$CACHE/usr/bin"
}

# A download that was cut off leaves a folder under another name.
unpack() {
    command -v apt-get >/dev/null || fail "prometheus and promtool are missing: https://prometheus.io/download has both; put them on the PATH"
    mkdir -p "$(dirname "$CACHE")"
    partial="$(mktemp -d "$CACHE.partial.XXXXXX")"
    trap 'rm -rf "$partial"' EXIT
    # The user of the cache may not be the one that apt downloads as.
    (cd "$partial" && apt-get download --quiet -o APT::Sandbox::User="$(id -un)" prometheus) ||
        fail "Debian's package prometheus could not be fetched: apt-get update, or put prometheus and promtool on the PATH"
    dpkg-deb --extract "$partial"/prometheus_*.deb "$partial/unpacked"
    mv -T "$partial/unpacked" "$CACHE" 2>/dev/null || [[ -x $CACHE/usr/bin/prometheus ]] || fail "$CACHE is in the way: remove it"
}

fail() {
    echo "dashboards: $*" >&2
    exit 1
}

main
