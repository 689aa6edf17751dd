/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/pbs.h - a simulated Proxmox Backup Server in place of a cluster: the same
 * state, journal, tasks and HTTPS face, another API. Paths, parameters, privileges and messages
 * follow the public source of proxmox-backup 3.2; no server was ever asked. docs/pvesim.1 says what
 * is left out.
 *
 * The state: "product": "pbs", "node", users and acl as of a cluster (acl: path -> "user:x" ->
 * role), "datastores" {name: settings}, "content" {store: {"/ns": {"vm/100": {owner, notes,
 * snapshots:
 * {"time": {files, size, protected, notes, verification}}}}}}, "prune" "verify" "sync" {id:
 * settings}, "remotes", "traffic", "left" {path: a datastore that was there}, "gc" {store: status},
 * "garbage" {store: bytes}, "tasks". */
#pragma once
#include "proximo-client/sim/routes.h"

extern const struct route pbs_routes[];
extern const size_t pbs_n_routes;

js *pbs_demo(int64_t now);
/* -EBADMSG says what is wrong. */
int pbs_check(js *root, struct err *e);

/* ---- pbs_acl.c ---- */
bool pbs_acl_any(const struct state *s, const char *auth, const char *path, const char *names);
handler route_pbs_permissions, route_pbs_acl, route_pbs_users, route_pbs_tokens;
handler route_pbs_roles;
js *pbs_user_out(const char *id, const js *u);
js *pbs_token_out(const char *user, const char *name, const js *t);
bool pbs_is_role(const char *role);
/* On /datastore/STORE[/ns]: 0, or -1 with the 403. *limited: only what the caller owns. */
int pbs_ns_may(struct call *c, const char *store, const char *ns, const char *full,
               const char *partial, bool *limited);
/* Whether the caller is the owner, or the user of the token that is. */
bool pbs_owns(const struct call *c, const char *owner);

/* ---- pbs_store.c ---- */
handler route_pbs_datastores, route_pbs_datastore_config, route_pbs_datastore_configs,
    route_pbs_datastore_create, route_pbs_datastore_update, route_pbs_datastore_delete,
    route_pbs_status, route_pbs_usage, route_pbs_gc_status, route_pbs_gc, route_pbs_namespaces,
    route_pbs_namespace_create, route_pbs_namespace_delete;
/* The parameter's text without a NULL, and as the state's key of a namespace ("/" is the root). */
const char *pbs_text(const struct call *c, const char *param);
void pbs_ns_key(const char *ns, char ret[static 280]);
/* Whether key is the namespace `top` or at most depth levels below it. */
bool pbs_ns_below(const char *key, const char *top, int64_t depth);
js *pbs_content(struct sim *s, const char *store); /* NULL: no such datastore */
/* 0, or -1 "no such datastore". */
int pbs_store_of(struct call *c, const char *store);
void pbs_remove_snapshot(struct sim *s, const char *store, const char *ns_key, const char *group,
                         const char *time);
/* Removes what is not protected; true when nothing is left. */
bool pbs_remove_group(struct sim *s, const char *store, const char *ns_key, const char *group);
/* Settings with the name that the state keeps them under. */
js *pbs_named(const char *name, const js *of);
/* Answers an object with the digest of the section of the state it stands in; checks one. */
/* Takes out the keys that the parameter `delete` names, as a list or as text. */
void pbs_drop_deleted(const struct call *c, js *o);
void pbs_with_digest(struct call *c, const char *section);
int pbs_same_digest(struct call *c, const char *section);

/* ---- pbs_groups.c ---- */
handler route_pbs_groups, route_pbs_group_delete, route_pbs_group_notes, route_pbs_group_notes_set,
    route_pbs_owner, route_pbs_snapshots, route_pbs_snapshot_delete, route_pbs_files,
    route_pbs_notes, route_pbs_notes_set, route_pbs_protected, route_pbs_protected_set;

/* ---- pbs_work.c ---- */
handler route_pbs_prune, route_pbs_prune_store, route_pbs_verify, route_pbs_run;

/* ---- pbs_jobs.c ---- */
handler route_pbs_job_list, route_pbs_job_get, route_pbs_job_create, route_pbs_job_update,
    route_pbs_job_delete, route_pbs_job_status, route_pbs_traffic, route_pbs_node_status,
    route_pbs_time, route_pbs_version;

/* ---- pbs_config.c ---- */
handler route_pbs_section_list, route_pbs_section_get, route_pbs_section_create,
    route_pbs_section_update, route_pbs_section_delete;

/* ---- pbs_access.c ---- */
handler route_pbs_user, route_pbs_user_create, route_pbs_user_update, route_pbs_user_delete,
    route_pbs_token, route_pbs_token_create, route_pbs_token_update, route_pbs_token_delete,
    route_pbs_acl_update;
