/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/policy_rules.h - merging the sources' opinions into one policy. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct config;
struct err;

/* Fills c->policy from c->opinion: exec needs a yes and no no, allowlists intersect, approvals only
 * rise above the defaults, times only shrink. "bad_config" for a value that cannot be read. */
int policy_merge(struct config *c, struct err *e);

/* "101 105-109" (blanks or commas) or "*". -EINVAL when malformed. */
int vmid_list_check(const char *list);
bool vmid_list_has(const char *list, uint32_t vmid);
