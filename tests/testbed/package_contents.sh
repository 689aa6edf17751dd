#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# package_contents.sh DIR: what the built packages must and must not hold, without installing them.
# TAP. The same packages installed and running: tests/integration/node_packages.sh.
set -euo pipefail
dir=$1
n=0
bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

ok() { # ok NAME COMMAND…: passes when the command succeeds
    local name=$1

    shift
    n=$((n + 1))
    if "$@" >"$tmp/out" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        sed 's/^/# /' "$tmp/out"
        bad=$((bad + 1))
    fi
}
equal() { [ "$1" = "$2" ] || { printf 'have: %s\nwant: %s\n' "$1" "$2"; return 1; }; }
mode() { equal "$(stat -c '%a %U' "$1")" "$2"; }
empty() { [ -z "$1" ] || { echo "$1"; return 1; }; }
only_comments() { empty "$(grep -v '^#' "$1" || true)"; }

client=$(ls "$dir"/proximo-client_*.deb)
agent=$(ls "$dir"/pveagentd_*.deb)
dpkg-deb -x "$client" "$tmp/client"
dpkg-deb -x "$agent" "$tmp/agent"
dpkg-deb -e "$agent" "$tmp/agent-control"

for f in usr/bin/{proximo-client,proximo-verify,pvesim} \
    usr/share/man/man1/{proximo-client,proximo-verify,pvesim}.1.gz \
    usr/share/man/man7/proximo-tools.7.gz \
    usr/share/man/man5/proximo.ini.5.gz usr/share/doc/proximo-client/examples/proximo.ini; do
    ok "proximo-client has $f" test -f "$tmp/client/$f"
done
for f in usr/sbin/{pveagentd,pveagentctl} usr/libexec/proximo/pveagentd-{priv,act,reader} \
    usr/lib/sysusers.d/pveagentd.conf usr/lib/systemd/catalog/pveagentd.catalog \
    usr/share/man/man8/{pveagentd,pveagentd-priv,pveagentd-reader,pveagentctl}.8.gz \
    usr/share/man/man5/pveagentd-policy.5.gz; do
    ok "pveagentd has $f" test -f "$tmp/agent/$f"
done
for u in pveagentd pveagentd-priv pveagentd-reader pveagentd-ifreload; do
    ok "pveagentd has the unit $u" test -n "$(find "$tmp/agent" -path "*/systemd/system/$u.service")"
done
ok "the client starts nothing" empty "$(find "$tmp/client" -name '*.service' -o -path '*/etc/*')"
ok "the policy is root's alone" mode "$tmp/agent/etc/pveagentd/policy.ini" "600 root"
ok "the policy's folder too" mode "$tmp/agent/etc/pveagentd" "700 root"
ok "the policy has no rule" only_comments "$tmp/agent/etc/pveagentd/policy.ini"
ok "the policy is a configuration file" grep -qx /etc/pveagentd/policy.ini \
    "$tmp/agent-control/conffiles"
ok "nothing is setuid or writable by others" empty \
    "$(find "$tmp/client" "$tmp/agent" -perm /6002 ! -type l)"
while read -r program; do
    name=$(basename "$program")
    readelf -hldW "$program" >"$tmp/elf"
    ok "$name is position independent" grep -q 'Type: *DYN' "$tmp/elf"
    ok "$name has full RELRO" sh -c "grep -q GNU_RELRO '$tmp/elf' && grep -q BIND_NOW '$tmp/elf'"
    ok "$name has no executable stack" empty "$(grep 'GNU_STACK.*RWE' "$tmp/elf" || true)"
    ok "$name has fortified and protected functions" sh -c \
        "readelf --dyn-syms -W '$program' | grep -q _chk"
    ok "$name names no build path" empty "$(strings "$program" | grep -F "$dir" || true)"
done < <(find "$tmp/client/usr" "$tmp/agent/usr" -type f -perm -u+x | sort)
echo "1..$n"
[ $bad -eq 0 ]
