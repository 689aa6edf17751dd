/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/pbs_ask.h - a question to the analysers of a backup server, as JSON: {what, …}, for
 * the model's driver and for fuzzing. */
#pragma once
#include <errno.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/pbs.h"

#define PBS_REQUESTS 16 /* of one question; more are not asked */

static inline int pbs_ask_access(const js *c, struct draft *d) {
    const js *list = js_get(c, "requests");
    struct blast_request req[PBS_REQUESTS];
    size_t n = 0;

    for (; n < js_len(list) && n < PBS_REQUESTS; n++) {
        const js *q = js_at(list, n);

        req[n] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    return blast_pbs_access(js_get(c, "world"), req, n, js_get_str(c, "own"),
                            js_int_or(c, "now", 0), d);
}

/* -EINVAL: there is no such question. */
static inline int pbs_ask(const js *c, struct draft *d) {
    const char *what = js_str_or(c, "what", "");
    const js *view = js_get(c, "view"), *before = js_get(c, "before"), *after = js_get(c, "after");
    const struct pbs_which which = {.group = js_get_str(c, "group"),
                                    .time = js_int_or(c, "time", 0)};
    int64_t now = js_int_or(c, "now", 0);

    return strcmp(what, "access") == 0 ? pbs_ask_access(c, d)
           : strcmp(what, "prune") == 0
               ? blast_pbs_prune(view, js_get(c, "rules"), which.group, now, d)
           : strcmp(what, "delete") == 0 ? blast_pbs_delete(view, &which, now, d)
           : strcmp(what, "remote") == 0
               ? blast_pbs_remote(js_get(c, "jobs"), js_str_or(c, "remote", ""), before, after, d)
           : strcmp(what, "job") == 0
               ? blast_pbs_job(view, js_str_or(c, "kind", ""), before, after, now, d)
               : -EINVAL;
}
