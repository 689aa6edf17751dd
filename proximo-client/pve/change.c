/* SPDX-License-Identifier: Apache-2.0 */
/* The changing side of the API client. A request goes out at most once, on a connection of its own,
 * and only under a grant that covers exactly its bytes. Whether it left is told apart into
 * "certainly not" (no connection with a verified peer came up) and everything else, which counts as
 * sent. */
#include "proximo-client/pve/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/grant.h"
#include "proximo-client/pve/wire.h"

void pve_answer_done(struct pve_answer *a) {
    js_freep(&a->data);
    js_freep(&a->errors);
}

/* The request as it goes on the wire. */
struct outgoing {
    struct buf path;
    struct buf body;
    bool has_body;
};

static void outgoing_done(struct outgoing *o) {
    buf_wipe(&o->path); /* forms may hold secrets, and those of DELETE stand in the path */
    buf_wipe(&o->body);
}

static int outgoing_make(struct outgoing *o, const char *method, const char *path, const js *form,
                         struct err *e) {
    bool post = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;
    int r;

    if (!post && strcmp(method, "DELETE") != 0) {
        return err_tag(e, -EINVAL, "bad_argument", "method %.16s does not change anything", method);
    }
    if (strchr(path, '?')) {
        return err_tag(e, -EINVAL, "bad_argument", "a changing path carries no query of its own");
    }
    r = path_check(path, e);
    if (r < 0) {
        return r;
    }
    if (buf_adds(&o->path, path) < 0) {
        return err_set(e, -E2BIG, "path too long");
    }
    o->has_body = post;
    return post ? form_encode(form, &o->body, e) : pve_query(form, &o->path, e);
}

/* Stops the program rather than send what nobody approved: that is a mistake of ours. */
static int grant_check(const struct grant *g, const char *method, const char *path, const js *form,
                       struct err *e) {
    struct hash h;
    int r = grant_api_hash(method, path, form, &h);

    if (r < 0) {
        return err_set(e, r, "the request has no canonical form");
    }
    if (!g || !grant_covers_api(g, &h)) {
        (void)fprintf(stderr, "proximo: %s %s is not covered by its grant\n", method, path);
        abort();
    }
    return 0;
}

static int unknown(const char *what, const char *why, struct err *e) {
    struct err cause = {0};

    if (e) {
        cause = *e;
    }
    (void)err_tag(e, -EIO, "pve_unknown", "%.100s: sent, and the outcome is unknown: %.300s", what,
                  why);
    if (e) {
        e->http_status = cause.http_status;
        e->guest_text = cause.guest_text;
        memcpy(e->by, cause.by, sizeof(e->by));
    }
    return err_hint(e, "look at the object and at the cluster's task list before doing it again");
}

/* The API's proxy lost the node after it had passed the request on (595: before). */
static bool is_lost_behind_proxy(int status) {
    return (status >= 596 && status <= 599) || status == 502 || status == 504;
}

static int change_end(struct xfer *x, const char *what, struct pve_answer *ret, struct err *e) {
    CLEANUP(js_freep) js *body = NULL;
    int r;

    ret->sent = x->issued > 0;
    if (x->code != CURLE_OK) {
        r = xfer_error(x, what, e);
        if (ret->sent) {
            struct err cause = e ? *e : (struct err){0};

            return unknown(what, cause.msg[0] ? cause.msg : "the connection broke", e);
        }
        return r;
    }
    ret->status = x->status;
    (void)snprintf(ret->reason, sizeof(ret->reason), "%s", x->reason);
    r = answer_read(x->status, x->reason, buf_str(&x->body), x->body.len, what, &body, e);
    ret->data = js_ref(js_get(body, "data"));
    ret->errors = js_ref(js_get(body, "errors"));
    if (r < 0 && (is_lost_behind_proxy(x->status) || (x->status >= 200 && x->status < 300))) {
        struct err cause = e ? *e : (struct err){0};

        return unknown(what, cause.msg[0] ? cause.msg : "no usable answer", e);
    }
    return r;
}

int pve_change(struct pve *p, const struct grant *g, const char *method, const char *path,
               const js *form, struct pve_answer *ret, struct err *e) {
    CLEANUP(outgoing_done)
    struct outgoing o = {BUF_INIT(16 * 1024), BUF_INIT(LIM_HTTP_BODY), false};
    CLEANUP(token_wipe) struct token t = {0};
    CLEANUP(xfer_done) struct xfer x = {0};
    struct err local = {0};
    char what[140];
    int r;

    *ret = (struct pve_answer){0};
    e = e ? e : &local;
    r = outgoing_make(&o, method, path, form, e);
    r = r < 0 ? r : grant_check(g, method, path, form, e);
    r = r < 0 ? r : token_read(p->token_path, p->pbs, &t, e);
    r = r < 0 ? r : xfer_init(&x, p, p->ep, &t, e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(what, sizeof(what), "%s %.130s", method, path);
    r = xfer_start(&x, method, buf_str(&o.path), o.has_body ? buf_str(&o.body) : NULL, o.body.len,
                   e);
    if (r < 0) {
        return r;
    }
    r = xfer_run(p, &x, 1, e);
    if (r < 0) {
        ret->sent = x.issued > 0;
        return ret->sent ? unknown(what, "cancelled while waiting for the answer", e) : r;
    }
    return change_end(&x, what, ret, e);
}
