/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/access.h - ACL entries that other rows of this folder take care of: PVE
 * drops the entries of what is deleted, so the way back has to make them again. */
#pragma once
#include "proximo-client/tools/send.h"

int acl_of_user(struct draft *d, const struct assess *a, struct err *e);
int acl_of_group(struct draft *d, const struct assess *a, struct err *e);
int acl_of_role(struct draft *d, const struct assess *a, struct err *e);
int acl_of_pool(struct draft *d, const struct assess *a, struct err *e);

/* The form that sets, or takes away, one entry of the list ({path, type, ugid, roleid, propagate}).
 * New value. */
js *acl_form(const js *entry, bool gone);

/* access_prune.c */
int plan_acl_prune(struct draft *d, const js *args, struct err *e);
int unplan_acl_prune(struct draft *d, const js *plan, struct err *e);
int check_acl_prune(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                    struct err *e);

int plan_acl(struct draft *d, const js *args, struct err *e);
int unplan_acl(struct draft *d, const js *plan, struct err *e);
int check_acl(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
