/* SPDX-License-Identifier: Apache-2.0 */
/* Making and recording approvals. The text names every node request by the hash of its own bytes; a
 * plan whose digests do not agree with its requests cannot be approved. */
#include "proximo-client/pipeline/approval_make.h"

#include <errno.h>
#include <string.h>

#include "common/approval.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/stdin_data.h"
#include "proximo-client/pipeline/witness_show.h"

int approval_for_plan(const struct plan *p, int64_t undo_s, struct buf *ret, struct err *e) {
    const js *list = js_get(p->v, "requests");
    CLEANUP(freep) struct approval_req *req = calloc(js_len(list) + 1, sizeof(*req));
    const char *log = js_get_str(p->v, "log");
    size_t n = 0;
    bool has_undo = false;
    int r;

    if (!req) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (!log) {
        return err_tag(e, -EBADMSG, "bad_plan", "the plan names no log");
    }
    if (p->expires < clock_unix()) {
        return err_tag(e, -ETIMEDOUT, "plan_expired", "plan %s has expired", p->id);
    }
    r = plan_runs_here(p, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *q = js_at(list, i);
        const char *text = js_get_str(q, "request");
        char digest[HASH_HEX_LEN + 1];

        if (!text) {
            continue;
        }
        sha256(text, strlen(text), &req[n].h);
        hash_text(&req[n].h, digest);
        if (strcmp(digest, js_str_or(q, "digest", "")) != 0) {
            return err_tag(e, -EBADMSG, "bad_plan", "request %zu is not the one its digest names",
                           i + 1);
        }
        r = stdin_check(q, e);
        if (r < 0) {
            return r;
        }
        req[n].node = js_str_or(q, "node", "");
        req[n].undo = strcmp(js_str_or(q, "phase", ""), "undo") == 0;
        has_undo = has_undo || req[n].undo;
        n++;
    }
    return approval_text(log, &p->digest, req, n, undo_s && has_undo ? clock_unix() + undo_s : -1,
                         p->expires, ret, e);
}

int approval_load(struct app *a, const char *cluster, const char *plan_id, struct plan *ret,
                  struct err *e) {
    struct session s = {.app = a};
    int r = app_session(a, cluster, APP_LEDGER_READ, &s, e);

    return r < 0 ? r : plan_load(s.ledger, plan_id, ret, e);
}

static void approvalp(struct approval *ap) {
    approval_done(ap);
}

static int check_note(struct app *a, const struct session *s, const struct plan *p,
                      const char *note, struct vkey *ret_key, struct approval *ret, struct err *e) {
    const struct config *conf;
    int r = app_config(a, &conf, e);

    for (size_t i = 0; r == 0 && i < conf->n_operators; i++) {
        r = approval_open(note, strlen(note), &conf->operator[i].key, ret, e);
        if (r == -ENOENT) {
            r = 0;
            continue;
        }
        if (r < 0) {
            return r;
        }
        *ret_key = conf->operator[i].key;
        if (!hash_eq(&ret->plan, &p->digest) || strcmp(ret->log, ledger_origin(s->ledger)) != 0) {
            return err_tag(e, -EACCES, "approval_invalid", "the note is for another plan or log");
        }
        return 0;
    }
    if (r == 0) {
        (void)err_tag(e, -EACCES, "approval_invalid", "the note is not signed by a known operator");
        r = err_hint(e, "put [operator NAME] with key into proximo.ini");
    }
    return r;
}

int approval_record(struct app *a, const char *cluster, const char *plan_id, const char *note,
                    js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf key = BUF_INIT(512);
    CLEANUP(plan_done) struct plan p = {0};
    CLEANUP(approvalp) struct approval ap = {0};
    struct session s = {.app = a, .actor = "cli:operator"};
    char digest[HASH_HEX_LEN + 1];
    struct ledger_pos pos;
    struct vkey k;
    int r = app_session(a, cluster, APP_LEDGER | APP_NODES, &s, e);

    if (r == 0) {
        r = plan_load(s.ledger, plan_id, &p, e);
    }
    if (r == 0) {
        r = check_note(a, &s, &p, note, &k, &ap, e);
    }
    if (r < 0) {
        return r;
    }
    hash_text(&p.digest, digest);
    r = vkey_text(&k, &key);
    r = r < 0 ? r : entry_begin(&b, ENTRY_APPROVAL, clock_unix(), s.actor);
    r = r < 0 ? r : lines_put(&b, "plan", digest);
    r = r < 0 ? r : lines_put(&b, "key", buf_str(&key));
    r = r < 0 ? r : lines_put(&b, "note", note);
    r = r < 0 ? r : lines_putf(&b, "not-after", "%lld", (long long)ap.not_after);
    if (r < 0) {
        return err_set(e, r, "approval entry too long");
    }
    r = entry_end(&b, "{}", e);
    r = r < 0 ? r : ledger_append(s.ledger, buf_str(&b), b.len, LEDGER_SYNC, NULL, NULL, &pos, e);
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "plan_id", js_str(plan_id));
    js_add(*ret, "operator", js_str(k.name));
    js_add(*ret, "ledger_index", js_int((int64_t)pos.index));
    witness_show(&s, *ret);
    return 0;
}
