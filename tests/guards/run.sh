#!/usr/bin/env bash
# Takes one guard after the other out of a copy of the product and says which test notices.
#
#   tests/guards/run.sh [PATTERN]      only the patches whose names contain PATTERN
#
# Each NN-name.patch beside this script removes one guard. Its header says which (`guard:`), what would go wrong
# (`without:`), and which tests should notice (`caught-by:`, arguments of `cargo test`). Those are tried first, then
# all suites; the first test that fails has caught it. With `simulation: yes` the simulation is tried as well,
# and the report says whether it finds the bug by itself.
# A guard that nothing catches fails the run, and so does a patch that no longer applies or compiles.
#
# The copy is a clone of what is committed, with a target folder of its own; both stay for the next run.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly ROOT
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/guards"
readonly COPY="$CACHE/tree"
readonly LOG="$CACHE/log"
readonly REPORT="${CARGO_TARGET_DIR:-$ROOT/target}/guards"

export CARGO_TARGET_DIR="$CACHE/target"
export CARGO_TERM_COLOR=never
# A test that fails is enough: it need not find its smallest case, nor keep it.
export PROPTEST_MAX_SHRINK_ITERS=0 INSTA_UPDATE=no

# In the order of what they cost.
readonly SUITES=(
    "-p penstock-core --lib"
    "-p penstock-lake"
    "-p penstock-ingest --lib"
    "-p penstock-trigger"
    "-p penstock --test operator"
    "-p penstock-tests --test protocol"
    "-p penstock-tests --test matrix"
    "-p penstock-tests --test simulation"
)
readonly SIMULATION="${SUITES[-1]}"
# Longer than any suite takes: a guard may be all that ends a loop.
readonly PATIENCE_SECS=600

main() {
    local pattern=${1:-} patch failed=0 tried=0
    prepare_copy
    check_unchanged
    mkdir -p "$(dirname "$REPORT")"
    printf 'guard\tcaught by\tbuild, s\ttest, s\tsimulation\n' >"$REPORT.tsv"
    for patch in "$ROOT"/tests/guards/*"$pattern"*.patch; do
        [[ -e $patch ]] || die "no patch is named like '$pattern'"
        tried=$((tried + 1))
        try "$patch" || failed=$((failed + 1))
    done
    write_markdown
    echo "$tried guards tried, $failed of them not caught: $REPORT.md"
    ((failed == 0))
}

# The copy stands where the repository's HEAD does.
prepare_copy() {
    mkdir -p "$CACHE"
    [[ -d $COPY/.git ]] || git clone --quiet --shared --no-checkout "$ROOT" "$COPY"
    git -C "$COPY" fetch --quiet "$ROOT" HEAD
    git -C "$COPY" checkout --quiet --force --detach FETCH_HEAD
    git -C "$COPY" clean --quiet --force -d
}

# A test that fails anyway catches nothing.
check_unchanged() {
    local commit suite
    commit="$(git -C "$COPY" rev-parse HEAD)"
    if [[ $(cat "$CACHE/passed" 2>/dev/null) == "$commit" ]]; then return; fi
    for suite in "${SUITES[@]}"; do
        echo "without any patch: cargo test $suite"
        build "$suite" || die "the tree does not compile: see $LOG"
        run "$suite" || die "$(catcher) fails without any patch: see $LOG"
    done
    echo "$commit" >"$CACHE/passed"
}

# Tries one patch and reports it; fails if nothing catches it.
try() {
    local patch=$1 name caught building testing simulated=-
    name="$(basename "$patch" .patch)"
    git -C "$COPY" apply "$patch" || die "$name no longer applies: make it anew (see CONTRIBUTING.md)"
    caught="$(first_to_fail "$patch")" || { restore; die "$name does not compile: see $LOG"; }
    read -r building testing <"$CACHE/times"
    if grep -q '^simulation: yes$' "$patch" && [[ $caught != nothing ]]; then simulated="$(simulate)"; fi
    restore
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$caught" "$building" "$testing" "$simulated" | tee -a "$REPORT.tsv"
    [[ $caught != nothing ]]
}

# The first test that fails with the patch applied, or `nothing`; the times go to a file.
first_to_fail() {
    local patch=$1 suite building=0 testing=0 began
    local suites=()
    mapfile -t suites < <(sed -n 's/^caught-by: //p' "$patch")
    for suite in "${suites[@]}" "${SUITES[@]}"; do
        began=$SECONDS
        build "$suite" || return 1
        building=$((building + SECONDS - began))
        began=$SECONDS
        if run "$suite"; then
            testing=$((testing + SECONDS - began))
            continue
        fi
        testing=$((testing + SECONDS - began))
        echo "$building $testing" >"$CACHE/times"
        catcher
        return
    done
    echo "$building $testing" >"$CACHE/times"
    echo nothing
}

# What the simulation says of the patch, and after how many seconds.
simulate() {
    local began
    build "$SIMULATION" || die "the simulation does not compile: see $LOG"
    began=$SECONDS
    if run "$SIMULATION"; then echo "nothing found"; else echo "$(catcher), $((SECONDS - began)) s"; fi
}

# Arguments of cargo are words.
# shellcheck disable=SC2086
build() {
    (cd "$COPY" && cargo test --locked --quiet --no-run $1) >"$LOG" 2>&1
}

# shellcheck disable=SC2086
run() {
    (cd "$COPY" && timeout "$PATIENCE_SECS" cargo test --locked $1) >"$LOG" 2>&1
}

# The first test that the last run says failed.
catcher() {
    local test
    test="$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$LOG" | head -n 1)"
    echo "${test:-a test that did not come to its end}"
}

restore() {
    git -C "$COPY" checkout --quiet --force -- .
    git -C "$COPY" clean --quiet --force -d
}

write_markdown() {
    {
        awk -F '\t' 'NR == 1 { print "| " $1 " | " $2 " | " $3 " | " $4 " | " $5 " |"; print "|---|---|---|---|---|" }
            NR > 1 { print "| " $1 " | `" $2 "` | " $3 " | " $4 " | " $5 " |" }' "$REPORT.tsv"
    } >"$REPORT.md"
}

die() {
    echo "$*" >&2
    exit 1
}

main "$@"
