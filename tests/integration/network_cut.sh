#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A network that is really cut: the built packages in a systemd node container, a client in a network
# name space of its own behind a veth pair, ifupdown2. What the test is about runs inside
# (tests/testbed/network_inside.py). DEBS names the directory of the packages; without it this is left out.
set -euo pipefail
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$src/tests/testbed/node.sh"

skip() {
    if [ "${MUST_RUN:-}" = 1 ] && [ -n "${DEBS:-}" ]; then
        printf '1..1\nnot ok 1 - %s (MUST_RUN)\n' "$1"
        exit 1
    fi
    echo "1..0 # SKIP $1"
    exit 0
}
[ -n "${DEBS:-}" ] || skip "DEBS does not name the built packages"
[ "$(id -u)" = 0 ] || skip "not root"
for tool in debootstrap lxc-start; do
    command -v $tool >/dev/null || skip "$tool is not installed"
done

work=$(mktemp -d /tmp/proximo-node-XXXXXX)
chmod 755 "$work"
trap 'node_stop "$work/lxc" pve1; rm -rf --one-file-system "$work"' EXIT

mapfile -t needs < <(node_needs "$DEBS")
node_root "$work/root" "${needs[@]}" || skip "the root file system of a node cannot be made"
node_script "$work" "$DEBS" "$src" network_inside.py
