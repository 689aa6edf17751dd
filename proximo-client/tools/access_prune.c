/* SPDX-License-Identifier: Apache-2.0 */
/* pve_acl_prune: ACL entries that name what is not there any more, removed one request an entry,
 * and their way back. What is removed is what the plan lists: it is found once, when it is made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/access.h"
#include "proximo-client/tools/assess.h"

static const char operator_why[] = "who may do what is decided by the operator";

static void request(struct draft *d, enum phase phase, const js *entry, bool gone) {
    draft_request(d, phase, "PUT", "/access/acl", acl_form(entry, gone), NULL);
}

/* All entries at once: who loses, who gains (a NoAccess that goes gives). */
static int assess(struct draft *d, const struct picture *p, const js *entries, bool gone) {
    CLEANUP(js_freep) js *forms = js_array();
    CLEANUP(freep) struct blast_request *req = calloc(js_len(entries) + 1, sizeof(*req));

    if (!req) {
        abort();
    }
    for (size_t i = 0; i < js_len(entries); i++) {
        js_push(forms, acl_form(js_at(entries, i), gone));
        req[i] = (struct blast_request){"PUT", "/access/acl", js_at(forms, i)};
    }
    draft_risk(d, RISK_HIGH, "it changes who may do what");
    draft_need(d, NEED_OPERATOR, operator_why);
    return blast_access_all(p, req, js_len(entries), pve_token_id(draft_session(d)->pve),
                            clock_unix(), d);
}

int plan_acl_prune(struct draft *d, const js *args, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *entries = NULL;
    struct picture_ask ask = {.what = BLAST_DANGLING_NEEDS};
    int r = assess_look(d, &ask, 0, &p, e);
    size_t n;

    (void)args;
    if (r < 0) {
        return r;
    }
    entries = blast_access_dangling(p, d);
    n = js_len(entries);
    if (n == 0) {
        (void)err_tag(e, -EALREADY, "no_change", "no ACL entry is proven to name what is gone");
        return err_hint(e, "pve_acl_list shows all; what the token may not see cannot be judged");
    }
    for (size_t i = 0; i < n; i++) {
        request(d, PHASE_EXECUTE, js_at(entries, i), true);
        request(d, PHASE_UNDO, js_at(entries, i), false);
    }
    draft_change(d, "remove %zu ACL entries of what is not there any more", n);
    draft_target(d, "acl", "entries of what is gone", NULL);
    draft_current(d, "entries", js_ref(entries));
    draft_undo(d, "restore-object", "each entry is set again as it was",
               "PVE refuses to set an entry for a user, group, token or role that is gone");
    return assess_verdict(assess(d, p, entries, true), e);
}

int unplan_acl_prune(struct draft *d, const js *plan, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const js *entries = js_get(js_get(plan, "current"), "entries");
    struct picture_ask ask = {.what = BLAST_DANGLING_NEEDS};
    int r = assess_look(d, &ask, 0, &p, e);

    if (r < 0) {
        return r;
    }
    send_undo_copy(d, plan);
    for (size_t i = 0; i < js_len(entries); i++) {
        request(d, PHASE_UNDO, js_at(entries, i), true);
    }
    draft_undo(d, "restore-object", "the entries are removed again", "");
    return assess_verdict(assess(d, p, entries, false), e);
}

int check_acl_prune(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                    struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *left = NULL;
    struct picture_ask ask = {.what = BLAST_DANGLING_NEEDS};
    int r = assess_peek(s, &ask, &p, e);

    (void)args;
    if (r < 0) {
        return r;
    }
    left = blast_access_dangling(p, NULL);
    return check_done(js_len(left) == 0, ret_ok, ret_text,
                      "%zu ACL entries of what is gone are left", js_len(left));
}
