/* SPDX-License-Identifier: Apache-2.0 */
/* Analysers for rows that are data. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/ident.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"

int assess_access(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0
               ? r
               : assess_verdict(blast_access(p, a->method, a->path, a->form,
                                             pve_token_id(draft_session(d)->pve), clock_unix(), d),
                                e);
}

int assess_volume_delete(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const char *volid = js_str_or(a->args, "volume", "");
    struct picture_ask ask = {.what = BLAST_VOLUME_NEEDS,
                              .storage = js_str_or(a->args, "storage", "")};
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0 ? r
                 : assess_verdict(blast_volume_delete(p, volid, js_str_or(a->args, "node", ""),
                                                      clock_unix(), d),
                                  e);
}

int assess_prune(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const char *storage = js_str_or(a->args, "storage", "");
    struct picture_ask ask = {.what = BLAST_PRUNE_NEEDS, .storage = storage};
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0 ? r
                 : assess_verdict(blast_prune(p, storage, js_str_or(a->args, "node", ""), a->form,
                                              clock_unix(), d),
                                  e);
}

int assess_replication(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct blast_request req[4];
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    struct picture_ask ask = {.what = BLAST_REPLICATION_NEEDS};
    int r;

    if (n == 0) {
        return err_set(e, -EINVAL, "not a change of replication that can be assessed");
    }
    ask.vmid = blast_replication_guest(&req[0]);
    r = assess_look(d, &ask, ask.vmid, &p, e);
    return r < 0 ? r : assess_verdict(blast_replication(p, req, n, d), e);
}

int assess_realm(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct blast_request req[2];
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};
    int r = n == 1 ? assess_look(d, &ask, 0, &p, e)
                   : err_set(e, -EINVAL, "not a change of a realm that can be assessed");

    return r < 0 ? r
                 : assess_verdict(blast_realm(p, a->before, req,
                                              pve_token_id(draft_session(d)->pve), clock_unix(), d),
                                  e);
}

/* The realm of the job; what cannot be read of it the analyser says. */
int assess_realm_job(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    js *settings = NULL;
    struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};
    const char *realm = js_str_or(a->before ? a->before : a->after, "realm", "");
    char path[80];
    int r;

    if (ident_is_realm(realm)) {
        (void)snprintf(path, sizeof(path), "/access/domains/%.32s", realm);
        (void)draft_read(d, path, "whole", &settings, NULL);
    }
    r = assess_look(d, &ask, 0, &p, e);
    return r < 0 ? r
                 : assess_verdict(blast_realm_job(p, settings, a->before, a->after,
                                                  pve_token_id(draft_session(d)->pve), clock_unix(),
                                                  d),
                                  e);
}

int assess_pool(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct blast_request req[4];
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    struct picture_ask ask = {.what = BLAST_POOL_NEEDS};
    int r = n ? assess_look(d, &ask, 0, &p, e)
              : err_set(e, -EINVAL, "not a change of a pool that can be assessed");

    return r < 0 ? r
                 : assess_verdict(
                       blast_pool(p, req, n, pve_token_id(draft_session(d)->pve), clock_unix(), d),
                       e);
}
