/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/secrets.h - values that stand in a plan only as a commitment (formats.md
 * 3): kept in secrets/<plan_id> until they are used once. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct buf;
struct err;
struct ledger;

/* Does nothing when there are none. values: object commitment -> value. */
int secrets_save(struct ledger *l, const char *plan_id, const uint8_t key[static 32],
                 const js *values, struct err *e);
/* A copy of `form` with every {"secret":…} replaced by its value, each checked against its
 * commitment. "secret_lost" when the file is gone, "secret_mismatch" when it was changed. */
int secrets_fill(struct ledger *l, const char *plan_id, const js *form, js **ret, struct err *e);
/* Removes the values that no plan can use any more: of plans that are spent and not being executed,
 * that have expired, or that were never recorded because their process died. What cannot be decided
 * stays. Returns how many it removed. */
size_t secrets_sweep(struct ledger *l);
/* Overwrites in `text` what an API sent back of the secrets of a form: the values of `filled` that
 * are commitments in `planned`, and any beginning of them. */
void secrets_hide(const js *planned, const js *filled, char *text);
/* The same in the n bytes of what a command wrote, which may repeat a secret it was given: each
 * line of a secret that is long enough to tell something, whole. */
void secrets_hide_lines(const js *planned, const js *filled, char *text, size_t n);
