# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What .ci/run and .ci/nightly share: steps that go on after a failure, their times and counts.
# A step is a function; its output goes to a log and is shown only when it fails.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
OUT=${CI_OUT:-$ROOT/build-ci}
JOBS=$(nproc)
passed=0
failed=0
summary=()

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

with_ccache() {
    if command -v ccache >/dev/null; then
        printf 'ccache %s' "$1"
    else
        printf '%s' "$1"
    fi
}

# Sums what automake's test harness says, over all test-suite logs of a build directory.
# Sets n_pass n_fail n_skip, and n_known: promises known not to be kept (TODO), which are neither.
count_tests() {
    local trs

    n_pass=0 n_fail=0 n_skip=0 n_known=0
    while read -r trs; do
        n_pass=$((n_pass + $(grep -c '^:test-result: PASS' "$trs" || true)))
        n_fail=$((n_fail + $(grep -c '^:test-result: \(FAIL\|ERROR\|XPASS\)' "$trs" || true)))
        n_known=$((n_known + $(grep -c '^:test-result: XFAIL' "$trs" || true)))
        n_skip=$((n_skip + $(grep -c '^:test-result: SKIP' "$trs" || true)))
    done < <(find "$1" -name '*.trs' | sort)
}

# step NAME FUNCTION: one thing that passes or fails.
step() {
    local name=$1 log=$OUT/logs/$1.log start=$SECONDS rc=0

    shift
    (
        set -euo pipefail
        "$@"
    ) </dev/null >"$log" 2>&1 || rc=$?
    if [ $rc -eq 0 ]; then
        passed=$((passed + 1))
        printf 'ok      %-22s %4d s\n' "$name" $((SECONDS - start))
    else
        failed=$((failed + 1))
        printf 'FAILED  %-22s %4d s  (exit status %d)\n' "$name" $((SECONDS - start)) $rc
        tail -n "${CI_TAIL:-60}" "$log" | sed 's/^/    | /'
    fi
    summary+=("$(printf '%-22s %4d s  %s' "$name" $((SECONDS - start)) \
        "$([ $rc -eq 0 ] && echo ok || echo FAILED)")")
    return 0
}

# test_step NAME DIR FUNCTION: the same, each test counted. With must_run=1 a skip is a failure.
test_step() {
    local name=$1 dir=$2 log=$OUT/logs/$1.log start=$SECONDS rc=0 note=

    shift 2
    rm -rf "$dir"
    (
        set -euo pipefail
        "$@"
    ) </dev/null >"$log" 2>&1 || rc=$?
    count_tests "$dir"
    if [ -n "${must_run:-}" ] && [ $n_skip -gt 0 ]; then
        note=" (a skip is a failure here)"
        n_fail=$((n_fail + n_skip))
    fi
    if [ $rc -ne 0 ] && [ $n_fail -eq 0 ]; then
        n_fail=1 # it did not get as far as the tests
    fi
    if [ $rc -eq 0 ] && [ $n_pass -eq 0 ]; then
        n_fail=$((n_fail + 1)) # no test ran: that is no success
    fi
    passed=$((passed + n_pass))
    failed=$((failed + n_fail))
    printf '%-7s %-22s %4d s  %d passed, %d failed, %d skipped, %d known%s\n' \
        "$([ $n_fail -eq 0 ] && echo ok || echo FAILED)" "$name" $((SECONDS - start)) \
        "$n_pass" "$n_fail" "$n_skip" "$n_known" "$note"
    if [ $n_fail -ne 0 ]; then
        find "$dir" -name '*.trs' -print0 | xargs -0r grep -lE \
            "^:test-result: (FAIL|ERROR|XPASS${must_run:+|SKIP})" | sort | while read -r trs; do
            printf '    == %s\n' "${trs#"$dir"/}"
            tail -n 40 "${trs%.trs}.log" | sed 's/^/    | /'
        done
        [ $rc -eq 0 ] || tail -n "${CI_TAIL:-60}" "$log" | sed 's/^/    | /'
    fi
    summary+=("$(printf '%-22s %4d s  %d passed, %d failed, %d skipped, %d known' \
        "$name" $((SECONDS - start)) "$n_pass" "$n_fail" "$n_skip" "$n_known")")
    return 0
}

# tap_step NAME FUNCTION: a TAP script outside the build's harness, each line counted; a skip and a
# script that ends early are failures.
tap_step() {
    local name=$1 log=$OUT/logs/$1.log start=$SECONDS rc=0 n_pass n_fail plan

    shift
    (
        set -euo pipefail
        "$@"
    ) </dev/null >"$log" 2>&1 || rc=$?
    n_pass=$(grep -c '^ok [0-9]* - ' "$log" || true)
    n_fail=$(grep -c '^not ok ' "$log" || true)
    plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log")
    if [ $n_fail -eq 0 ] && { [ $rc -ne 0 ] || [ "${plan:-0}" -ne "$n_pass" ] ||
        [ "$n_pass" -eq 0 ]; }; then
        n_fail=1
    fi
    passed=$((passed + n_pass))
    failed=$((failed + n_fail))
    printf '%-7s %-22s %4d s  %d passed, %d failed\n' "$([ $n_fail -eq 0 ] && echo ok || echo FAILED)" \
        "$name" $((SECONDS - start)) "$n_pass" "$n_fail"
    if [ $n_fail -ne 0 ]; then
        grep -v '^ok ' "$log" | tail -n "${CI_TAIL:-60}" | sed 's/^/    | /'
    fi
    summary+=("$(printf '%-22s %4d s  %d passed, %d failed' "$name" $((SECONDS - start)) "$n_pass" \
        "$n_fail")")
    return 0
}

finish() {
    echo
    printf '%s\n' "${summary[@]}" "$(printf '%-22s %4d s' total $SECONDS)"
    echo
    printf '%d passed, %d failed\n' $passed $failed
    [ $failed -eq 0 ]
}

# A configured build directory with the compiler and options given.
configured() {
    local dir=$1 cc=$2

    shift 2
    mkdir -p "$dir"
    (cd "$dir" && CC="$(with_ccache "$cc")" "$ROOT/configure" -q --enable-werror "$@")
}
