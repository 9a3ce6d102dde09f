#!/usr/bin/env bash
# Calls the compiler for our own crates, so that the fuzz targets see which way their inputs take through them.
# Cargo runs it as RUSTC_WORKSPACE_WRAPPER: libraries of others are compiled as ever, and only once.
#
# The passes belong to LLVM and work with a stable compiler; only the sanitizers themselves need a nightly one.
# Overflows and failed assertions end a target.
set -euo pipefail

exec "$@" \
    -C passes=sancov-module \
    -C llvm-args=-sanitizer-coverage-level=4 \
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table \
    -C llvm-args=-sanitizer-coverage-trace-compares \
    -C overflow-checks=yes \
    -C debug-assertions=yes
