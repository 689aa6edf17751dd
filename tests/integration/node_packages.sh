#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The built packages, installed with apt in a systemd node container: both units active, no port
# open, one command through them into a container, purge leaves nothing. DEBS names the directory of
# the packages; without it this is left out (building them takes minutes; .ci/run does it first).
set -euo pipefail
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$src/tests/testbed/node.sh"

skip() {
    if [ "${MUST_RUN:-}" = 1 ]; then
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
node_script "$work" "$DEBS" "$src" node_inside.py
