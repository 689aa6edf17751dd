/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/ct.h - containers of this node, as found in the cluster file system and in liblxc.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"

struct err;
struct priv;

#define CT_DEFAULT_LXC_PATH "/var/lib/lxc"

struct ct {
    uint32_t id;
    bool exists;
    struct buf config; /* text of <cluster-fs>/nodes/<node>/lxc/<vmid>.conf */
    struct hash config_hash;
};

int ct_find(const struct priv *p, uint32_t id, struct ct *ret,
            struct err *e); /* absent is no error */
void ct_done(struct ct *c);
/* Takes the next line off a text, cut to the room; false at the end. */
bool line_next(const char **text, char *ret, size_t size);
#define CT_LINE 4096
/* Each `key: value` line of the part before the first section, until fn says other than 0. */
int ct_config_each(const struct ct *c, int (*fn)(void *ctx, const char *key, const char *value),
                   void *ctx);
bool ct_running(const struct priv *p, uint32_t id);
bool ct_privileged(const struct ct *c);
const char *ct_lxc_path(const struct priv *p);
