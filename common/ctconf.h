/* SPDX-License-Identifier: Apache-2.0 */
/* common/ctconf.h - a container's configuration as the cluster file system has it: its text, the
 * hash that plans name, and whether the container runs. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct hash;

#define CT_DEFAULT_LXC_PATH "/var/lib/lxc"

/* <cluster_fs>/nodes/<node>/lxc/<ct>.conf; ret_text: at most its ceiling. -ENOENT: no such
 * container.
 */
int ctconf_read(const char *cluster_fs, const char *node, uint32_t ct, struct buf *ret_text,
                struct hash *ret_hash, struct err *e);
/* Asked of liblxc's monitor, by no more than whether it listens. */
bool ctconf_running(const char *lxc_path, uint32_t ct);
