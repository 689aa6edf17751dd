/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP exchanges with node daemons, one or many at once. The node is who holds the pinned key,
 * whatever its address or certificate says; a connection is kept for the next call. Waits are short
 * slices, so that somebody who wants to stop is heard. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "common/b64.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/merkle.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes_int.h"

#define CONNECT_S 5
#define SLICE_MS  100

/* One of those that are under way. */
struct exchange {
    struct node *node;
    const struct call *c;
    struct reply *ret;
    CURL *curl;
    struct curl_slist *headers;
    int broke; /* a sink's error */
    bool own;  /* the handle is this call's alone */
    bool added;
    bool ended;
    CURLcode code;
};

void reply_done(struct reply *r) {
    buf_done(&r->body);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx) {
    struct exchange *x = ctx;
    long status = 0;
    int r;

    (void)size; /* 1, says libcurl */
    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && x->c->sink) {
        r = x->c->sink(x->c->ctx, data, n);
    } else {
        r = buf_add(&x->ret->body, data, n);
    }
    if (r < 0) {
        x->broke = r;
        return 0;
    }
    return n;
}

static CURLcode set_blob(CURL *h, CURLoption option, const struct buf *b) {
    struct curl_blob blob = {b->data, b->len, CURL_BLOB_NOCOPY};

    return curl_easy_setopt(h, option, &blob);
}

/* What stays the same for every call to this node. */
static int prepare_pinned(struct nodes *n, const struct node *node, CURL *h, struct err *e) {
    CLEANUP(buf_done) struct buf pin = BUF_INIT(256);
    int bad = 0;

    if (buf_adds(&pin, "sha256//") < 0 || b64_encode(&pin, node->i.spki.b, HASH_LEN) < 0 ||
        (node->i.has_next &&
         (buf_adds(&pin, ";sha256//") < 0 || b64_encode(&pin, node->i.next.b, HASH_LEN) < 0))) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    /* The certificate's chain and names are not looked at, because the pinned key is stricter. */
    bad |= curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, buf_str(&pin)) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_NOPROXY, "*") != CURLE_OK;
    bad |= set_blob(h, CURLOPT_SSLCERT_BLOB, &n->cert_pem) != CURLE_OK;
    bad |= set_blob(h, CURLOPT_SSLKEY_BLOB, &n->key_pem) != CURLE_OK;
    return bad ? -EIO : 0;
}

/* A witness outside the cluster is who a certificate says, and learns nothing of who we are. */
static int prepare_public(const struct node *node, CURL *h) {
    int bad = curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;

    if (node->ca) {
        bad |= curl_easy_setopt(h, CURLOPT_CAINFO, node->ca) != CURLE_OK;
    }
    return bad ? -EIO : 0;
}

static int prepare(struct nodes *n, const struct node *node, CURL *h, struct err *e) {
    int r = node->is_outside ? prepare_public(node, h) : prepare_pinned(n, node, h, e);
    int bad = r == -EIO;

    if (r < 0 && !bad) {
        return r;
    }
    bad |= curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data) != CURLE_OK;
    return bad ? err_set(e, -EIO, "libcurl lacks an option that a safe connection needs") : 0;
}

static int make_handle(struct nodes *n, struct node *node, CURL **ret, struct err *e) {
    CURL *h;
    int r = node->is_outside ? 0 : identity_load(n, false, e);

    if (r < 0) {
        return r;
    }
    h = curl_easy_init();
    if (!h) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = prepare(n, node, h, e);
    if (r < 0) {
        curl_easy_cleanup(h);
        return r;
    }
    *ret = h;
    return 0;
}

