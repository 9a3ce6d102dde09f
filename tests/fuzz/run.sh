#!/usr/bin/env bash
# Fuzzes the parser beside a plain one, guided by coverage, with a stable compiler:
#
#   tests/fuzz/run.sh             at least ten million executions, on two cores
#   tests/fuzz/run.sh minimise    seeds and what was found lately into the kept corpus, as few inputs as cover the same
#
# The targets stand in tests/fuzz/targets. An input that fails is printed and kept; to try it again:
#
#   tests/fuzz/run.sh record FILE
#
# SEED=n repeats a run. What a run finds beyond the corpus stays beside the build, for the next run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly CARGO="${CARGO:-cargo}"
readonly SEED="${SEED:-$RANDOM}"
readonly TARGET_DIR="${CARGO_TARGET_DIR:-target}"
readonly BINARIES="$TARGET_DIR/release"
readonly FOUND="$TARGET_DIR/fuzz/found"
readonly FAILED="$TARGET_DIR/fuzz/failed"
# Many small files, kept as one; unpacked beside the build.
readonly PACKED=tests/fuzz/corpus.tar.gz
readonly CORPUS="$TARGET_DIR/fuzz/corpus"
# How often each target runs: a record costs about ten times what a payload does. The first target has a core of its own.
readonly -A RUNS=([record]=1300000 [nested]=900000 [payload]=8000000)

main() {
    case "${1:-run}" in
        run | minimise) ;;
        *) check_file "$@" ;;
    esac
    build
    rm -rf "$CORPUS"
    mkdir -p "$CORPUS"
    tar -xzf "$PACKED" -C "$CORPUS"
    case "${1:-run}" in
        run) run_all ;;
        minimise) minimise ;;
        *) run_file "$1" "$2" ;;
    esac
}

build() {
    RUSTC_WORKSPACE_WRAPPER="$PWD/tests/fuzz/instrument.sh" \
        "$CARGO" build --locked --release --package penstock-fuzz --features libfuzzer --bins
}

run_all() {
    local logs one=0 two=0
    logs="$(mktemp -d "${TMPDIR:-/tmp}/penstock-fuzz.XXXXXX")"
    echo "fuzz: seed $SEED"
    run_target record >"$logs/record" 2>&1 &
    one=$!
    { run_target nested >"$logs/nested" 2>&1 && run_target payload >"$logs/payload" 2>&1; } &
    two=$!
    wait "$one" && one=0 || one=$?
    wait "$two" && two=0 || two=$?
    report "$logs" $((one + two))
    rm -rf "$logs"
    ((one + two == 0))
}

run_target() {
    local target=$1
    mkdir -p "$FOUND/$target" "$FAILED"
    "$BINARIES/$target" -runs="${RUNS[$target]}" -seed="$SEED" -max_len=1500 -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -verbosity=1 -artifact_prefix="$FAILED/$target-" "$FOUND/$target" "$CORPUS/$target"
}

# How many executions there were, and of a target that failed the end of what it said.
report() {
    local logs=$1 failed=$2 target runs total=0
    for target in "$logs"/*; do
        runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$target")"
        echo "fuzz: ${target##*/}: ${runs:-unfinished}; $(grep -cw 'NEW' "$target" || true) inputs found new ways"
        if [[ -z $runs ]] || grep -q 'ERROR: libFuzzer' "$target"; then tail -n 60 "$target"; fi
        total=$((total + ${runs:-0}))
    done
    if ((failed == 0)); then
        echo "test result: ok. ${#RUNS[@]} passed; 0 failed; fuzz targets"
    else
        echo "fuzz: failed; the inputs are in $FAILED. Once the fault is mended, make each a case of the corpus in tests/fuzz/src/corpus"
    fi
    echo "fuzz: $total executions"
}

check_file() {
    if [[ $# != 2 || -z ${RUNS[$1]:-} || ! -f $2 ]]; then
        echo "expected nothing, 'minimise', or one of ${!RUNS[*]} with the file of an input, got: $*" >&2
        exit 2
    fi
}

run_file() {
    "$BINARIES/$1" "$2"
}

minimise() {
    local target seeds
    seeds="$(mktemp -d "${TMPDIR:-/tmp}/penstock-seeds.XXXXXX")"
    "$CARGO" run --locked --release --package penstock-fuzz --example seeds -- "$seeds"
    for target in "${!RUNS[@]}"; do
        mkdir -p "$FOUND/$target" "$seeds/kept/$target"
        "$BINARIES/$target" -merge=1 -max_len=1500 "$seeds/kept/$target" "$CORPUS/$target" "$seeds/$target" "$FOUND/$target" 2>/dev/null
        echo "fuzz: $target: $(find "$seeds/kept/$target" -type f | wc -l) inputs"
    done
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - -C "$seeds/kept" . | gzip -9n >"$PACKED"
    rm -rf "$seeds"
}

main "$@"
