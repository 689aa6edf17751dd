#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The MCP core under other people's clients: both TypeScript SDKs in every way to open a conversation,
# and the inspector's command line. Skips without npm; MUST_RUN=1 makes that a failure.
set -u
src=${top_srcdir:-.}
build=${top_builddir:-.}
fixture=$build/tests/integration/mcp_fixture
client=${PROXIMO_CLIENT:-$build/proximo-client/proximo-client}
pvesim=${PVESIM:-$build/pvesim}
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
tmp=$(mktemp -d)
out=$tmp/out
sim_pid=
finish() {
    [ -z "$sim_pid" ] || kill "$sim_pid" 2>/dev/null
    [ -z "$sim_pid" ] || wait "$sim_pid" 2>/dev/null
    rm -rf "$tmp"
}
trap finish EXIT

missing() { # why: a skip, or with MUST_RUN=1 a failure
    if [ "${MUST_RUN:-}" = 1 ]; then
        line "not ok - $1, and MUST_RUN=1"
    else
        line "ok - product # SKIP $1"
    fi
}

sdk() { # mode, fixture|product, command…
    local mode=$1 what=$2
    shift 2
    node "$src/tests/integration/mcp_sdk.mjs" "$mode" "$what" "$@" >"$out" 2>&1
    local rc=$?
    while IFS= read -r text; do
        case $text in "ok - "* | "not ok - "*) line "$text" ;; *) echo "# $text" ;; esac
    done <"$out"
    check "$rc" "$mode: the $what script came to its end"
}

for mode in v1 legacy auto modern; do
    sdk "$mode" fixture "$fixture"
done

server=("$fixture")
inspect() { # wanted exit status, name, arguments…
    local want=$1 name=$2
    shift 2
    mcp-inspector --cli --format json -q "${server[@]}" "$@" >"$out" 2>&1
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
has_error() { # the beginning of a tool error's text, and a name
    grep -q "\"text\":\"$1: " "$out"
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

# ---- the product -------------------------------------------------------------------------------

# A simulated cluster and a client configuration for it. What pvesim prints: `key value` lines, then
# `ready`.
cluster_up() {
    local sim=$tmp/sim conf=$tmp/home/.config/proximo waited=0

    mkdir -p "$sim" "$conf"
    # One call takes long enough to be cancelled.
    "$pvesim" --dir "$sim" --listen 127.0.0.1:0 --auth-delay-ms 0 \
        --fault 'latency=20000 GET /nodes/pve1/storage/local/status' \
        >"$tmp/sim.out" 2>"$tmp/sim.err" &
    sim_pid=$!
    until grep -q '^ready' "$tmp/sim.out"; do
        kill -0 "$sim_pid" 2>/dev/null && [ $waited -lt 600 ] || return 1
        waited=$((waited + 1))
        sleep 0.05
    done
    token=$(sed -n 's/^token[^ ]* //p' "$tmp/sim.out" | head -1)
    cat >"$conf/proximo.ini" <<INI
[cluster sim]
url = $(grep -o 'https://[^ ]*' "$tmp/sim.out" | head -1)
fingerprint = $(sed -n 's/^fingerprint //p' "$tmp/sim.out" | head -1)
token = $token
INI
    chmod 600 "$conf/proximo.ini"
}

if [ -x "$client" ]; then
    # By HOME alone: the clients pass little more than that to a server.
    export HOME=$tmp/home
    unset XDG_CONFIG_HOME XDG_STATE_HOME
    mkdir -p "$HOME"
    server=("$client" mcp)
    for era in legacy modern; do
        inspect 0 "product, tools/list --strict, $era" --protocol-era "$era" --method tools/list \
            --strict
        inspect 5 "product, a call without configuration, $era" --protocol-era "$era" \
            --method tools/call --tool-name pve_node_list
        has_error 'not_configured' "says so, $era"
    done
    if [ ! -x "$pvesim" ]; then
        missing "pvesim is not built"
    elif cluster_up; then
        inspect 0 "product, tools/call" --method tools/call --tool-name pve_list_guests
        # The demonstration cluster: a snapshot needs no approval, the storage's guests make it high.
        export READ_TOOL=pve_list_guests PLAN_TOOL=pve_snapshot_create HIGH_TOOL=pve_storage_delete
        export HIGH_ARGS='{"storage":"local-zfs"}' SLOW_TOOL=pve_storage_status
        export SLOW_ARGS='{"node":"pve1","storage":"local"}'
        for mode in v1 legacy auto modern; do
            export PLAN_ARGS="{\"vmid\":104,\"snapname\":\"sdk-$mode\"}"
            sdk "$mode" product "$client" mcp
        done
    else
        line "not ok - pvesim did not start"
        sed 's/^/# /' "$tmp/sim.err"
    fi
else
    missing "$client is not built"
fi

echo "1..$n"
exit $bad
