/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/plans.h - what the planning files of this folder share. A plan function
 * fills a draft; it sends nothing that changes anything and cannot (only reading headers are seen
 * here). */
#pragma once
#include "proximo-client/tools/rows.h"

/* What every planning row answers. */
#define PLAN_RESULT "plan_id:string status:string plan:object next:string"

/* How the description of every planning row ends. */
#define PLANS " Returns a plan; nothing runs before it is applied."

/* resolve_guest and check_node over lists that are read once a draft, however many steps it has.
 * They rest on nothing: what decides is read again, by its own path, as a precondition. */
int draft_guest(struct draft *d, const js *args, struct guest_ref *ret, struct err *e);
int draft_node(struct draft *d, const char *node, struct err *e);

/* --- guests (guest_plan.c) --- */

/* Resolves the guest and makes it the draft's target. "guest_locked" while PVE holds a lock on it;
 * *ret_status (may be NULL) is its status/current, a precondition by the reducer `power`. */
int plan_guest(struct draft *d, const js *args, struct guest_ref *ret, js **ret_status,
               struct err *e);
/* draft_read below the guest's own path. */
int plan_guest_read(struct draft *d, const struct guest_ref *g, const char *tail,
                    const char *reduce, js **ret, struct err *e);
/* draft_request below the guest's own path; form is consumed. fresh: the form's late digest is the
 * digest of the guest's configuration. */
int plan_guest_request(struct draft *d, enum phase phase, const struct guest_ref *g,
                       const char *method, const char *tail, js *form, bool fresh, struct err *e);
/* Whether the guest's storages can take a snapshot: 1 yes, 0 no (*ret_why, static text), negative:
 * could not be found out. */
int plan_can_snapshot(struct draft *d, const struct guest_ref *g, const js *config,
                      const char **ret_why, struct err *e);
/* snapshot_first.c: a snapshot of the present is taken first, and the way back is a rollback to it:
 * 1. `before` in words ("rollback"). 0: no storage of it can (*ret_why). config: the guest's. */
int plan_snapshot_first(struct draft *d, const struct guest_ref *g, const js *config,
                        const char *before, const char **ret_why, struct err *e);
/* True when one of the guest's volumes is on a storage of that type. */
int plan_on_storage_type(struct draft *d, const js *config, const char *type, bool *ret,
                         struct err *e);

/* guest.c: keys of a guest's configuration whose value is never shown or recorded. */
bool config_is_secret(const char *key);

/* --- several changes in one plan (steps.c, select.c) --- */
int plan_steps(struct draft *d, const js *args, struct err *e);
int check_steps(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
/* Whether a selector can be understood: {vmids?, tag?, pool?, node?, kind?, status?, name?}. */
int select_check(const js *select, struct err *e);
/* The vmids of the guests for which all of it holds, rising. "nothing_selected". */
int select_guests(struct draft *d, const js *select, js **ret, struct err *e);

/* --- values --- */

/* A form value as PVE compares it: booleans are 1 and 0. Borrowed from v or static. */
const char *value_text(const js *v);
/* Equal as PVE sees it ("512" and 512, true and 1). NULL equals NULL only. */
bool value_same(const js *a, const js *b);

/* --- keys (keys.c) --- */
bool key_is_guest(const char *kind, const char *key); /* settable or deletable */
bool key_is_disk(const char *kind, const char *key);  /* holds a volume */
bool key_is_unused(const char *key);
bool key_is_storage(const char *key, bool create); /* settable in POST or PUT /storage */
bool key_is_storage_secret(const char *key);

/* --- plan and check functions of the rows --- */
int plan_guest_power(struct draft *d, const js *args, struct err *e);
int check_guest_power(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                      struct err *e);
int plan_config_set(struct draft *d, const js *args, struct err *e);
/* guest_made.c; check_create also of a restore */
int check_create(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
/* How long the checks below wait for HA's manager, whose rounds are ten seconds apart. */
#define HA_SETTLE_TRIES 40
#define HA_SETTLE_MS    500
int check_migrate(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
int check_resize(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
int check_clone(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
int check_template(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
int check_config_set(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                     struct err *e);
int plan_snapshot_create(struct draft *d, const js *args, struct err *e);
int check_snapshot_create(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                          struct err *e);
int plan_snapshot_delete(struct draft *d, const js *args, struct err *e);
int check_snapshot_delete(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                          struct err *e);
int plan_rollback(struct draft *d, const js *args, struct err *e);
int check_rollback(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
int plan_storage_create(struct draft *d, const js *args, struct err *e);
int plan_storage_update(struct draft *d, const js *args, struct err *e);
int plan_storage_delete(struct draft *d, const js *args, struct err *e);
int check_storage_create(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                         struct err *e);
int check_storage_update(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                         struct err *e);
int check_storage_delete(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                         struct err *e);
int plan_exec(struct draft *d, const js *args, struct err *e);
int plan_logs(struct draft *d, const js *args, struct err *e);
int plan_task_stop(struct draft *d, const js *args, struct err *e);
int check_task_stop(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                    struct err *e);

/* Finishes a check: *ret_ok and a sentence. Returns 0. */
int check_done(bool ok, bool *ret_ok, char **ret_text, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- the picture (assess.c): reads what an analyser needs and hands it over --- */
int assess_power(struct draft *d, const struct guest_ref *g, const char *action, struct err *e);
int assess_config(struct draft *d, const struct guest_ref *g, const js *set, const js *del,
                  struct err *e);
int assess_rollback(struct draft *d, const struct guest_ref *g, const char *snapname,
                    struct err *e);
int assess_storage(struct draft *d, const char *storage, const js *set, const js *del, bool gone,
                   struct err *e);
/* A new definition, as it will be sent. */
/* A storage's definition goes, and what PVE takes with it; adds the undo's requests that bring that
 * back. */
int assess_storage_gone(struct draft *d, const char *storage, struct err *e);
/* Who gains by such requests ([{method, path, form}]) when an undo sends them. */
int assess_grants_back(struct draft *d, const js *sent, struct err *e);
int assess_storage_create(struct draft *d, const js *form, struct err *e);
int assess_exec(struct draft *d, const struct guest_ref *g, const js *explain, struct err *e);
