/* SPDX-License-Identifier: Apache-2.0 */
/* What analysers say, under fuzzing: every hit and every gap has its words, and nothing else of the
 * draft is needed. */
#include "tests/fuzz/blast/draft.h"

#include <stdlib.h>
#include <string.h>

#include "proximo-client/blast/blast.h"
#include "proximo-client/pipeline/draft.h"

unsigned int draft_told;

void draft_affect(struct draft *d, const struct affect *a) {
    (void)d;
    if (!a->resource || !a->effect || !a->why || strlen(a->why) > 1000) {
        abort();
    }
}
void draft_risk(struct draft *d, enum risk r, const char *fmt, ...) {
    (void)d;
    (void)r;
    (void)fmt;
}
void draft_unread(struct draft *d, const char *what, const char *why, const char *privilege) {
    (void)d;
    (void)privilege;
    if (!what || !why) {
        abort();
    }
    draft_told++;
}
void draft_coverage(struct draft *d, unsigned int nodes_read, unsigned int nodes,
                    unsigned int guests_read, unsigned int guests) {
    (void)d;
    if (nodes_read > nodes || guests_read > guests) {
        abort();
    }
}
