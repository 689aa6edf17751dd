/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/look.h - the picture of the cluster that a plan is made from, from the
 * best source there is, and the plan's word on which that was. */
#pragma once
#include "proximo-client/pve/inventory.h"

struct draft;

/* As picture_read(). A question about all guests is answered with one inventory of an enrolled,
 * trusted node, as far as it goes: what would be one read a guest is taken from it, and only for
 * guests that the API lists to this token. Lists, privileges and what is live come from the API in
 * any case. An inventory that cannot be had, is not valid, or does not agree with the API on which
 * guest is where, is not used; the plan says why. */
int look(struct draft *d, const struct picture_ask *ask, picture_seen seen, void *ctx,
         struct picture **ret, struct err *e);