static int set_call(struct exchange *x, struct err *e) {
    const struct call *c = x->c;
    CURL *h = x->curl;
    CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
    CLEANUP(buf_done) struct buf type = BUF_INIT(256);
    int bad = 0;

    if (buf_addf(&url, "https://%s%s", x->node->address, c->path) < 0 ||
        buf_addf(&type, "Content-Type: %s", c->type ? c->type : "application/json") < 0) {
        return err_set(e, -E2BIG, "the address is too long");
    }
    bad |= curl_easy_setopt(h, CURLOPT_URL, buf_str(&url)) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_TIMEOUT, c->timeout_s) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_WRITEDATA, x) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_PRIVATE, x) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, c->packed ? "gzip" : NULL) != CURLE_OK;
    if (strcmp(c->method, "POST") == 0) {
        x->headers = curl_slist_append(curl_slist_append(NULL, "Expect:"), buf_str(&type));
        bad |= curl_easy_setopt(h, CURLOPT_POST, 1L) != CURLE_OK;
        bad |= curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->len) != CURLE_OK;
        bad |= curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->body) != CURLE_OK;
    } else {
        bad |= curl_easy_setopt(h, CURLOPT_HTTPGET, 1L) != CURLE_OK;
    }
    bad |= curl_easy_setopt(h, CURLOPT_HTTPHEADER, x->headers) != CURLE_OK;
    return bad ? err_set(e, -EIO, "libcurl refuses an option") : 0;
}

static bool want_stop(const struct nodes *n) {
    return n->cancelled && n->cancelled(n->cancel_ctx);
}

/* Stops what has not ended: who wanted to stop is heard, once. */
static void stop(struct exchange *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!x[i].ended && x[i].c->on_cancel) {
            x[i].c->on_cancel(x[i].c->ctx);
        } else if (!x[i].ended) {
            x[i].ended = true;
            x[i].code = CURLE_ABORTED_BY_CALLBACK;
        }
    }
}

/* Whoever's they are: another call may be under way on the same multi handle. */
static void take_ends(CURLM *multi) {
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(multi, &left))) {
        struct exchange *x = NULL;

        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x) == CURLE_OK && x &&
            !x->ended) {
            x->ended = true;
            x->code = m->data.result;
        }
    }
}

static bool have_ended(const struct exchange *x, size_t n) {
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        all = all && x[i].ended;
    }
    return all;
}

static void add(CURLM *multi, struct exchange *x) {
    x->code = CURLE_RECV_ERROR;
    x->added = curl_multi_add_handle(multi, x->curl) == CURLM_OK;
    if (!x->added) {
        x->ended = true;
        x->code = CURLE_OUT_OF_MEMORY;
    }
}

/* Drives all exchanges to their ends. CURLE_ABORTED_BY_CALLBACK when cancelled. */
static void drive(struct nodes *n, CURLM *multi, struct exchange *x, size_t count) {
    bool was_told = false;
    int running = 1;

    for (size_t i = 0; i < count; i++) {
        if (!x[i].ended && !x[i].added) {
            add(multi, &x[i]);
        }
    }
    for (; take_ends(multi), !have_ended(x, count) && running;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            break;
        }
        if (running && !was_told && want_stop(n)) {
            was_told = true;
            stop(x, count);
        } else if (running) {
            (void)curl_multi_poll(multi, NULL, 0, SLICE_MS, NULL);
        }
    }
    take_ends(multi);
    for (size_t i = 0; i < count; i++) {
        if (x[i].added) {
            (void)curl_multi_remove_handle(multi, x[i].curl);
            x[i].added = false;
        }
    }
}

static int broken(const struct node *node, CURLcode code, struct err *e) {
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return err_tag(e, -ECANCELED, "cancelled", "cancelled while node %s was asked", node->name);
    }
    if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
        (void)err_tag(e, -EACCES, "node_untrusted_key",
                      "%s at %s shows another key than the one it was enrolled with", node->name,
                      node->address);
        return err_hint(
            e,
            "if its key was rotated: proximo-client node refresh; if its daemon was set "
            "up anew: node forget %s, then join again; else somebody is in between",
            node->name);
    }
    if (code == CURLE_BAD_CONTENT_ENCODING) {
        return err_tag(e, -EBADMSG, "node_refused", "%s: an answer that cannot be unpacked",
                       node->name);
    }
    (void)err_tag(e, -EHOSTUNREACH, "node_unreachable", "%s at %s: %s", node->name, node->address,
                  curl_easy_strerror(code));
    return node->is_outside
               ? err_hint(e, "is the url of [witness %s] right, and its certificate?", node->name)
               : err_hint(e, "on the node: systemctl status pveagentd; is port and address right?");
}

