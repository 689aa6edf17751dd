#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs every benchmark of tests/bench and prints one table. A benchmark is a program bench_* (built)
# or a script bench_*.{py,sh}; it prints lines `name value unit`, and `# …` for remarks. A script
# that cannot run here (no root, no LXC) exits 77 and is named as left out.
# --write also puts the table between the README's figure marks.
set -euo pipefail
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$src/build}
export top_srcdir=$src top_builddir=$build
write=
[ "${1:-}" != --write ] || write=1

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
ran=0

run_one() {
    local name=$1 rc=0

    shift
    "$@" >"$out/lines" 2>"$out/err" </dev/null || rc=$?
    case $rc in
    0) ran=$((ran + 1)) ;;
    77)
        printf '%-52s %14s\n' "$name" "left out" | tee -a "$out/table"
        sed 's/^/    /' "$out/err" | head -n 3
        return 0
        ;;
    *)
        printf '%-52s %14s\n' "$name" "FAILED ($rc)"
        tail -n 5 "$out/err" | sed 's/^/    /'
        status=1
        return 0
        ;;
    esac
    while read -r figure value unit; do
        case $figure in
        '' | '#'*) continue ;;
        esac
        printf '%-52s %14s %s\n' "$figure" "$value" "$unit"
    done <"$out/lines" | tee -a "$out/table"
}

printf '%-52s %14s %s\n' figure value unit
for program in "$build"/tests/bench/bench_*; do
    name=$(basename "$program")
    # bench_empty is what others compare with, not a benchmark.
    if [ -f "$program" ] && [ -x "$program" ] && [ "$name" != bench_empty ] &&
        [[ $name != *.* ]]; then
        run_one "$name" "$program"
    fi
done
for script in "$src"/tests/bench/bench_*.py "$src"/tests/bench/bench_*.sh; do
    [ -f "$script" ] || continue
    case $script in
    *.py) run_one "$(basename "$script")" python3 "$script" ;;
    *.sh) run_one "$(basename "$script")" bash "$script" ;;
    esac
done
if [ $ran -eq 0 ]; then
    echo "no benchmark ran" >&2
    exit 1
fi

if [ -n "$write" ] && [ $status -eq 0 ]; then
    {
        printf '%s, %s processors, %s; `make bench`:\n\n' \
            "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
            "$(. /etc/os-release && echo "$PRETTY_NAME")"
        echo '| figure | value |'
        echo '|---|---|'
        awk '$2 != "left" {printf "| %s | %s %s |\n", $1, $2, $3}' "$out/table"
    } >"$out/block"
    awk -v block="$out/block" '
        /<!-- figures:/ {print; while ((getline line < block) > 0) print line; skip = 1}
        /<!-- end of figures/ {skip = 0}
        !skip && !/<!-- figures:/ {print}' "$src/README.md" >"$out/readme"
    cp "$out/readme" "$src/README.md"
fi
exit $status
