/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the picture asks for, round by round (lists, then configurations, then snapshots),
 * each round concurrently. A refused read goes into the picture as refused. The round trips are
 * few, whatever the number of guests: the last asks whether the cluster stood still. */
#include "proximo-client/pve/inventory.h"

#include <errno.h>
#include <stdio.h>
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

/* What was heard in one pass; told to `seen` only when the pass counts. */
struct heard {
    struct {
        char *path;
        const char *reduce;
        const char *const *only;
        js *data;
    } * v;
    size_t n, room;
};

static void heard_done(struct heard *h) {
    for (size_t i = 0; i < h->n; i++) {
        free(h->v[i].path);
        js_freep(&h->v[i].data);
    }
    free(h->v);
    *h = (struct heard){0};
}

static int heard_add(struct heard *h, const struct picture_read *want, js *data) {
    char *path = strdup(want->path);

    if (path && h->n == h->room) {
        size_t room = h->room ? 2 * h->room : 64;
        void *more = reallocarray(h->v, room, sizeof(*h->v));

        h->room = more ? room : h->room;
        h->v = more ? more : h->v;
    }
    if (!path || h->n == h->room) {
        free(path);
        return -ENOMEM;
    }
    h->v[h->n].path = path;
    h->v[h->n].reduce = want->reduce;
    h->v[h->n].only = want->only;
    h->v[h->n].data = js_ref(data);
    h->n++;
    return 0;
}

struct reading {
    picture_fetch fetch;
    void *fetch_ctx;
    const struct picture_ask *ask;
};

static int round_run(const struct reading *by, struct picture *pic, const struct picture_read *want,
                     size_t n, struct heard *heard, struct err *e) {
    CLEANUP(round_done) struct round b = {calloc(n, sizeof(*b.job)), calloc(n, sizeof(*b.err)), 0};
    int r;

    if (!b.job || !b.err) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    b.n = n;
    for (size_t i = 0; i < n; i++) {
        b.job[i] = (struct pve_job){.path = want[i].path, .only = want[i].only, .err = &b.err[i]};
    }
    r = by->fetch(by->fetch_ctx, b.job, n, e);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (b.job[i].result < 0 && is_hopeless(&b.err[i])) {
            if (e) {
                *e = b.err[i];
            }
            return b.job[i].result;
        }
        if (b.job[i].result == 0 && want[i].reduce && heard_add(heard, &want[i], b.job[i].data)) {
            return err_set(e, -ENOMEM, "out of memory");
        }
        picture_put(pic, want[i].path, b.job[i].data, b.job[i].result,
                    b.job[i].result < 0 ? &b.err[i] : NULL);
    }
    return r;
}

static const char guests_path[] = "/cluster/resources?type=vm";

/* Where each guest is and whether it runs; what counters say does not count. */
static js *places(const js *list) {
    js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);
        char vmid[24];

        (void)snprintf(vmid, sizeof(vmid), "%lld", (long long)js_int_or(row, "vmid", 0));
        js_addf(o, vmid, "%s %s %s %d", js_str_or(row, "type", ""), js_str_or(row, "node", ""),
                js_str_or(row, "status", ""), js_bool_or(row, "template", false));
    }
    return o;
}

/* The list of guests is asked for once more at the end: a guest that moved, came or went while
 * thousands of configurations were read may be missing from the picture, or be in it twice. */
static int has_moved(const struct reading *by, const struct heard *heard, bool *ret,
                     struct err *e) {
    struct err why = {0};
    struct pve_job job = {.path = guests_path, .err = &why};
    const js *first = NULL;
    int r;

    for (size_t i = 0; i < heard->n; i++) {
        if (strcmp(heard->v[i].path, guests_path) == 0) {
            first = heard->v[i].data;
            job.only = heard->v[i].only;
        }
    }
    *ret = false;
    r = first ? by->fetch(by->fetch_ctx, &job, 1, e) : 0;
    if (r == 0 && first &&
        job.data != first) { /* the same object: the source says it stood still */
        CLEANUP(js_freep) js *then = places(first);
        CLEANUP(js_freep) js *now = places(job.data);

        *ret = job.result < 0 || !js_eq(then, now);
    }
    js_freep(&job.data);
    return r;
}

static int pass(const struct reading *by, struct heard *heard, bool *ret_moved,
                struct picture **ret, struct err *e) {
    CLEANUP(picture_freep) struct picture *pic = NULL;
    const struct picture_read *want;
    size_t rounds = 0;
    size_t n;
    int r = picture_new(by->ask, &pic, e);

    *ret_moved = false;
    while (r == 0 && (n = picture_need(pic, &want)) > 0) {
        r = round_run(by, pic, want, n, heard, e);
        rounds++;
    }
    if (r == 0 && rounds > 1) { /* one round is one moment */
        r = has_moved(by, heard, ret_moved, e);
    }
    if (r == 0) {
        *ret = TAKE(pic);
    }
    return r;
}

int picture_read_by(picture_fetch fetch, void *fetch_ctx, const struct picture_ask *ask,
                    picture_seen seen, void *ctx, struct picture **ret, struct err *e) {
    const struct reading by = {fetch, fetch_ctx, ask};
    CLEANUP(picture_freep) struct picture *pic = NULL;
    CLEANUP(heard_done) struct heard heard = {0};
    bool moved = false;
    int r = pass(&by, &heard, &moved, &pic, e);

    if (r == 0 && moved) {
        picture_freep(&pic);
        heard_done(&heard);
        r = pass(&by, &heard, &moved, &pic, e);
    }
    if (r == 0 && moved) {
        picture_doubt_guests(pic, "the cluster changed while it was read, twice");
    }
    for (size_t i = 0; r == 0 && seen && i < heard.n; i++) {
        r = seen(ctx, heard.v[i].path, heard.v[i].reduce, heard.v[i].data, e);
    }
    if (r == 0) {
        *ret = TAKE(pic);
    }
    return r;
}

static int fetch_api(void *ctx, struct pve_job *job, size_t n, struct err *e) {
    return pve_get_spread(ctx, job, n, e);
}

int picture_read(struct pve *p, const struct picture_ask *ask, picture_seen seen, void *ctx,
                 struct picture **ret, struct err *e) {
    return picture_read_by(fetch_api, p, ask, seen, ctx, ret, e);
}
