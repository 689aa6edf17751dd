/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange over libcurl's multi interface. Invariants: nothing, least of all the token, is
 * written before the peer's certificate passed; a changing request is issued at most once, whatever
 * libcurl would like to repeat; an answer never grows past its ceiling. */
#include "proximo-client/pve/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"

#define POLL_MS 100 /* the cancellation is asked at least every 200 ms */
#define BESIDE  16  /* descriptors of what is done meanwhile */

static size_t on_body(char *data, size_t size, size_t n, void *ctx) {
    struct xfer *x = ctx;

    return buf_add(&x->body, data, size * n) < 0 ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx) {
    struct xfer *x = ctx;

    (void)answer_status_line(data, size * n, x->reason, sizeof(x->reason));
    return size * n;
}

/* Called when a connection stands, its peer is verified and the request is about to be written. On
 * a kept connection that turns out to be dead libcurl would issue the request again by itself; how
 * often that may be is the caller's choice, and for changes it is never. */
static int on_issue(void *ctx, char *peer, char *local, int peer_port, int local_port) {
    struct xfer *x = ctx;

    (void)peer;
    (void)local;
    (void)peer_port;
    (void)local_port;
    if (x->issued >= x->issue_max) {
        return CURL_PREREQFUNC_ABORT;
    }
    x->issued++;
    return CURL_PREREQFUNC_OK;
}

/* Replaces the chain check when a leaf is pinned: the leaf is the pinned one or the handshake ends.
 */
static int on_verify(X509_STORE_CTX *store, void *ctx) {
    struct endpoint *ep = ctx;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    struct hash h;

    if (leaf && X509_digest(leaf, EVP_sha256(), md, &len) == 1 && len == HASH_LEN) {
        memcpy(h.b, md, HASH_LEN);
        if (hash_eq(&h, &ep->pin)) {
            X509_STORE_CTX_set_error(store, X509_V_OK);
            return 1;
        }
        (void)tls_fingerprint(leaf, ep->shown);
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *ctx) {
    (void)easy;
    /* the context outlives this exchange with its connection: it may point at the handle only */
    SSL_CTX_set_cert_verify_callback(ssl_ctx, on_verify, ctx);
    return CURLE_OK;
}

static bool set_tls(struct xfer *x) {
    CURL *c = x->easy;
    bool ok = curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK;

    if (x->ep->pinned) {
        return ok && curl_easy_setopt(c, CURLOPT_CAINFO, NULL) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
               /* the pin names one certificate: its subject adds nothing */
               curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, x->ep) == CURLE_OK;
    }
    if (x->p->ca_file) {
        ok = ok && curl_easy_setopt(c, CURLOPT_CAINFO, x->p->ca_file) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    return ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
}

static bool set_http(struct xfer *x) {
    CURL *c = x->easy;
    /* without the first nothing goes; without another it only takes longer */
    int64_t limit_ms = x->ep == x->p->ep ? 10000 : 3000;
    int64_t connect_ms = x->p->timeout_ms < limit_ms ? x->p->timeout_ms : limit_ms;

    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK && /* also not from the environment */
           curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, "proximo-client/" PACKAGE_VERSION) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)x->p->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->errbuf) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_issue) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PREREQDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PRIVATE, x) == CURLE_OK;
}

static bool add_header(struct xfer *x, const char *line) {
    struct curl_slist *l = curl_slist_append(x->headers, line);

    if (l) {
        x->headers = l;
    }
    return l != NULL;
}

int xfer_init(struct xfer *x, struct pve *p, struct endpoint *ep, const struct token *t,
              struct err *e) {
    *x = (struct xfer){.p = p, .ep = ep, .body = BUF_INIT(LIM_PVE_ANSWER)};
    x->easy = curl_easy_init();
    if (!x->easy || !add_header(x, t->header) || !add_header(x, "Expect:") || !set_http(x) ||
        !set_tls(x)) {
        xfer_done(x);
        return err_set(e, -ENOMEM, "cannot set up a connection handle");
    }
    return 0;
}

