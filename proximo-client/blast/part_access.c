/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: users with groups and tokens, roles, ACL, realms; pools with their members. Kept
 * under their paths. PVE filters these lists without a sign, so each is whole only for a token that
 * may see all of it. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <string.h>

#include "common/ident.h"

static const char pools_path[] = "/pools";

static void start(struct picture *p) {
    static const struct {
        const char *path;
        struct want_as as;
    } lists[] = {
        {"/access/users?full=1",
         {PIC_ACCESS, "users", "", "Sys.Audit on /access/groups", "/access/groups",
          "User.Modify|Sys.Audit", 0}},
        {"/access/groups",
         {PIC_ACCESS, "groups", "", "Sys.Audit on /access/groups", "/access/groups",
          "User.Modify|Sys.Audit", 0}},
        {"/access/acl",
         {PIC_ACCESS | PIC_ACL, "access lists", "", "Sys.Audit on /access", "/access",
          "Sys.Audit|Permissions.Modify", 0}},
        {"/access/roles", {PIC_ACCESS, "roles", "", NULL, NULL, NULL, 0}},
        {"/access/domains", {PIC_ACCESS, "realms", "", NULL, NULL, NULL, 0}},
        /* pool paths carry grants, so who asks for access asks for pools */
        {pools_path,
         {PIC_ACCESS | PIC_POOLS, "pools", "", "Pool.Audit on /pool", "/pool",
          "Pool.Audit|Pool.Allocate", 0}},
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (p->ask.what & lists[i].as.bits) {
            picture_want_as(p, &lists[i].as, "whole", "%s", lists[i].path);
        }
    }
}

/* The members of a pool, nested ids ("prod/db") included: these stand in a query only. */
static bool put(struct picture *p, const struct pic_answer *a) {
    if (strcmp(a->path, pools_path) != 0) {
        return false;
    }
    for (size_t i = 0; i < js_len(a->data); i++) {
        const char *id = js_str_or(js_at(a->data, i), "poolid", "");
        struct want_as as = {.bits = PIC_ACCESS | PIC_POOLS, .label = "members of pools"};

        if (!ident_is_pool(id)) {
            continue; /* named by nobody who could ask for it */
        }
        as.whose = picture_str(p, id);
        as.privilege = picture_strf(p, "Pool.Audit on /pool/%s", id);
        picture_want_as(p, &as, "members", "/pools?poolid=%s", id);
    }
    return true;
}

const struct pic_part part_access = {
    .bits = PIC_ACCESS | PIC_POOLS | PIC_ACL,
    .start = start,
    .put = put,
};
