/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange with a node daemon. The node is who holds the pinned key, whatever its address
 * or certificate says; a connection is kept for the next call. Waits are short slices, so that
 * somebody who wants to stop is heard. */
#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/merkle.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes_int.h"

#define CONNECT_S 5
#define SLICE_MS  100

struct exchange {
    CURL *curl;
    const struct call *c;
    struct reply *ret;
    int broke; /* a sink's error */
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
static int prepare(struct nodes *n, struct node *node, CURL *h, struct err *e) {
    CLEANUP(buf_done) struct buf pin = BUF_INIT(256);
    int bad = 0;

    if (buf_adds(&pin, "sha256//") < 0 || b64_encode(&pin, node->i.spki.b, HASH_LEN) < 0 ||
        (node->i.has_next && (buf_adds(&pin, ";sha256//") < 0 ||
                              b64_encode(&pin, node->i.next.b, HASH_LEN) < 0))) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    /* The certificate's chain and names are not looked at, because the pinned key is stricter. */
    bad |= curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, buf_str(&pin)) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_NOPROXY, "*") != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data) != CURLE_OK;
    bad |= set_blob(h, CURLOPT_SSLCERT_BLOB, &n->cert_pem) != CURLE_OK;
    bad |= set_blob(h, CURLOPT_SSLKEY_BLOB, &n->key_pem) != CURLE_OK;
    return bad ? err_set(e, -EIO, "libcurl lacks an option that a safe connection needs") : 0;
}

static int make_handle(struct nodes *n, struct node *node, CURL **ret, struct err *e) {
    CURL *h;
    int r = identity_load(n, false, e);

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

static void slist_freep(struct curl_slist **l) {
    curl_slist_free_all(*l);
}

static int set_call(CURL *h, struct node *node, const struct call *c, struct exchange *x,
                    struct curl_slist **ret_headers, struct err *e) {
    CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
    CLEANUP(buf_done) struct buf type = BUF_INIT(256);
    int bad = 0;

    if (buf_addf(&url, "https://%s%s", node->address, c->path) < 0 ||
        buf_addf(&type, "Content-Type: %s", c->type ? c->type : "application/json") < 0) {
        return err_set(e, -E2BIG, "the address is too long");
    }
    bad |= curl_easy_setopt(h, CURLOPT_URL, buf_str(&url)) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_TIMEOUT, c->timeout_s) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_WRITEDATA, x) != CURLE_OK;
    bad |= curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, c->packed ? "gzip" : NULL) != CURLE_OK;
    if (strcmp(c->method, "POST") == 0) {
        *ret_headers = curl_slist_append(curl_slist_append(NULL, "Expect:"), buf_str(&type));
        bad |= curl_easy_setopt(h, CURLOPT_POST, 1L) != CURLE_OK;
        bad |= curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->len) != CURLE_OK;
        bad |= curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->body) != CURLE_OK;
    } else {
        bad |= curl_easy_setopt(h, CURLOPT_HTTPGET, 1L) != CURLE_OK;
    }
    bad |= curl_easy_setopt(h, CURLOPT_HTTPHEADER, *ret_headers) != CURLE_OK;
    return bad ? err_set(e, -EIO, "libcurl refuses an option") : 0;
}

static bool want_stop(const struct nodes *n) {
    return n->cancelled && n->cancelled(n->cancel_ctx);
}

/* Drives the exchange to its end. CURLE_ABORTED_BY_CALLBACK when cancelled. */
static CURLcode drive(struct nodes *n, CURLM *multi, CURL *h, const struct call *c) {
    bool was_told = false;
    int running = 1;
    int left;
    CURLMsg *m;

    if (curl_multi_add_handle(multi, h) != CURLM_OK) {
        return CURLE_OUT_OF_MEMORY;
    }
    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            break;
        }
        if (running && !was_told && want_stop(n)) {
            if (!c->on_cancel) {
                (void)curl_multi_remove_handle(multi, h);
                return CURLE_ABORTED_BY_CALLBACK;
            }
            was_told = true;
            c->on_cancel(c->ctx);
        }
        if (running) {
            (void)curl_multi_poll(multi, NULL, 0, SLICE_MS, NULL);
        }
    }
    m = curl_multi_info_read(multi, &left);
    running = m && m->msg == CURLMSG_DONE ? (int)m->data.result : (int)CURLE_RECV_ERROR;
    (void)curl_multi_remove_handle(multi, h);
    return (CURLcode)running;
}

static int broken(const struct node *node, CURLcode code, struct err *e) {
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return err_tag(e, -ECANCELED, "cancelled", "cancelled while node %s was asked", node->name);
    }
    if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
        (void)err_tag(e, -EACCES, "node_untrusted_key",
                      "%s at %s shows another key than the one it was enrolled with", node->name,
                      node->address);
        return err_hint(e,
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
    return err_hint(e, "on the node: systemctl status pveagentd; is port and address right?");
}

int call_run(struct nodes *n, struct node *node, const struct call *c, struct reply *ret,
             struct err *e) {
    CLEANUP(slist_freep) struct curl_slist *headers = NULL;
    struct exchange x = {.c = c, .ret = ret};
    CURLM *multi = n->multi;
    curl_off_t sent = 0;
    long status = 0;
    CURLcode code;
    CURL *h = NULL;
    int r = 0;

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
    ret->body = (struct buf)BUF_INIT(LIM_HTTP_BODY);
    if (c->alone || !node->curl) {
        r = make_handle(n, node, &h, e);
        if (r == 0 && !c->alone) {
            node->curl = h;
        }
    } else {
        h = node->curl;
    }
    if (r == 0 && c->alone) {
        multi = curl_multi_init();
        r = multi ? 0 : err_set(e, -ENOMEM, "out of memory");
    }
    x.curl = h;
    if (r == 0) {
        r = set_call(h, node, c, &x, &headers, e);
    }
    if (r == 0) {
        code = drive(n, multi, h, c);
        (void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(h, CURLINFO_PRETRANSFER_TIME_T, &sent);
        ret->status = (int)status;
        ret->is_sent = sent > 0 || status;
        if (code != CURLE_OK) {
            r = x.broke ? err_set(e, x.broke, "%s: an answer that cannot be read", node->name)
                        : broken(node, code, e);
        }
    }
    if (h) { /* nothing of this call may be pointed to any longer */
        (void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, NULL);
        (void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, NULL);
        (void)curl_easy_setopt(h, CURLOPT_WRITEDATA, NULL);
    }
    if (c->alone) {
        if (h) {
            curl_easy_cleanup(h);
        }
        if (multi) {
            (void)curl_multi_cleanup(multi);
        }
    }
    return r;
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