int xfer_hurry(struct xfer *x, int64_t ms, struct err *e) {
    int64_t limit_ms = ms < x->p->timeout_ms ? ms : x->p->timeout_ms;

    if (curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)limit_ms) != CURLE_OK) {
        xfer_done(x);
        return err_set(e, -ENOMEM, "cannot set up a connection handle");
    }
    return 0;
}

void xfer_stop(struct xfer *x) {
    if (x->busy) {
        (void)curl_multi_remove_handle(x->p->multi, x->easy);
        x->busy = false;
    }
}

void xfer_done(struct xfer *x) {
    xfer_stop(x);
    if (x->easy) {
        curl_easy_cleanup(x->easy);
        x->easy = NULL;
    }
    for (struct curl_slist *l = x->headers; l; l = l->next) {
        explicit_bzero(l->data, strlen(l->data));
    }
    curl_slist_free_all(x->headers);
    x->headers = NULL;
    buf_done(&x->body);
}

static bool set_method(struct xfer *x, const char *method, const char *body, size_t len) {
    CURL *c = x->easy;

    if (strcmp(method, "GET") == 0) {
        x->issue_max = 2; /* once more when a kept connection is dead */
        return curl_easy_setopt(c, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    /* a new connection: libcurl repeats requests by itself on kept ones only */
    x->issue_max = 1;
    if (curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK) {
        return false;
    }
    if (body && (curl_easy_setopt(c, CURLOPT_POSTFIELDS, body) != CURLE_OK ||
                 curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)len) != CURLE_OK)) {
        return false;
    }
    return curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

/* Files of the node's web server lie beside the API. */
static size_t base_len(const char *base, const char *path) {
    const char *api = strstr(base, "/api2/json");

    return strncmp(path, "/pve-docs/", 10) == 0 && api ? (size_t)(api - base) : strlen(base);
}

int xfer_start(struct xfer *x, const char *method, const char *path, const char *body, size_t len,
               struct err *e) {
    CLEANUP(buf_done) struct buf url = BUF_INIT(16 * 1024);

    buf_reset(&x->body);
    x->reason[0] = 0;
    x->errbuf[0] = 0;
    x->status = 0;
    x->issued = 0;
    x->done = false;
    x->code = CURLE_OK;
    x->ep->shown[0] = 0;
    if (buf_add(&url, x->ep->base, base_len(x->ep->base, path)) < 0 || buf_adds(&url, path) < 0) {
        return err_set(e, -E2BIG, "API path too long");
    }
    if (curl_easy_setopt(x->easy, CURLOPT_URL, url.data) != CURLE_OK ||
        !set_method(x, method, body, len) ||
        curl_multi_add_handle(x->p->multi, x->easy) != CURLM_OK) {
        return err_set(e, -ENOMEM, "cannot start a request");
    }
    x->busy = true;
    return 0;
}

/* Of the endpoint that changes go to: those who ask want to know what would cut it off. */
static void keep_addresses(struct pve *p, const struct xfer *x) {
    char *local = NULL;
    char *peer = NULL;

    if (x->ep != p->ep) {
        return;
    }
    if (curl_easy_getinfo(x->easy, CURLINFO_LOCAL_IP, &local) == CURLE_OK && local && local[0]) {
        (void)snprintf(p->local, sizeof(p->local), "%s", local);
    }
    if (curl_easy_getinfo(x->easy, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer && peer[0]) {
        (void)snprintf(p->peer, sizeof(p->peer), "%s", peer);
    }
}

static bool xfer_collect(struct pve *p, const struct xfer *x, size_t n) {
    bool any = false;
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(p->multi, &left))) {
        struct xfer *mine = NULL;
        long status = 0;

        if (m->msg != CURLMSG_DONE ||
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&mine) != CURLE_OK ||
            mine < x || mine >= x + n) {
            continue;
        }
        mine->code = m->data.result;
        (void)curl_easy_getinfo(mine->easy, CURLINFO_RESPONSE_CODE, &status);
        keep_addresses(p, mine);
        mine->status = (int)status;
        mine->done = true;
        xfer_stop(mine);
        any = true;
    }
    return any;
}

