/* SPDX-License-Identifier: Apache-2.0 */
/* The file of kept cosignatures, and lines from witnesses that go into it: what comes out is read
 * again, and holds no more than one note of one text. The first line is the witness's answer, the
 * rest the file. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/witnessed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The log of the published vector (seed 00…1f), its checkpoint of size 3. */
static const char vkey[] =
    "ledger.example/c1+6a205c0b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
static const char head[] =
    "ledger.example/c1\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n"
    "\xe2\x80\x94 ledger.example/c1 aiBcC4jxGAx21qQPAi1LLzkNKGFGfxUgd96/yra+2O9m5vtWWBR88fTK3/"
    "bU5mBPknE7Eipfz3qvfE0dEKsiF9DpogI=\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(witnessed_done) struct witnessed w = {0};
    CLEANUP(witnessed_done) struct witnessed again = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(freep) char *line = NULL;
    const uint8_t *nl = memchr(data, '\n', size);
    struct vkey log;

    if (!nl || vkey_parse(vkey, &log, NULL) < 0) {
        assert(!nl);
        return 0;
    }
    line = strndup((const char *)data, (size_t)(nl - data) + 1);
    assert(line);
    (void)witnessed_parse((const char *)nl + 1, size - (size_t)(nl + 1 - data), &log, &w, NULL);
    if (witnessed_add(&w, &log, head, strlen(head), line, &b, NULL) == 0) {
        assert(witnessed_parse(buf_str(&b), b.len, &log, &again, NULL) == 0);
        for (size_t i = 1; i < again.n; i++) {
            assert(again.v[i].c.size <= again.v[i - 1].c.size);
        }
    }
    return 0;
}
