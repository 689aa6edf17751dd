/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about resource pools: groups of guests and storages that ACL entries can name. */
#include "proximo-client/tools/access.h"
#include "proximo-client/tools/assess.h"

static const struct thing pool = {
    .kind = "pool",
    .id = "poolid",
    .read = "/pools",
    .query = "poolid",
    .reduce = "pool", /* not whether its members run */
    .list = "/pools",
    .match = "poolid",
    .drop = "members poolid",
    .made_by = "pve_pool_create",
    .deleted_by = "pve_pool_delete",
};

#define POOLID                                                                                     \
    { "poolid", F_STR, NULL, true, .min = 1, .max = 100 }

static const struct field list_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field pool_fields[] = {POOLID, {NULL}};
static const struct field create_fields[] = {
    POOLID,
    {"comment", F_STR, NULL, .max = 1000},
    {NULL},
};
static const struct field update_fields[] = {
    POOLID,
    {"comment", F_STR, "new comment; empty takes it away", true, .max = 1000, .unset = ""},
    {NULL},
};
static const struct field member_fields[] = {
    POOLID,
    {"vms", F_STRS, "vmids", .max = 200},
    {"storage", F_STRS, "storage ids", .max = 200},
    {NULL},
};

#define POOL_PRIV "/pool/{poolid} Pool.Allocate"

const struct row pool_rows[] = {
    {"pve_pools_list", "List pools", "Lists the resource pools. Changes nothing.", "pool",
     EFFECT_READ, ROW_IDEMPOTENT, list_fields, .path = "/pools",
     .privilege = "/pool/{poolid} Pool.Audit", .result = LIST_RESULT},
    {"pve_pool_get", "Pool and its members",
     "Shows one pool with the guests and storages in it. Changes nothing.", "pool", EFFECT_READ,
     ROW_IDEMPOTENT, pool_fields, .path = "/pools", .query = "poolid",
     .privilege = "/pool/{poolid} Pool.Audit", .result = LIST_RESULT},
    {"pve_pool_create", "Make a pool", "Plans a new, empty resource pool." PLANS, "pool",
     EFFECT_CHANGE, 0, create_fields, .undo = "inverse", .privilege = POOL_PRIV,
     .send =
         &(const struct send){
             .does = SEND_CREATE,
             .on = &pool,
             .method = "POST",
             .path = "/pools",
             .say = "make pool {poolid}",
             .alone = "a new pool has no members and no ACL entries",
         }},
    {"pve_pool_update", "Change a pool's comment", "Plans a new comment of a pool." PLANS, "pool",
     EFFECT_CHANGE, 0, update_fields, .undo = "restore-object", .privilege = POOL_PRIV,
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &pool,
             .method = "PUT",
             .path = "/pools",
             .say = "change pool {poolid}",
             .alone = "a comment grants nothing",
         }},
    {"pve_pool_delete", "Delete a pool",
     "Plans deleting an empty pool; who had access by it loses it." PLANS, "pool", EFFECT_CHANGE, 0,
     pool_fields, .analysers = "pool access", .undo = "restore-object", .privilege = POOL_PRIV,
     .send =
         &(const struct send){
             .assess = assess_pool,
             .does = SEND_DELETE,
             .on = &pool,
             .method = "DELETE",
             .path = "/pools",
             .say = "delete pool {poolid}",
             .more = acl_of_pool,
         }},
    {"pve_pool_members_add", "Put guests or storages into a pool",
     "Plans adding members to a pool; who has access to the pool gains access to them." PLANS,
     "pool", EFFECT_CHANGE, 0, member_fields, .analysers = "pool access", .undo = "inverse",
     .privilege = POOL_PRIV,
     .send =
         &(const struct send){
             .assess = assess_pool,
             .does = SEND_ACTION,
             .on = &pool,
             .method = "PUT",
             .path = "/pools",
             .say = "add to pool {poolid}: guests {vms}, storages {storage}",
             .inverse = "pve_pool_members_remove",
         }},
    {"pve_pool_members_remove", "Take guests or storages out of a pool",
     "Plans removing members from a pool; who had access by the pool loses it." PLANS, "pool",
     EFFECT_CHANGE, 0, member_fields, .analysers = "pool access", .undo = "inverse",
     .privilege = POOL_PRIV,
     .send =
         &(const struct send){
             .assess = assess_pool,
             .does = SEND_ACTION,
             .on = &pool,
             .method = "PUT",
             .path = "/pools",
             .fixed = "delete=1",
             .say = "take out of pool {poolid}: guests {vms}, storages {storage}",
             .inverse = "pve_pool_members_add",
         }},
    {NULL},
};