static int may_ask(const struct node *node, struct err *e) {
    if (!node) {
        return err_tag(e, -ENOENT, "node_unknown", "no such node is enrolled");
    }
    if (node_is_stranger(&node->i)) {
        (void)err_tag(e, -EACCES, "node_untrusted",
                      "node %s is known only from %s: nothing is sent to it before a person "
                      "trusts it",
                      node->name, node->from);
        return err_hint(e, "on a terminal: proximo-client node trust %s", node->name);
    }
    return 0;
}

/* The node's kept handle, or one of the call's own: also while the kept one is in use. */
static int begin(struct nodes *n, struct exchange *x, struct err *e) {
    int r = may_ask(x->node, e);

    if (r < 0) {
        return r;
    }
    x->ret->body = (struct buf)BUF_INIT(LIM_HTTP_BODY);
    x->own = x->c->alone || x->node->is_lent;
    if (x->own || !x->node->curl) {
        r = make_handle(n, x->node, &x->curl, e);
        if (r == 0 && !x->own) {
            x->node->curl = x->curl;
        }
    } else {
        x->curl = x->node->curl;
    }
    return r < 0 ? r : set_call(x, e);
}

/* What came of it; nothing of this call may be pointed to any longer. r: of `begin`. */
static int end(struct exchange *x, int r, struct err *e) {
    curl_off_t sent = 0;
    long status = 0;

    if (r == 0) {
        (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(x->curl, CURLINFO_PRETRANSFER_TIME_T, &sent);
        x->ret->status = (int)status;
        x->ret->is_sent = sent > 0 || status;
        if (x->code != CURLE_OK) {
            r = x->broke ? err_set(e, x->broke, "%s: an answer that cannot be read", x->node->name)
                         : broken(x->node, x->code, e);
        }
    }
    if (x->curl) {
        (void)curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, NULL);
        (void)curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, NULL);
        (void)curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, NULL);
        (void)curl_easy_setopt(x->curl, CURLOPT_PRIVATE, NULL);
    }
    curl_slist_free_all(x->headers);
    if (x->curl && x->own) {
        curl_easy_cleanup(x->curl);
    }
    return r;
}

int call_run(struct nodes *n, struct node *node, const struct call *c, struct reply *ret,
             struct err *e) {
    struct exchange x = {.node = node, .c = c, .ret = ret};
    CURLM *multi = n->multi;
    int r = begin(n, &x, e);

    if (r == 0 && c->alone) {
        multi = curl_multi_init();
        r = multi ? 0 : err_set(e, -ENOMEM, "out of memory");
    }
    if (r == 0) {
        drive(n, multi, &x, 1);
    }
    r = end(&x, r, e);
    if (multi && multi != n->multi) {
        (void)curl_multi_cleanup(multi);
    }
    return r;
}

struct call_under_way {
    struct nodes *n;
    struct exchange x;
};

int call_begin(struct nodes *n, struct node *node, const struct call *c, struct reply *reply,
               struct call_under_way **ret, struct err *e) {
    struct call_under_way *u = calloc(1, sizeof(*u));
    int r;

    if (!u) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    *u = (struct call_under_way){.n = n, .x = {.node = node, .c = c, .ret = reply}};
    r = begin(n, &u->x, e);
    if (r < 0) {
        (void)end(&u->x, r, NULL);
        free(u);
        return r;
    }
    node->is_lent = node->is_lent || !u->x.own;
    add(n->multi, &u->x);
    *ret = u;
    return 0;
}

/* What libcurl waits for. Of descriptors that do not fit a set it is not told: then the wait is
 * short. */
