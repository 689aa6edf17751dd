#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the MCP clients that the integration tests drive, and a Node new enough for them, at the
# versions of package-lock.json. Prints the directory; bin/node and bin/mcp-inspector are below its
# node_modules/.bin. Does nothing when it is already there.
#
#   node-setup.sh            into $PROXIMO_TESTBED, else $top_builddir/tests/testbed/node
#   node-setup.sh --lock     renews package-lock.json from package.json (for maintainers)
#
# The lock file names no download addresses ("resolved"), so that npm takes them from wherever the
# user's npm is configured to look; the hashes in it hold for any of them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${PROXIMO_TESTBED:-${top_builddir:-.}/tests/testbed/node}

command -v npm >/dev/null || { echo "node-setup: npm is not installed" >&2; exit 77; }
if [ "${1:-}" = --lock ]; then
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    cp "$here/package.json" "$tmp"
    (cd "$tmp" && npm install --package-lock-only --no-audit --no-fund >&2)
    grep -v '^ *"resolved": ' "$tmp/package-lock.json" >"$here/package-lock.json"
    exit 0
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
exec 9>"$dir/.lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$dir/installed-lock.json"; then
    rm -rf "$dir/node_modules" "$dir/installed-lock.json"
    cp "$here/package.json" "$here/package-lock.json" "$dir"
    if ! (cd "$dir" && npm ci --no-audit --no-fund >npm.log 2>&1); then
        echo "node-setup: npm ci failed; the end of $dir/npm.log:" >&2
        tail -5 "$dir/npm.log" >&2
        exit 77
    fi
    cp "$here/package-lock.json" "$dir/installed-lock.json"
fi
"$dir/node_modules/.bin/node" --version >/dev/null ||
    { echo "node-setup: the node that was installed does not run" >&2; exit 77; }
echo "$dir"
