/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the picture asks for, round by round (lists, then configurations, then snapshots),
 * each round concurrently. A refused read goes into the picture as refused. The round trips are
 * four, whatever the number of guests. */
#include "proximo-client/pve/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"

struct round {
    struct pve_job *job;
    struct err *err;
    size_t n;
};

static void round_done(struct round *r) {
    for (size_t i = 0; i < r->n; i++) {
        js_freep(&r->job[i].data);
    }
    free(r->job);
    free(r->err);
}

static bool is_hopeless(const struct err *e) {
    return strcmp(e->tag, "pve_unauthorized") == 0 || strcmp(e->tag, "pve_tls") == 0 ||
           (strcmp(e->tag, "pve_unreachable") == 0 && e->http_status == 0);
}

static int round_run(struct pve *p, struct picture *pic, const struct picture_read *want, size_t n,
                     picture_seen seen, void *ctx, struct err *e) {
    CLEANUP(round_done) struct round b = {calloc(n, sizeof(*b.job)), calloc(n, sizeof(*b.err)), 0};
    int r;

    if (!b.job || !b.err) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    b.n = n;
    for (size_t i = 0; i < n; i++) {
        b.job[i] = (struct pve_job){.path = want[i].path, .err = &b.err[i]};
    }
    r = pve_get_many(p, b.job, n, e);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (b.job[i].result < 0 && is_hopeless(&b.err[i])) {
            if (e) {
                *e = b.err[i];
            }
            return b.job[i].result;
        }
        if (b.job[i].result == 0 && seen && want[i].reduce) {
            r = seen(ctx, want[i].path, want[i].reduce, b.job[i].data, e);
        }
        picture_put(pic, want[i].path, b.job[i].data, b.job[i].result,
                    b.job[i].result < 0 ? &b.err[i] : NULL);
    }
    return r;
}

int picture_read(struct pve *p, const struct picture_ask *ask, picture_seen seen, void *ctx,
                 struct picture **ret, struct err *e) {
    CLEANUP(picture_freep) struct picture *pic = NULL;
    const struct picture_read *want;
    size_t n;
    int r = picture_new(ask, &pic, e);

    while (r == 0 && (n = picture_need(pic, &want)) > 0) {
        r = round_run(p, pic, want, n, seen, ctx, e);
    }
    if (r == 0) {
        *ret = TAKE(pic);
    }
    return r;
}
