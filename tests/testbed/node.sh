#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A node for tests: this machine's own Debian release with systemd as init, in a privileged LXC
# container without a network but loopback. Needs root, LXC and, for the first time, a Debian mirror
# (the one apt uses here). NODE_CACHE keeps the root file system between runs. Sourced:
#
#   node_needs DEBS                  what the built packages in that directory depend on, and what a node has
#   node_root DIR PACKAGE…           a root file system with systemd and those packages in DIR
#   node_script WORK DEBS SRC SCRIPT   starts the node of WORK/root with the packages at hand and runs
#                                    SCRIPT of tests/testbed in it
#   node_start LXCPATH NAME ROOTFS   starts it and waits until systemd has started
#   node_run LXCPATH NAME COMMAND…   runs a command in it
#   node_stop LXCPATH NAME           stops and forgets it (the root stays)
# shellcheck source=/dev/null
NODE_CACHE=${NODE_CACHE:-/var/tmp/proximo-testbed}

# The archive of the running release that apt is set up with: its address and name.
node_mirror() {
    local codename

    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk -v c="$codename" '$2 == c {print $1, c; exit}'
}

# It comes with the root file system, so that the node needs no network.
node_needs() {
    local deb

    {
        for deb in "$1"/proximo-client_*.deb "$1"/pveagentd_*.deb; do
            dpkg-deb -f "$deb" Depends
        done | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g'
        echo ifupdown2
        echo sudo
    } | sort -u
}

node_root() {
    local root=$1 mirror codename include key

    shift
    read -r mirror codename < <(node_mirror)
    [ -n "$mirror" ] || { echo "apt knows no archive of this release" >&2; return 1; }
    include=$(printf '%s\n' systemd systemd-sysv libpam-systemd dbus iproute2 python3 lxc \
        busybox-static "$@" | sort -u | paste -sd,)
    key=$(printf '%s %s' "$codename" "$include" | sha256sum | cut -c1-16)
    mkdir -p "$NODE_CACHE" "$root"
    if [ ! -f "$NODE_CACHE/$key.tar" ]; then
        rm -rf "$NODE_CACHE/$key.new"
        debootstrap --variant=minbase --include="$include" "$codename" "$NODE_CACHE/$key.new" \
            "$mirror" >"$NODE_CACHE/$key.log" 2>&1 || {
            tail -n 20 "$NODE_CACHE/$key.log" >&2
            rm -rf "$NODE_CACHE/$key.new"
            return 1
        }
        tar -C "$NODE_CACHE/$key.new" --numeric-owner -cf "$NODE_CACHE/$key.part" .
        rm -rf "$NODE_CACHE/$key.new"
        mv "$NODE_CACHE/$key.part" "$NODE_CACHE/$key.tar"
    fi
    tar -C "$root" --numeric-owner -xf "$NODE_CACHE/$key.tar"
    # Without a network apt must not look for one.
    : >"$root/etc/apt/sources.list"
    rm -f "$root"/etc/apt/sources.list.d/*
    # Nothing in here may ask for devices or consoles that the container does not have.
    for unit in systemd-networkd-wait-online.service systemd-udevd.service lxc-net.service \
        systemd-timesyncd.service console-getty.service getty.target; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
}

node_start() {
    local path=$1 name=$2 root=$3 state

    mkdir -p "$path/$name"
    echo "$name" >"$root/etc/hostname" # systemd sets it; the daemon takes it as the node's name
    cat >"$path/$name/config" <<CONF
lxc.uts.name = $name
lxc.rootfs.path = dir:$root
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:rw sys:mixed cgroup:rw:force
lxc.init.cmd = /sbin/init
lxc.cap.drop =
lxc.tty.max = 0
lxc.pty.max = 64
CONF
    lxc-start -P "$path" -n "$name" -d -o "$path/$name/start.log" -l INFO || {
        tail -n 20 "$path/$name/start.log" >&2
        return 1
    }
    for _ in $(seq 300); do
        state=$(node_run "$path" "$name" systemctl is-system-running 2>/dev/null || true)
        case $state in
        running | degraded) return 0 ;;
        esac
        sleep 0.2
    done
    echo "systemd in $name did not come up: ${state:-no answer}" >&2
    return 1
}

node_run() {
    local path=$1 name=$2

    shift 2
    lxc-attach -P "$path" -n "$name" --clear-env \
        --set-var PATH=/usr/sbin:/usr/bin:/sbin:/bin --set-var LC_ALL=C.UTF-8 -- "$@" </dev/null
}

node_stop() {
    lxc-stop -P "$1" -n "$2" -k 2>/dev/null || true
    rm -rf "${1:?}/$2"
}

node_script() {
    local work=$1 debs=$2 src=$3 script=$4

    mkdir -p "$work/root/opt/debs" "$work/root/opt/testbed"
    cp "$debs"/proximo-client_*.deb "$debs"/pveagentd_*.deb "$work/root/opt/debs/"
    cp "$src"/tests/testbed/*.py "$src"/tests/testbed/*.sh "$work/root/opt/testbed/"
    node_start "$work/lxc" pve1 "$work/root"
    node_run "$work/lxc" pve1 sh -c "cd /tmp && exec python3 /opt/testbed/$script /opt/debs/*.deb"
}
