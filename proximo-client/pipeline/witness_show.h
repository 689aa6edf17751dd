/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/witness_show.h - what the log looks like to others after something was
 * written to it. */
#pragma once
#include "common/js.h"

struct buf;
struct session;

/* Shows the newest checkpoint to all witnesses at once and adds to the answer `checkpoint` (its
 * size) and `witness` {k, n, verdict, missing:[{witness, why}], unmet?:[name]}; unmet are those of
 * whom this process does not know whether they have seen more of the log than there is. Takes 3 s
 * at most, and never fails: a change that was done is done, whoever is away. */
void witness_show(struct session *s, js *answer);
/* The same for a person, one line and one for each who is missing; nothing without the members. */
void witness_render(const js *answer, struct buf *b);
