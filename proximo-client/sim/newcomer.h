/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/newcomer.h - a guest that was not there before: made, restored, copied. */
#pragma once
#include "proximo-client/sim/sim.h"

/* Puts it into the state, stopped and without snapshots. Takes cfg. */
void newcomer_add(struct sim *s, uint32_t vmid, bool lxc, const char *node, js *cfg);
void newcomer_pool(struct sim *s, uint32_t vmid, const char *pool);
/* Every network device of a configuration gets a MAC address of its own, with the cluster's prefix.
 */
void config_new_macs(struct sim *s, js *cfg);
void config_new_genid(struct sim *s, js *cfg);
/* smbios1 gets another uuid; what else stands in it stays. */
void config_new_uuid(struct sim *s, js *cfg);
