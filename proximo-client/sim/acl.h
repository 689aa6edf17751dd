/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/acl.h - effective privileges as PVE computes them: nearest path wins, token
 * before user before group, NoAccess, propagation, pools, and a separated token has the
 * intersection with its user. Reads the state's users, groups, roles, pools and acl. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct state;

struct privs {
    uint64_t have; /* bit per privilege */
    uint64_t prop; /* of those: propagated */
};

/* auth: user@realm or user@realm!token; path: "/vms/104" … */
struct privs acl_privs(const struct state *s, const char *auth, const char *path);
/* names separated by ',' or '|': any of them. */
bool acl_any(const struct state *s, const char *auth, const char *path, const char *names);

uint64_t acl_bits(const char *names); /* separators: comma, bar, blank, ; 0 for unknown names */
bool acl_is_priv(const char *name);
js *acl_object(struct privs p);                                        /* {priv: propagate} */
bool acl_role(const struct state *s, const char *role, uint64_t *ret); /* false: no such role */
bool acl_role_builtin(const char *role);
/* Calls fn for each role, built-in ones first. privs as a sorted comma list. */
void acl_each_role(const struct state *s,
                   void (*fn)(void *ctx, const char *role, uint64_t privs, bool builtin),
                   void *ctx);
js *acl_priv_list(uint64_t privs); /* "A,B" as a JSON string */
/* Paths that /access/permissions lists when none is asked for. */
js *acl_paths(const struct state *s);
bool acl_path_valid(const char *path);