static size_t waits_for(CURLM *multi, struct pollfd *fd, size_t max, int *wait_ms) {
    fd_set in, out, odd;
    int top = -1;
    long ms = -1;
    size_t n = 0;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&odd);
    (void)curl_multi_timeout(multi, &ms);
    if (curl_multi_fdset(multi, &in, &out, &odd, &top) != CURLM_OK || top < 0) {
        ms = ms < 0 || ms > 1 ? 1 : ms;
    }
    for (int i = 0; i <= top && n < max; i++) {
        short events = (short)((FD_ISSET(i, &in) ? POLLIN : 0) | (FD_ISSET(i, &out) ? POLLOUT : 0));

        if (events) {
            fd[n++] = (struct pollfd){.fd = i, .events = events};
        }
    }
    *wait_ms = ms >= 0 && ms < *wait_ms ? (int)ms : *wait_ms;
    return n;
}

size_t call_turn(struct call_under_way *u, struct pollfd *fd, size_t max, int *wait_ms) {
    int running = 0;

    if (!u->x.ended) {
        (void)curl_multi_perform(u->n->multi, &running);
        take_ends(u->n->multi);
    }
    return u->x.ended ? 0 : waits_for(u->n->multi, fd, max, wait_ms);
}

int call_end(struct call_under_way **u, struct err *e) {
    struct call_under_way *w = *u;
    bool was_lent = !w->x.own;
    int r;

    *u = NULL;
    drive(w->n, w->n->multi, &w->x, 1);
    r = end(&w->x, 0, e);
    w->x.node->is_lent = w->x.node->is_lent && !was_lent;
    free(w);
    return r;
}

void call_drop(struct call_under_way **u) {
    if (*u) {
        (*u)->x.code = (*u)->x.ended ? (*u)->x.code : CURLE_ABORTED_BY_CALLBACK;
        (*u)->x.ended = true;
        (void)call_end(u, NULL);
    }
}

void calls_run(struct nodes *n, struct flight *f, size_t count) {
    CLEANUP(freep) struct exchange *x = calloc(count + 1, sizeof(*x));

    for (size_t i = 0; i < count; i++) {
        if (!x) {
            f[i].r = err_set(&f[i].why, -ENOMEM, "out of memory");
            continue;
        }
        x[i] = (struct exchange){.node = f[i].node, .c = &f[i].c, .ret = &f[i].reply};
        f[i].r = begin(n, &x[i], &f[i].why);
        x[i].ended = f[i].r < 0;
    }
    if (!x) {
        return;
    }
    drive(n, n->multi, x, count);
    for (size_t i = 0; i < count; i++) {
        f[i].r = end(&x[i], f[i].r, &f[i].why);
    }
}

int reply_json(const struct node *node, const struct reply *r, js **ret, struct err *e) {
    struct err why = {0};

    if (js_parse(buf_str(&r->body), r->body.len, ret, &why) < 0) {
        return err_tag(e, -EBADMSG, "node_refused", "%s: an answer that is not JSON: %s",
                       node->name, why.msg);
    }
    return 0;
}

int reply_refused(const struct node *node, const struct reply *r, struct err *e) {
    CLEANUP(js_freep) js *o = NULL;

    if (js_parse(buf_str(&r->body), r->body.len, &o, NULL) < 0) {
        (void)err_tag(e, -EPROTO, "node_refused", "%s answers with status %d", node->name,
                      r->status);
    } else {
        (void)err_tag(e, -EACCES, "node_refused", "%s: %.40s: %.300s", node->name,
                      js_str_or(o, "code", "no code"), js_str_or(o, "message", ""));
        (void)err_hint(e, "%.300s", js_str_or(o, "hint", ""));
        if (e) {
            (void)snprintf(e->step, sizeof(e->step), "%s", js_str_or(o, "step", ""));
        }
    }
    if (e) {
        e->http_status = r->status;
    }
    err_by(e, "node");
    return -EACCES;
}

js *b64_js(const void *data, size_t len) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_HTTP_BODY);

    return b64_encode(&b, data, len) < 0 ? NULL : js_str_n(buf_str(&b), b.len);
}

js *proof_js(const struct proof *p) {
    js *list = js_array();

    for (size_t i = 0; i < p->n; i++) {
        js_push(list, b64_js(p->h[i].b, HASH_LEN));
    }
    return list;
}
