/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/left.h - how an operation left what it made, for an undo that must not
 * take away what somebody has changed or begun to use since. */
#pragma once
#include "common/digest.h"
#include "common/js.h"

struct change;
struct err;
struct ledger;

/* Reads what the plan's way back compares with (undo.left, also of its steps) of all requests that
 * were carried out whole, and keeps it as a body of the ledger that the outcome names. What cannot
 * be read is not in it: then the undo says that it cannot tell. */
void left_take(struct change *c);
/* {read: reduced answer}, new value; NULL: it is not here. */
js *left_load(struct ledger *l, const struct hash *body);
