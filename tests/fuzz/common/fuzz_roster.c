/* SPDX-License-Identifier: Apache-2.0 */
/* Roster entries: what parses is written back to the same bytes, and whatever a note holds, opening
 * it and following its successions ends. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    CLEANUP(roster_entry_done) struct roster_entry signed_one = {.node = NULL};
    struct vkey step[ROSTER_FORMER];
    struct client_key k;
    struct hash h[LIM_NODES];
    size_t n;

    if (roster_entry_parse((const char *)data, size, &r, NULL) == 0) {
        assert(roster_entry_text(&r, &b, NULL) == 0);
        assert(b.len == size && memcmp(b.data, data, size) == 0);
        assert(roster_leads(&r, &r.receipt, step) == 0);
        (void)roster_leads(&r, &r.witness, step);
        (void)roster_answer_open((const char *)data, size, r.node, &r.receipt, h, &n, NULL);
        (void)client_key_open((const char *)data, size, &r.receipt, &k, NULL);
    }
    if (roster_entry_open((const char *)data, size, &signed_one, NULL) == 0) {
        assert(roster_leads(&signed_one, &signed_one.receipt, step) == 0);
    }
    return 0;
}
