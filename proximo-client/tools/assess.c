/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan to the blast analysers: reads the picture an analyser needs, makes what its verdict
 * depends on preconditions of the plan, and hands it over. A plan over one guest must not drift
 * because some other guest was started, so there only what speaks of that guest is remembered. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/plans.h"

struct seen {
    struct draft *d;
    char own[24]; /* "/105/": of the one guest the plan is about; "" = everything matters */
};

static int remember(void *ctx, const char *path, const char *reduce, const js *data,
                    struct err *e) {
    const struct seen *s = ctx;
    bool matters = !s->own[0] || strstr(path, s->own) || strcmp(path, "/storage") == 0 ||
                   strncmp(path, "/cluster/ha/", 12) == 0;

    return matters ? draft_precondition(s->d, path, reduce, data, e) : 0;
}

int assess_look(struct draft *d, const struct picture_ask *ask, uint32_t own, struct picture **ret,
                struct err *e) {
    struct seen seen = {.d = d};

    if (own) {
        (void)snprintf(seen.own, sizeof(seen.own), "/%u/", own);
    }
    session_progress(draft_session(d), 0, 0, "reading the cluster for the blast radius");
    return look(d, ask, remember, &seen, ret, e);
}

static int forget(void *ctx, const char *path, const char *reduce, const js *data, struct err *e) {
    (void)ctx;
    (void)path;
    (void)reduce;
    (void)data;
    (void)e;
    return 0;
}

int assess_peek(struct session *s, const struct picture_ask *ask, struct picture **ret,
                struct err *e) {
    return picture_read(s->pve, ask, forget, NULL, ret, e);
}

size_t assess_requests(const struct assess *a, struct blast_request *ret, size_t max) {
    size_t n = js_len(a->sent);

    for (size_t i = 0; i < n && n <= max; i++) {
        const js *q = js_at(a->sent, i);

        ret[i] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    return n <= max ? n : 0;
}

/* -ENOENT of an analyser is a finding that it has put into the draft, not a failure to plan. */
int assess_verdict(int r, struct err *e) {
    return r == 0 || r == -ENOENT ? 0 : err_set(e, r, "the blast radius could not be computed");
}

int assess_power(struct draft *d, const struct guest_ref *g, const char *action, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_POWER_NEEDS};
    int r = assess_look(d, &ask, g->vmid, &p, e);

    return r < 0 ? r : assess_verdict(blast_power(p, g->vmid, action, d), e);
}

int assess_config(struct draft *d, const struct guest_ref *g, const js *set, const js *del,
                  struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_CONFIG_NEEDS, .vmid = g->vmid};
    int r = assess_look(d, &ask, g->vmid, &p, e);

    return r < 0 ? r : assess_verdict(blast_config(p, g->vmid, set, del, d), e);
}

int assess_rollback(struct draft *d, const struct guest_ref *g, const char *snapname,
                    struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_ROLLBACK_NEEDS, .vmid = g->vmid};
    int r = assess_look(d, &ask, g->vmid, &p, e);

    return r < 0 ? r : assess_verdict(blast_rollback(p, g->vmid, snapname, clock_unix(), d), e);
}

int assess_storage(struct draft *d, const char *storage, const js *set, const js *del, bool gone,
                   struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS, .storage = storage};
    int r = assess_look(d, &ask, 0, &p, e);

    r = r < 0 ? r : assess_verdict(blast_storage(p, storage, set, del, gone, d), e);
    return r < 0 || gone
               ? r
               : assess_verdict(blast_storage_keep(p, storage, set, del, clock_unix(), d), e);
}

int assess_storage_create(struct draft *d, const js *form, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_STORAGE_CREATE_NEEDS};
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0 ? r : assess_verdict(blast_storage_create(p, form, d), e);
}

int assess_exec(struct draft *d, const struct guest_ref *g, const js *explain, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = PIC_CONFIGS, .vmid = g->vmid};
    int r = assess_look(d, &ask, g->vmid, &p, e);

    return r < 0 ? r : assess_verdict(blast_exec(p, g->vmid, explain, d), e);
}
