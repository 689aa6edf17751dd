#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real containers for tests and the demonstration: busybox in an LXC container named by a guest
# number, in an lxcpath of its own, on a btrfs subvolume over a loop file. Needs root.
# Sourced, it gives functions; run, its first word is the function:
#
#   ct_possible                      0, or says on stderr why containers cannot run here
#   ct_btrfs DIR [MIB]               makes DIR/img and mounts a fresh btrfs at DIR/mnt
#   ct_make LXCPATH VMID ROOTFS      a busybox root (a subvolume where ROOTFS's parent is btrfs)
#   ct_start LXCPATH VMID            starts it and waits until its init runs
#   ct_stop LXCPATH VMID             stops it at once
#   ct_remove LXCPATH VMID           stops it, removes definition and root
#   ct_unbtrfs DIR                   unmounts and removes what ct_btrfs made
set -euo pipefail

ct_possible() {
    local why=

    if [ "$(id -u)" -ne 0 ]; then
        why="not root"
    elif ! command -v lxc-start >/dev/null || ! command -v lxc-attach >/dev/null; then
        why="LXC is not installed (lxc)"
    elif ! [ -x /bin/busybox ] || [[ $'\n'$(/bin/busybox --list) != *$'\n'init$'\n'* ]]; then
        why="busybox is not installed (busybox-static)"
    elif ! command -v mkfs.btrfs >/dev/null; then
        why="btrfs tools are not installed (btrfs-progs)"
    elif ! [ -e /dev/loop-control ]; then
        why="this machine has no loop devices"
    else
        why=$(ct_try) || why="a container does not start on this machine: ${why:-no reason given}"
    fi
    [ -z "$why" ] || {
        echo "$why" >&2
        return 1
    }
}

# Starts one and takes it away again: inside of another container, root and the tools are there and
# it may still not be allowed. Prints nothing, or the last line of what went wrong.
ct_try() {
    local dir log rc=0

    dir=$(mktemp -d "${TMPDIR:-/tmp}/proximo-lab-XXXXXX") || return 1
    log=$dir/log
    (set -e; ct_btrfs "$dir" 120 && ct_make "$dir/lxc" 1 "$dir/mnt/ct" && ct_start "$dir/lxc" 1) \
        >"$log" 2>&1 || rc=1
    ct_remove "$dir/lxc" 1 >/dev/null 2>&1 || true
    ct_unbtrfs "$dir" >/dev/null 2>&1 || true
    [ $rc -eq 0 ] || { grep -v '^$' "$log" | grep -m 1 ERROR || tail -n 1 "$log"; } | cut -c 1-200
    rm -rf "${dir:?}"
    return $rc
}

ct_btrfs() {
    local dir=$1 mib=${2:-300}

    mkdir -p "$dir/mnt"
    truncate -s "${mib}M" "$dir/img"
    mkfs.btrfs -q -M "$dir/img" >/dev/null
    mount -o loop "$dir/img" "$dir/mnt"
}

ct_unbtrfs() {
    local dir=$1

    if mountpoint -q "$dir/mnt"; then
        umount "$dir/mnt" || umount -l "$dir/mnt"
    fi
    rm -rf "${dir:?}/img" "${dir:?}/mnt"
}

ct_make() {
    local path=$1 id=$2 root=$3 parent

    parent=$(dirname "$root")
    mkdir -p "$parent" "$path/$id"
    if [ "$(stat -f -c %T "$parent")" = btrfs ]; then
        btrfs -q subvolume create "$root"
    else
        mkdir "$root"
    fi
    mkdir -p "$root"/{bin,sbin,etc/init.d,proc,sys,dev,tmp,root,run,var/log,usr/bin,usr/sbin}
    cp /bin/busybox "$root/bin/busybox"
    # Links, not `busybox --install`: the root must not depend on a running container.
    for applet in sh cat cp mv echo ls ps sleep true false id env kill tee touch rm mkdir head tail wc \
        printf dd grep sed hostname pwd uname stat date; do
        ln -s busybox "$root/bin/$applet"
    done
    for applet in env id head tail wc printf; do
        ln -s ../../bin/busybox "$root/usr/bin/$applet"
    done
    ln -s ../bin/busybox "$root/sbin/init"
    printf '::sysinit:/bin/true\n::shutdown:/bin/true\n' >"$root/etc/inittab"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    cat >"$path/$id/config" <<CONF
lxc.uts.name = ct$id
lxc.rootfs.path = dir:$root
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:mixed sys:mixed
lxc.init.cmd = /sbin/init
lxc.signal.halt = SIGUSR1
lxc.pty.max = 32
CONF
}

ct_start() {
    local path=$1 id=$2

    lxc-start -P "$path" -n "$id" -d -o "$path/$id/start.log" -l INFO || {
        tail -n 20 "$path/$id/start.log" >&2
        return 1
    }
    lxc-wait -P "$path" -n "$id" -s RUNNING -t 20
    # RUNNING is said before init has read its table; a first command proves that it answers.
    for _ in $(seq 50); do
        lxc-attach -P "$path" -n "$id" --clear-env -- /bin/true 2>/dev/null && return 0
        sleep 0.1
    done
    echo "container $id does not answer" >&2
    return 1
}

ct_stop() {
    if lxc-info -P "$1" -n "$2" -sH 2>/dev/null | grep -q RUNNING; then
        lxc-stop -P "$1" -n "$2" -k
    fi
}

ct_remove() {
    local path=$1 id=$2 root

    [ -f "$path/$id/config" ] || return 0
    ct_stop "$path" "$id" || true
    root=$(sed -n 's/^lxc.rootfs.path = dir://p' "$path/$id/config")
    if [ -n "$root" ] && [ -d "$root" ]; then
        btrfs -q subvolume delete "$root" 2>/dev/null || rm -rf --one-file-system "$root"
    fi
    rm -rf "${path:?}/$id"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    case ${1:-} in
    ct_possible | ct_btrfs | ct_unbtrfs | ct_make | ct_start | ct_stop | ct_remove) "$@" ;;
    *)
        sed -n '3,16s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
fi
