/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/rows.h - what the table files of this folder share: the tables, field
 * shorthands, the shape of answers. Not seen outside tools/ and undo/. */
#pragma once
#include "common/buf.h"
#include "common/err.h"
#include "common/js.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/tools/tool.h"

/* Tables; each ends with a row without a name. */
extern const struct row core_rows[];
extern const struct row cluster_rows[];
extern const struct row cluster_read_rows[];
extern const struct row node_rows[];
extern const struct row node_read_rows[];
extern const struct row network_rows[];
extern const struct row sdn_read_rows[];
extern const struct row sdn_rows[];
extern const struct row vnet_firewall_rows[];
extern const struct row ceph_read_rows[];
extern const struct row guest_rows[];
extern const struct row snapshot_rows[];
extern const struct row storage_rows[];
extern const struct row task_rows[];
extern const struct row pbs_rows[], pbs_change_rows[], pbs_job_rows[], pbs_config_rows[],
    pbs_access_rows[];
extern const struct row access_rows[];
extern const struct row pool_rows[];
extern const struct row access_acl_rows[];
extern const struct row access_realm_rows[];
extern const struct row access_user_rows[];
extern const struct row api_rows[];
extern const struct row backup_rows[];
extern const struct row backup_fresh_rows[];
extern const struct row content_rows[];
extern const struct row guest_life_rows[];
extern const struct row ha_rows[];
extern const struct row replication_rows[];
extern const struct row firewall_rows[];
extern const struct row firewall_name_rows[];
extern const struct row access_sync_rows[];
extern const struct row acme_rows[];
extern const struct row agent_rows[];
extern const struct row apt_rows[];
extern const struct row ceph_rows[];
extern const struct row disk_rows[];
extern const struct row mapping_rows[];
extern const struct row metrics_rows[];
extern const struct row node_power_rows[];
extern const struct row node_service_rows[];
extern const struct row node_setting_rows[];
extern const struct row notify_rows[];
extern const struct row evacuate_rows[];
extern const struct row exec_rows[];
extern const struct row ledger_rows[];

/* A guest is named by its vmid; node and kind may be added and are then only checked. */
#define FIELDS_GUEST                                                                               \
    {"vmid", F_VMID, NULL, true}, {"node", F_NODE, NULL}, {                                        \
        "kind", F_ENUM, NULL, .choices = "lxc|qemu"                                                \
    }
/* The window of a list. */
#define FIELDS_PAGE                                                                                \
    {"limit", F_INT, "most items", .min = 1, .max = 10000}, {                                      \
        "start", F_INT, "items to skip", .min = 0, .max = 10000000                                 \
    }

/* What answer_list makes, as a row's `result`. */
#define LIST_RESULT "total:integer returned:integer truncated:boolean items:array"

/* answer.c */
#define ANSWER_BYTES     (24 * 1024)   /* a list's items when no limit was asked for */
#define ANSWER_BYTES_MAX (1024 * 1024) /* and when one was */

/* A new object with copies of the members named in `keys` ("a b c") that are there and not null. */
js *answer_pick(const js *o, const char *keys);
/* Integer per cent of a fraction 0..1 as PVE gives it, -1 when it is none. */
int64_t answer_percent(const js *o, const char *key);
/* {items, total, returned, truncated, next_start?} of `all` (borrowed array) by args' start and
 * limit. `trim` makes what is shown of one item (NULL: a copy). */
js *answer_list(const js *all, const js *args, js *(*trim)(const js *item));
/* Marks such a list when one of its items has that text: whoever may set it may write to the agent.
 */
void answer_guest_text(js *list, const char *key);
/* {items:…} of an array of which only the last `limit` are wanted is not a page: see task.c. */

/* perms.c: whether a list that PVE filters by privilege may be short. Adds `partial` {privilege,
 * path, why} to the answer when the token lacks `privs` ("A|B": any of them) on `path` with
 * propagation, or when that could not be found out. Never fails the read. */
void answer_partial(struct session *s, js *answer, const char *path, const char *privs);

/* guest_path: "/nodes/N/lxc/105" + tail, every segment already checked. */
int guest_path(const struct guest_ref *g, const char *tail, struct buf *ret, struct err *e);
/* "ct/105" or "vm/104". size >= 16. */
void guest_label(const struct guest_ref *g, char *ret, size_t size);

/* "no_such_node" unless /nodes lists it. */
int check_node(struct session *s, const char *node, struct err *e);
/* -EBADMSG "pve_bad_answer": the API gave something of another shape. */
int bad_answer(const char *what, struct err *e);
/* The same unless it is a list of objects, or null: what is no list must not be told as an empty one. */
int need_rows(const char *what, const js *list, struct err *e);

/* GETs a path made by pve_path from args. */
int read_path(struct session *s, const char *template, const js *args, js **ret, struct err *e);
