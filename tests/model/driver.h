/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/driver.h - what the drivers share: one case a line in, one answer a line out. */
#pragma once
#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "tests/unit/blast/world.h"

/* {"requests": [{method, path, form}]}: borrowed of the case. Returns how many. */
static inline size_t driver_requests(const js *c, struct blast_request *ret, size_t max) {
    const js *list = js_get(c, "requests");
    size_t n = 0;

    for (; n < js_len(list) && n < max; n++) {
        const js *q = js_at(list, n);

        ret[n] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    return n;
}

/* Answers until the input ends: main()'s result. `answer` gives a new value. */
static inline int driver_run(js *(*answer)(const js *c)) {
    CLEANUP(freep) char *line = NULL;
    size_t room = 0;
    ssize_t n;

    while ((n = getline(&line, &room, stdin)) > 0) {
        CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 24);
        CLEANUP(js_freep) js *c = NULL;
        CLEANUP(js_freep) js *o = NULL;
        struct err e = {0};

        if (js_parse(line, (size_t)n, &c, &e) < 0) {
            (void)fprintf(stderr, "%s\n", e.msg);
            return 1;
        }
        o = answer(c);
        if (js_print(o, &out) < 0) {
            return 1;
        }
        (void)printf("%s\n", buf_str(&out));
        (void)fflush(stdout);
    }
    return 0;
}
