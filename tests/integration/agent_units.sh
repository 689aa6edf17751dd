#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The units: syntax, exposure score of the network half, what must and must not be in the root half's,
# and that every message id of the code has its text in the catalogue.
set -u
n=0
fail=0
check() { # name command...
    local name=$1
    shift
    n=$((n + 1))
    if "$@"; then echo "ok $n - $name"; else echo "not ok $n - $name"; fail=1; fi
}
src=$top_srcdir/pveagentd/units
out=$top_builddir/pveagentd/units
for u in pveagentd pveagentd-priv pveagentd-reader; do
    check "$u.service has all its paths filled in" bash -c "[ -s $out/$u.service ] && ! grep -q '@[a-z]*@' $out/$u.service"
    [ $u = pveagentd-reader ] || check "$u.service is Type=notify with a watchdog" bash -c "grep -qx Type=notify $out/$u.service && grep -q ^WatchdogSec= $out/$u.service"
done
# What would follow a command into the container must not be set (the unit's own comment says why).
check "the root half's unit sets nothing that follows into a container" bash -c "! grep -qE \
'^(NoNewPrivileges|SystemCallFilter|SystemCallArchitectures|MemoryDenyWriteExecute|Restrict|LockPersonality|ProtectKernel|ProtectClock|ProtectHostname|PrivateDevices|CapabilityBoundingSet|PrivateNetwork|Limit)' $out/pveagentd-priv.service"
check "the network half has no capability and its own user" bash -c "grep -qx CapabilityBoundingSet= $out/pveagentd.service && grep -qx User=pveagentd $out/pveagentd.service && grep -qx NoNewPrivileges=yes $out/pveagentd.service"
check "the reader has no capability, no network, and one group" bash -c "grep -qx CapabilityBoundingSet= $out/pveagentd-reader.service && grep -qx User=pveagentd-reader $out/pveagentd-reader.service && grep -qx NoNewPrivileges=yes $out/pveagentd-reader.service && grep -qx PrivateNetwork=yes $out/pveagentd-reader.service && grep -qx SupplementaryGroups=www-data $out/pveagentd-reader.service"
check "the network half is not in that group" bash -c "! grep -q ^SupplementaryGroups= $out/pveagentd.service"
# A root half that could not start a unit of that name would leave whoever is cut off cut off.
check "the unit that loads reverted interfaces is the one the root half starts, without any filter of its own" bash -c \
    "[ -s $out/pveagentd-ifreload.service ] && grep -q '\"pveagentd-ifreload.service\"' $top_srcdir/pveagentd/act/revert.c && \
    grep -qx Type=oneshot $out/pveagentd-ifreload.service && grep -qx StartLimitIntervalSec=0 $out/pveagentd-ifreload.service && \
    ! grep -qE '^(IPAddress|Protect|Private|Restrict|SystemCall|NoNew|Capability)' $out/pveagentd-ifreload.service"
missing=
for id in $(grep -oE '"[0-9a-f]{32}"' "$top_srcdir/pveagentd/log.c" | tr -d '"'); do
    grep -qx -- "-- $id" "$src/pveagentd.catalog" || missing="$missing $id"
done
check "every message id is explained in the catalogue$missing" [ -z "$missing" ]
check "and no id twice" bash -c "[ -z \"\$(grep '^-- ' $src/pveagentd.catalog | sort | uniq -d)\" ]"
if command -v systemd-analyze >/dev/null; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp "$out"/pveagentd.service "$out"/pveagentd-priv.service \
        "$out"/pveagentd-reader.service "$out"/pveagentd-ifreload.service "$work"
    score=$(systemd-analyze security --offline=yes --no-pager "$work/pveagentd.service" 2>/dev/null |
        sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "# exposure of the network half: ${score:-unknown}"
    check "the network half's exposure score is at most 1.3" \
        awk -v s="${score:-10}" 'BEGIN { exit !(s + 0 <= 1.3) }'
    score=$(systemd-analyze security --offline=yes --no-pager "$work/pveagentd-reader.service" 2>/dev/null |
        sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "# exposure of the reader: ${score:-unknown}"
    check "the reader's exposure score is at most 1.5" \
        awk -v s="${score:-10}" 'BEGIN { exit !(s + 0 <= 1.5) }'
    bad=$(systemd-analyze verify --man=no "$work/pveagentd.service" "$work/pveagentd-priv.service" \
        "$work/pveagentd-reader.service" "$work/pveagentd-ifreload.service" 2>&1 |
        grep -E 'pveagentd' | grep -vE 'not executable|Command .* is not|Failed to (create|connect)')
    check "systemd-analyze verify finds nothing in them $bad" [ -z "$bad" ]
else
    n=$((n + 1))
    echo "ok $n - exposure score # SKIP no systemd-analyze here"
fi
if command -v mandoc >/dev/null; then
    check "the manual page is clean" mandoc -T lint -W error "$top_srcdir/docs/pveagentd.8"
fi
echo "1..$n"
exit $fail
