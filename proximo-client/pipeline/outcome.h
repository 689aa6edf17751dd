/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/outcome.h - writing an outcome entry, also for an operation that another
 * process left behind. */
#pragma once
#include "common/digest.h"
#include "common/js.h"
#include "proximo-client/pipeline/change.h"

struct session;

/* executed: how many execute requests were carried out whole; negative when that is not known. */
int outcome_append(struct session *s, const struct hash *leaf, const struct hash *plan,
                   enum outcome out, const js *tasks, int64_t executed, const char *summary,
                   struct err *e);
