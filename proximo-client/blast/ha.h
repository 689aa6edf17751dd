/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/ha.h - inside of the analyser of the HA plane: requests on its lists. */
#pragma once
#include "proximo-client/blast/ha_int.h"

enum ha_part { HA_RESOURCE, HA_RULE, HA_GROUP };

/* What a request is about. */
struct ha_touch {
    enum ha_part part;
    char id[AFTER_ID];
    bool gone;
    const js *form;
};

/* Carries the request out on world {resources, rules, groups}. false: it is none of these, or names
 * what is not there. */
bool ha_after(const struct picture *p, js *world, const struct blast_request *q,
              struct ha_touch *ret);
/* Tells the draft when PVE would refuse it. world: as it would be. */
void ha_refused(const struct ha *before, const struct ha *after, const struct ha_touch *t,
                const js *world, struct draft *d);
