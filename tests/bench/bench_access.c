/* SPDX-License-Identifier: Apache-2.0 */
/* Effective privileges of 1,000 users on 10,000 guests: 100 groups, 50 pools, an entry on every
 * tenth guest; and the verdict on one change of the access list of all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/own.h"
#include "proximo-client/blast/access.h"

#define USERS  1000
#define GUESTS 10000
#define GROUPS 100
#define POOLS  50

static js *entry(const char *type, const char *who, const char *role, const char *path) {
    js *o = js_object();

    js_add(o, "path", js_str(path));
    js_add(o, "type", js_str(type));
    js_add(o, "ugid", js_str(who));
    js_add(o, "roleid", js_str(role));
    js_add(o, "propagate", js_int(1));
    return o;
}

static void add_role(js *roles, const char *id, const char *privs) {
    js *o = js_object();

    js_add(o, "roleid", js_str(id));
    js_add(o, "privs", js_str(privs));
    js_push(roles, o);
}

static js *add_roles(void) {
    js *roles = js_array();

    add_role(roles, "NoAccess", "");
    add_role(roles, "See", "VM.Audit,Sys.Audit");
    add_role(roles, "Run", "VM.Audit,VM.PowerMgmt,VM.Console");
    return roles;
}

static js *world_new(void) {
    js *w = js_object(), *users = js_array(), *groups = js_array(), *acl = js_array();
    js *pools = js_array();
    char text[64], path[64];

    for (int i = 0; i < USERS; i++) {
        js *o = js_object();

        js_addf(o, "userid", "user%d@pve", i);
        js_add(o, "enable", js_int(1));
        js_push(users, o);
    }
    for (int i = 0; i < GROUPS; i++) {
        js *o = js_object();
        js_addf(o, "groupid", "group%d", i);
        js_addf(o, "users", "user%d@pve,user%d@pve,user%d@pve", i, i + 100, i + 200);
        js_push(groups, o);
        (void)snprintf(text, sizeof(text), "group%d", i);
        js_push(acl, entry("group", text, "See", "/vms"));
        (void)snprintf(path, sizeof(path), "/pool/pool%d", i % POOLS);
        js_push(acl, entry("group", text, "Run", path));
    }
    for (int i = 0; i < POOLS; i++) {
        js *o = js_object(), *members = js_array();

        js_addf(o, "poolid", "pool%d", i);
        for (int k = i; k < GUESTS; k += 2 * POOLS) {
            js *m = js_object();

            js_add(m, "vmid", js_int(100 + k));
            js_push(members, m);
        }
        js_add(o, "members", members);
        js_push(pools, o);
    }
    for (int i = 0; i < GUESTS; i += 10) {
        (void)snprintf(text, sizeof(text), "user%d@pve", i % USERS);
        (void)snprintf(path, sizeof(path), "/vms/%d", 100 + i);
        js_push(acl, entry("user", text, i % 30 ? "Run" : "NoAccess", path));
    }
    js_add(w, "users", users);
    js_add(w, "groups", groups);
    js_add(w, "acl", acl);
    js_add(w, "pools", pools);
    js_add(w, "roles", add_roles());
    return w;
}

int main(void) {
    CLEANUP(js_freep) js *w = world_new();
    int64_t from = clock_mono_us();
    CLEANUP(access_freep) struct access *a = access_new(w, NULL);
    size_t n = 0;

    for (int i = 0; i < GUESTS; i++) {
        CLEANUP(access_path_freep) struct access_path *at = NULL;
        char path[32];

        (void)snprintf(path, sizeof(path), "/vms/%d", 100 + i);
        at = access_path_new(a, path);
        for (size_t who = 0; who < USERS; who++) {
            struct privs p = access_privs(a, who, at);

            n += !privset_is_empty(&p.have);
        }
    }
    if (n == 0) {
        (void)fprintf(stderr, "bench_access: nobody may do anything\n");
        return 1;
    }
    (void)printf("access_1000_users_10000_guests %.0f ms\n",
                 (double)(clock_mono_us() - from) / 1000);
    return 0;
}
