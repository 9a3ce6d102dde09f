#!/usr/bin/env bash
# Prints the path of telegraf: telegraf="$(dashboards/telegraf.sh)"
#
# The one on the PATH, or one that is built from its Go module, once, with none of its hundreds of plugins but the two of
# telegraf.conf.
set -euo pipefail

readonly VERSION=v1.37.2
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/telegraf-$VERSION"

main() {
    if command -v telegraf; then return; fi
    if [[ ! -x $CACHE/telegraf ]]; then build >&2; fi
    echo "$CACHE/telegraf"
}

build() {
    command -v go >/dev/null || fail "telegraf is missing, and so is Go to build it: https://go.dev/dl, or put telegraf on the PATH"
    echo "dashboards: building telegraf $VERSION (some minutes, once)"
    # It gets its name when it is whole.
    GOBIN="$CACHE" go install -tags custom,inputs.statsd,outputs.prometheus_client "github.com/influxdata/telegraf/cmd/telegraf@$VERSION" ||
        fail "Go could not build telegraf: see its message above; check the network or the proxy in GOPROXY"
}

fail() {
    echo "dashboards: $*" >&2
    exit 1
}

main
