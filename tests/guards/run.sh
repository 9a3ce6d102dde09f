#!/usr/bin/env bash
# Takes one guard after the other out of a copy of the product and says which test notices.
#
#   tests/guards/run.sh [NAME...]      only the patches whose names contain one of these, in this order
#
# Each NN-name.patch beside this script removes one guard. Its header says which (`guard:`), what would go wrong
# (`without:`), and which tests should notice (`caught-by:`, arguments of `cargo test`). Those are tried first, then
# the suites below; the first that fails has caught it. With `simulation: yes` the simulation is tried as well,
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
# What the last try of each patch came to: a file each, so that a run of some keeps what is known of the others.
readonly FOUND="$CACHE/found"
# The arguments of `cargo test` that pass without any patch; the first line is the commit.
readonly PASSED="$CACHE/passed"
readonly REPORT="${CARGO_TARGET_DIR:-$ROOT/target}/guards.md"

export CARGO_TARGET_DIR="$CACHE/target"
export CARGO_TERM_COLOR=never
# A patch is compiled far more often than its tests run, and nobody debugs it.
export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=false
# A test that fails is enough: it need not find its smallest case, nor keep it.
export PROPTEST_MAX_SHRINK_ITERS=0 INSTA_UPDATE=no

# Where no package is named all are meant: they share dependencies, which are compiled once.
readonly WORKSPACE="--workspace --exclude penstock-sql"
# In the order of what they cost.
readonly SUITES=(
    "-p penstock-core --lib"
    "-p penstock-lake --lib"
    "-p penstock-ingest --lib"
    "-p penstock-trigger --lib"
    "--test conformance --test s3"
    "--test serve --test provisioned"
    "--test mock"
    "--test operator"
    "--test protocol"
    "--test matrix"
    "--test simulation"
)
readonly SIMULATION="${SUITES[-1]}"
# Longer than any suite takes: a guard may be all that ends a loop.
readonly PATIENCE_SECS=600

main() {
    local patches=() patch failed=0
    mapfile -t patches < <(chosen "$@")
    ((${#patches[@]} > 0)) || die "no patch is named like that: $*"
    prepare_copy
    check_unchanged "${patches[@]}"
    for patch in "${patches[@]}"; do
        try "$patch" || failed=$((failed + 1))
    done
    mkdir -p "$(dirname "$REPORT")"
    report >"$REPORT"
    echo "${#patches[@]} guards tried, $failed of them not caught: $REPORT"
    ((failed == 0))
}

# The patches whose names contain one of the arguments; all of them without any.
chosen() {
    local name
    for name in "${@:-}"; do
        compgen -G "$ROOT/tests/guards/*$name*.patch" || true
    done
}

# The copy stands where the repository's HEAD does.
prepare_copy() {
    mkdir -p "$FOUND"
    [[ -d $COPY/.git ]] || git clone --quiet --shared --no-checkout "$ROOT" "$COPY"
    git -C "$COPY" fetch --quiet "$ROOT" HEAD
    git -C "$COPY" checkout --quiet --force --detach FETCH_HEAD
    git -C "$COPY" clean --quiet --force -d
    if [[ $(head -n 1 "$PASSED" 2>/dev/null) != $(git -C "$COPY" rev-parse HEAD) ]]; then
        git -C "$COPY" rev-parse HEAD >"$PASSED"
    fi
}

# The tests that should notice pass without any patch: a test that fails anyway catches nothing.
check_unchanged() {
    local suite suites=()
    mapfile -t suites < <(sed -n 's/^caught-by: //p' "$@" | sort -u)
    if grep -q '^simulation: yes$' "$@"; then suites+=("$SIMULATION"); fi
    for suite in "${suites[@]}"; do passes_unchanged "$suite"; done
}

passes_unchanged() {
    local suite=$1
    if grep -qxF -- "$suite" "$PASSED"; then return; fi
    echo "without any patch: cargo test $suite"
    build "$suite" || die "the tree does not compile: see $LOG"
    run "$suite" || die "$(catcher) fails without any patch: see $LOG"
    grep -q '^test .* ok$' "$LOG" || die "no test is meant by: cargo test $suite"
    echo "$suite" >>"$PASSED"
}

# Tries one patch and reports it; fails if nothing catches it.
try() {
    local patch=$1 name caught='' suite='' building=0 testing=0 simulated=-
    name="$(basename "$patch" .patch)"
    if git -C "$COPY" apply "$patch" 2>"$LOG"; then
        first_to_fail "$patch"
        if [[ $caught ]] && grep -q '^simulation: yes$' "$patch"; then simulate; fi
    else
        echo "$name no longer applies: make it anew (see CONTRIBUTING.md)"
    fi
    restore
    if [[ $caught ]]; then passes_unchanged "$suite"; fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "${caught:-nothing}" "$building" "$testing" "$simulated" | tee "$FOUND/$name"
    [[ $caught ]]
}

# Runs tests until one fails, which has caught the bug; sets what try() reports.
first_to_fail() {
    local patch=$1 began status
    local suites=()
    mapfile -t suites < <(sed -n 's/^caught-by: //p' "$patch")
    for suite in "${suites[@]}" "${SUITES[@]}"; do
        began=$SECONDS
        build "$suite" || { echo "$(basename "$patch") does not compile: see $LOG"; return; }
        building=$((building + SECONDS - began))
        began=$SECONDS status=0
        run "$suite" || status=$?
        testing=$((testing + SECONDS - began))
        if ((status != 0)); then
            caught="$(catcher)"
            return
        fi
    done
}

# What the simulation says of the patch, and after how many seconds.
simulate() {
    local began
    build "$SIMULATION" || die "the simulation does not compile: see $LOG"
    began=$SECONDS
    if run "$SIMULATION"; then simulated="nothing found"; else simulated="$(catcher), $((SECONDS - began)) s"; fi
}

build() {
    in_copy "$1" cargo test --locked --quiet --no-run
}

run() {
    in_copy "$1" timeout "$PATIENCE_SECS" cargo test --locked
}

# Arguments of cargo are words.
# shellcheck disable=SC2086
in_copy() {
    local suite=$1
    shift
    if [[ $suite != -p* ]]; then suite="$WORKSPACE $suite"; fi
    (cd "$COPY" && "$@" $suite) >"$LOG" 2>&1
}

# The test that the last run says failed; of several the first by name, so that every run names the same.
catcher() {
    local test
    test="$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$LOG" | sort | head -n 1)"
    echo "${test:-a test that did not come to its end}"
}

restore() {
    git -C "$COPY" checkout --quiet --force -- .
    git -C "$COPY" clean --quiet --force -d
}

# What is known of the patches that are there.
report() {
    local patch
    echo '| guard | caught by | build, s | test, s | simulation |'
    echo '|---|---|---|---|---|'
    for patch in "$ROOT"/tests/guards/*.patch; do
        cat "$FOUND/$(basename "$patch" .patch)" 2>/dev/null || true
    done | awk -F '\t' '{ print "| " $1 " | `" $2 "` | " $3 " | " $4 " | " $5 " |" }'
}

die() {
    echo "$*" >&2
    exit 1
}

main "$@"