/* Waits for the API and for what is done meanwhile, after a little of that. */
static CURLMcode wait_beside(struct pve *p) {
    struct curl_waitfd also[BESIDE];
    struct pollfd fd[BESIDE];
    int wait_ms = POLL_MS;
    size_t n = p->meanwhile ? p->meanwhile(p->meanwhile_ctx, fd, BESIDE, &wait_ms) : 0;

    for (size_t i = 0; i < n; i++) {
        also[i] = (struct curl_waitfd){
            .fd = fd[i].fd,
            .events = (short)((fd[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                              (fd[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0))};
    }
    return curl_multi_poll(p->multi, also, (unsigned int)n, wait_ms, NULL);
}

int xfer_run(struct pve *p, struct xfer *x, size_t n, struct err *e) {
    for (;;) {
        int running = 0;
        CURLMcode r = curl_multi_perform(p->multi, &running);

        if (r != CURLM_OK) {
            return err_set(e, -EIO, "transfer: %s", curl_multi_strerror(r));
        }
        if (xfer_collect(p, x, n)) {
            return 0;
        }
        if (running == 0) {
            return err_set(e, -EIO, "transfer ended without a result");
        }
        if (p->cancelled && p->cancelled(p->cancel_ctx)) {
            return err_tag(e, -ECANCELED, "cancelled", "cancelled while waiting for the API");
        }
        r = wait_beside(p);
        if (r != CURLM_OK) {
            return err_set(e, -EIO, "transfer: %s", curl_multi_strerror(r));
        }
    }
}

void xfer_push(struct pve *p) {
    int running = 0;

    (void)curl_multi_perform(p->multi, &running);
}

static int tls_error(const struct xfer *x, const char *what, const char *why, struct err *e) {
    if (x->ep->shown[0]) {
        (void)err_tag(e, -EPROTO, "pve_tls",
                      "%.100s: the server's certificate is not the pinned one; nothing was sent",
                      what);
        return err_hint(e,
                        "it shows %s: if that is right, put it into the configuration as "
                        "fingerprint",
                        x->ep->shown);
    }
    (void)err_tag(e, -EPROTO, "pve_tls", "%.100s: TLS: %.200s; nothing was sent", what, why);
    return err_hint(e, "pin the node's certificate (fingerprint) or name the CA that signed it");
}

int xfer_error(const struct xfer *x, const char *what, struct err *e) {
    char why[200];
    const char *text = x->errbuf[0] ? x->errbuf : curl_easy_strerror(x->code);

    answer_clean(text, strlen(text), why, sizeof(why));
    /* an int, because the library's list is long and grows */
    switch ((int)x->code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return tls_error(x, what, why, e);
    case CURLE_WRITE_ERROR:
    case CURLE_FILESIZE_EXCEEDED:
        return err_tag(e, -E2BIG, "pve_bad_answer", "%.100s: the answer is larger than %d MiB",
                       what, LIM_PVE_ANSWER >> 20);
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_tag(e, -EPROTO, "pve_bad_answer", "%.100s: %s", what, why);
    case CURLE_OPERATION_TIMEDOUT:
        (void)err_tag(e, -ETIMEDOUT, "pve_unreachable", "%.100s: no answer within %lld ms", what,
                      (long long)x->p->timeout_ms);
        return -ETIMEDOUT;
    default:
        (void)err_tag(e, -EIO, "pve_unreachable", "%.100s: %s", what, why);
        (void)err_hint(e, "is the API of %s up and reachable from here?", x->p->name);
        return -EIO;
    }
}
