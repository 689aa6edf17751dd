/* SPDX-License-Identifier: Apache-2.0 */
/* What goes with a storage's definition beside it: who may use it, and which pools it is in. Who
 * loses something by that is told, and the undo gives it back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/access.h"
#include "proximo-client/tools/assess.h"

static js *pool_form(const char *pool, const char *storage, bool gone) {
    js *form = js_object();

    js_add(form, "poolid", js_str(pool));
    js_add(form, "storage", js_str(storage));
    if (gone) {
        js_add(form, "delete", js_bool(true));
    }
    return form;
}

static int judge(struct draft *d, const struct picture *p, const js *sent, struct err *e) {
    CLEANUP(freep) struct blast_request *req = calloc(js_len(sent) + 1, sizeof(*req));

    if (!req) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < js_len(sent); i++) {
        const js *q = js_at(sent, i);

        req[i] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    return assess_verdict(blast_access_all(p, req, js_len(sent),
                                           pve_token_id(draft_session(d)->pve), clock_unix(), d),
                          e);
}

static void add(js *sent, const char *path, js *form) {
    js *q = js_object();

    js_add(q, "method", js_str("PUT"));
    js_add(q, "path", js_str(path));
    js_add(q, "form", form);
    js_push(sent, q);
}

static int grants_gone(struct draft *d, const struct picture *p, const char *storage,
                       struct err *e) {
    CLEANUP(js_freep) js *acl = js_array();
    CLEANUP(js_freep) js *pools = js_array();
    CLEANUP(js_freep) js *sent = js_array();

    if (blast_storage_grants(p, storage, acl, pools) && !js_len(acl) && !js_len(pools)) {
        return 0;
    }
    for (size_t i = 0; i < js_len(acl); i++) {
        add(sent, "/access/acl", acl_form(js_at(acl, i), true));
        draft_request(d, PHASE_UNDO, "PUT", "/access/acl", acl_form(js_at(acl, i), false), NULL);
    }
    for (size_t i = 0; i < js_len(pools); i++) {
        const char *pool = value_text(js_at(pools, i));
        char label[160];

        add(sent, "/pools", pool_form(pool, storage, true));
        draft_request(d, PHASE_UNDO, "PUT", "/pools", pool_form(pool, storage, false), NULL);
        (void)snprintf(label, sizeof(label), "pool/%.140s", pool);
        draft_affect(d, &(struct affect){.resource = label,
                                         .effect = "changed",
                                         .severity = RISK_LOW,
                                         .why = "the storage leaves the pool"});
    }
    return judge(d, p, sent, e);
}

int assess_storage_gone(struct draft *d, const char *storage, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS | BLAST_ACCESS_NEEDS, .storage = storage};
    int r = assess_look(d, &ask, 0, &p, e);

    r = r < 0 ? r : assess_verdict(blast_storage(p, storage, NULL, NULL, true, d), e);
    return r < 0 ? r : grants_gone(d, p, storage, e);
}

int assess_grants_back(struct draft *d, const js *sent, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};
    int r = js_len(sent) ? assess_look(d, &ask, 0, &p, e) : 0;

    return r < 0 || !js_len(sent) ? r : judge(d, p, sent, e);
}
