#!/usr/bin/env bash
# The live page in a real Chromium, on lakes of its own: tests/page/run.sh FOLDER-WITH-BINARIES PICTURES
#
# Needs Node 20 or newer, Chromium or Chrome, and network to npm for the first time; CHROMIUM names another browser.
# What it installs lies in the cache folder and is made once for each set of versions. Pictures of the page go to
# the folder PICTURES.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/page"
binaries="${1:?which folder the binaries are in}"
pictures="${2:?where to put the pictures}"

main() {
    browser="${CHROMIUM:-$(find_browser)}"
    install
    mkdir -p "$pictures"
    PENSTOCK="$binaries/penstock" CHROMIUM="$browser" PICTURES="$pictures" MODULES="$node/node_modules" \
        node --test --test-reporter=spec page.test.mjs
}

find_browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name"; then return; fi
    done
    echo "no browser: install Chromium (Debian: apt-get install chromium), or name one by CHROMIUM" >&2
    exit 2
}

install() {
    node="$CACHE/node-$(sha256sum node/package-lock.json | cut -c1-16)"
    if [[ -e "$node/ready" ]]; then return; fi
    rm -rf "$node"
    mkdir -p "$node"
    cp node/* "$node"
    npm ci --prefix "$node" --silent --no-audit --no-fund --ignore-scripts
    touch "$node/ready"
}

main
