/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/ha.h - the HA manager: what it knows of a service, where it would put it, and
 * its rounds. ha.c keeps resources and rules, ha_status.c shows what it is at, ha_place.c chooses
 * nodes, ha_manager.c acts. */
#pragma once
#include "proximo-client/sim/sim.h"

/* A resource that the manager looks after: not "ignored", with a guest that is there. */
struct service {
    const char *sid; /* borrowed, as all of it */
    const js *conf;
    struct guest g;
    const char *want; /* "started", "stopped", "disabled" */
};
/* false: it does not; ret->g is the guest all the same when there is one (else its obj is NULL). */
bool service_find(struct sim *s, const char *sid, struct service *ret);

/* power.c, migrate.c: the ends of tasks that people start, too. */
const char *finish_start(struct sim_task *t);
const char *finish_stop(struct sim_task *t);
const char *finish_migrate(struct sim_task *t);

/* ---- ha.c ---- */
/* "freeze" or "ignore" while HA is disarmed, else NULL. */
const char *ha_disarmed(struct sim *s);
/* The resource leaves all rules; a rule that names nobody any more goes. */
void ha_purge(struct sim *s, const char *sid);

/* ---- ha_place.c ---- */
enum prefer {
    PREFER_NONE, /* stay where the rules allow it */
    PREFER_BEST, /* the node with the fewest services */
    PREFER_NEXT  /* one where it has not failed yet */
};
bool node_is_up(struct sim *s, const char *node);
bool node_is_usable(struct sim *s, const char *node); /* up, and not in maintenance */
/* NULL: the rules leave no node. Borrowed from the state. */
const char *ha_choose(struct sim *s, const struct service *v, enum prefer how);
/* [sid, …] that stay together with it, or are kept apart from it. New reference. */
js *ha_affine(struct sim *s, const char *sid, bool together);

/* ---- ha_manager.c ---- */
/* One round: what is not as it should be gets a task. Commits. At the end of every change. */
void ha_round(struct sim *s);
/* A task of the manager ended (its changes are committed). */
void ha_ended(struct sim *s, const struct sim_task *t, const char *error);
/* The motions that failed are tried again: something that they hang on has changed. */
void ha_changed(struct sim *s);
/* Asks for a motion ("migrate", "relocate"), of those too that stay together with it. *ret_with and
 * *ret_blocking (new references, may be NULL): as the API answers. false: a rule forbids it. */
bool ha_move(struct sim *s, const struct service *v, const char *how, const char *node,
             js **ret_with, js **ret_blocking);
/* As /cluster/ha/status shows it: for people, and for the manager itself. */
const char *ha_state(struct sim *s, const struct service *v, bool verbose);
