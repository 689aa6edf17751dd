/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/output.h - what the commands of one operation wrote. */
#pragma once
#include "common/js.h"
#include "proximo-client/pipeline/change.h"

/* Takes {stdout, stderr, truncated …} of request q's command. The newest stands in the answer;
 * those of steps before it are its `before`, oldest first, cut to 16 KiB a stream. keep: nobody
 * else has it, so it goes into a body of the ledger, and so does what comes after it; one in
 * `before` names its own. */
void output_take(struct change *c, const js *q, js *output, bool keep);
/* The output as it may be shown: every command's, oldest first. */
void output_each(const js *output, void (*fn)(void *ctx, const js *one), void *ctx);
