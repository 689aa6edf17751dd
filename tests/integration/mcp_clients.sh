#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The MCP core under other people's clients: both TypeScript SDKs in every way to open a conversation,
# and the inspector's command line. Skips without npm; MUST_RUN=1 makes that a failure.
set -u
src=${top_srcdir:-.}
build=${top_builddir:-.}
fixture=$build/tests/integration/mcp_fixture
n=0
bad=0

line() { # "ok - name" or "not ok - name", numbered
    n=$((n + 1))
    case $1 in "not ok"*) bad=1 ;; esac
    echo "${1%% - *} $n - ${1#* - }"
}
check() { # status name
    if [ "$1" = 0 ]; then line "ok - $2"; else line "not ok - $2"; fi
}

testbed=$(bash "$src/tests/testbed/node-setup.sh")
case $? in
0) ;;
*)
    if [ "${MUST_RUN:-}" = 1 ]; then
        echo "1..1"
        echo "not ok 1 - the clients could not be installed, and MUST_RUN=1"
        exit 1
    fi
    echo "1..0 # SKIP the clients could not be installed (npm, network)"
    exit 0
    ;;
esac
export NODE_TESTBED=$testbed PATH=$testbed/node_modules/.bin:$PATH
out=$(mktemp)
trap 'rm -f "$out"' EXIT

for mode in v1 legacy auto modern; do
    node "$src/tests/integration/mcp_sdk.mjs" "$mode" fixture "$fixture" >"$out" 2>&1
    rc=$?
    while IFS= read -r text; do
        case $text in "ok - "* | "not ok - "*) line "$text" ;; *) echo "# $text" ;; esac
    done <"$out"
    check "$rc" "$mode: the script came to its end"
done

inspect() { # wanted exit status, name, arguments…
    local want=$1 name=$2
    shift 2
    mcp-inspector --cli --format json -q "$fixture" "$@" >"$out" 2>&1
    local rc=$?
    [ "$rc" = "$want" ]
    check $? "inspector: $name (exit $rc)"
    [ "$rc" = "$want" ] || sed 's/^/# /' "$out" | tail -5
}
has() { # a python expression over the parsed output d, and a name
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$out" "$1"
    check $? "inspector: $2"
}
for era in legacy modern auto; do
    inspect 0 "tools/list, $era" --protocol-era "$era" --method tools/list
    has 'len(d["result"]["tools"]) > 10' "the list is there, $era"
    inspect 0 "tools/call, $era" --protocol-era "$era" --method tools/call --tool-name echo \
        --tool-args-json '{"message":"hi"}'
    has 'd["result"]["structuredContent"]["arguments"]["message"] == "hi"' "the answer, $era"
done
inspect 5 "a tool's error" --method tools/call --tool-name test_error_handling
inspect 5 "an unknown tool" --method tools/call --tool-name no_such
inspect 0 "load" --method tools/call --tool-name echo --tool-args-json '{}' --load \
    --load-duration 1 --load-concurrency 8

echo "1..$n"
exit $bad
