/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/sdn_int.h - what the rows of the software-defined network share. */
#pragma once
#include "proximo-client/tools/send.h"

/* sdn.c: what waits for an apply. */
extern const struct thing sdn_zone, sdn_vnet, sdn_subnet, sdn_controller;

/* sdn_plan.c */
assess_fn assess_sdn;
/* A subnet is made as "10.0.0.0/24" and listed as "ZONE-10.0.0.0-24": the zone is that of its vnet
 * as it is configured. */
int sdn_subnet_listed(struct draft *d, struct session *s, js *names, struct err *e);
void sdn_subnet_made(js *names);
/* A subnet as its settings, ranges of addresses as they are sent. */
js *sdn_subnet_shape(const js *answer, const js *args);
/* The ways back of applying and of forgetting what is pending; the latter is "no_change" when
 * nothing is. */
int sdn_apply_back(struct draft *d, const struct assess *a, struct err *e);
int sdn_rollback_back(struct draft *d, const struct assess *a, struct err *e);

/* sdn_stage.c: configurations as {zones|vnets|subnets|controllers: {name: settings}}; a subnet's
 * settings hold its vnet. */
/* What runs and what is configured; both new values. */
int sdn_read(struct draft *d, js **ret_running, js **ret_config, struct err *e);
/* The requests that turn one configuration into the other, in an order in which PVE refuses none.
 * What no request can set is added to limits. */
int sdn_stage(struct draft *d, enum phase phase, const js *from, const js *to, struct buf *limits,
              struct err *e);
