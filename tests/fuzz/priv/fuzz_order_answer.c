/* SPDX-License-Identifier: Apache-2.0 */
/* What the program that decides reads of the one that acts, which may have been taken over by what it
 * read: whatever is taken as an answer is bounded, written back as the same bytes, and each of its
 * items is a text or an item that is one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/act/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(void *ctx, const char *item) {
    *(uint64_t *)ctx += strlen(item) < LIM_PRIV_MSG;
    return 0;
}

static int is_text(void *ctx, const struct due *d) {
    (void)ctx;
    if (!d->client || !d->log || strlen(d->client) > LIM_LINES || strlen(d->log) > LIM_LINES) {
        abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(answer_done) struct order_answer a;
    uint64_t n = 0;
    int r;

    answer_init(&a);
    if (answer_read(data, size, &a) < 0) {
        return 0;
    }
    if (a.result > 0 || (unsigned int)a.outcome.how >= HOW_COUNT || a.outcome.value < 0 ||
        a.outcome.tail[0].len > EXEC_TAIL || a.outcome.tail[1].len > EXEC_TAIL ||
        answer_each(&a, count, &n) != 0 || n != a.n_items || answer_make(&a, &back) < 0 ||
        back.len != size || memcmp(back.data, data, size) != 0) {
        abort();
    }
    r = due_each(&a, is_text, NULL);
    if (r != 0 && r != -EBADMSG) {
        abort();
    }
    return 0;
}
