/* SPDX-License-Identifier: Apache-2.0 */
/* common/pvefile.h - the files of a Proxmox VE cluster (/etc/pve) as data. Texts in, JSON out; values
 * stay the texts of the file. Content never makes a parser fail: what it does not understand is kept
 * where it can be and named in `notes` (strings, "line 7: …"), as PVE itself skips such lines with a
 * warning. Bytes that are no UTF-8 become U+FFFD and are named too, but for descriptions. Knows
 * nothing of the API, of files' places or of what the values mean.
 * Results are new references, never NULL. notes: an array. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

#define PVEFILE_NOTES 50 /* more are not kept: one tells as much as thousands */

/* nodes/<n>/{lxc,qemu-server}/<vmid>.conf: {config: {}, snapshots: {name: {}}, pending?: {}}. Raw
 * lxc lines are under "lxc" as [key, value]; a waiting removal is "delete" of `pending`. */
js *pvefile_guest(bool lxc, const char *text, size_t len, js *notes);

/* storage.cfg, jobs.cfg, replication.cfg, ha/ and sdn/ files: {id: {type, key: value}}, in the
 * file's order. A key without a value is "1". with_sid: ids become "type:id", without a type. */
js *pvefile_sections(const char *text, size_t len, bool with_sid, js *notes);

/* The same where keys are repeated: notifications.cfg, sdn/subnets.cfg, and without types ("id" alone is
 * a head) mapping/: {id: {type?, key: [value …]}}. */
js *pvefile_lists(const char *text, size_t len, bool typed, js *notes);

/* user.cfg: {users: {id: {enable, expire, …, tokens: {}}}, groups: {id: {users: {}, comment}},
 * pools: {id: {vms: {}, storage: {}, comment}}, roles: {id: {privilege: 1}},
 * acl: {path: {"user:a@b" | "group:g" | "token:a@b!c": {role: propagate}}}}. Entries of tokens that do
 * not exist are left out, as PVE does. */
js *pvefile_users(const char *text, size_t len, js *notes);

/* cluster.fw, host.fw, <vmid>.fw: {options: {}, aliases: {name: {name, cidr, comment?}},
 * ipsets: {name: {comment?, entries: [{cidr, nomatch?, comment?}]}},
 * groups: {name: {comment?, rules: [rule]}}, rules: [rule]};
 * rule: {type, action, enable, macro?, iface?, source?, dest?, proto?, dport?, sport?, log?,
 * "icmp-type"?, comment?}, all texts but enable. Rules that cannot be read are not there (PVE does
 * not load them either) and named. */
js *pvefile_firewall(const char *text, size_t len, js *notes);

/* /etc/network/interfaces: {name: {auto?: 1, families: [], method?, method6?, options: {key: value},
 * options6: {}}} in the file's order; "source" lines are named in notes: those files are not read. */
js *pvefile_interfaces(const char *text, size_t len, js *notes);
/* The API's name of an option of that file (after PVE::INotify): "bridge-ports" is bridge_ports; the
 * name itself when both have the same. */
const char *pvefile_net_key(const char *key);

/* corosync.conf: nested objects; a section that is repeated becomes an array. */
js *pvefile_corosync(const char *text, size_t len, js *notes);

/* datacenter.cfg and other files of "key: value" lines. */
js *pvefile_options(const char *text, size_t len, js *notes);

/* vzdump.cron of before PVE 7: [{id, dow, starttime, enabled, all?, vmid?, option: value}]. */
js *pvefile_cron(const char *text, size_t len, js *notes);
