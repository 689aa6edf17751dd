/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of the API client: configuration, and GETs one at a time or many at once over a
 * bounded number of kept connections. Nothing here changes anything on a cluster. */
#include "proximo-client/pve/pve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define CONNECTIONS_MAX 64

static void url_freep(CURLU **u) {
    curl_url_cleanup(*u);
    *u = NULL;
}

static void curl_stringp(char **s) {
    curl_free(*s);
    *s = NULL;
}

static int url_refused(const char *why, struct err *e) {
    (void)err_tag(e, -EINVAL, "config_invalid", "base-url: %s", why);
    return err_hint(e, "it is https://host:8006");
}

static bool url_has(CURLU *u, CURLUPart part) {
    CLEANUP(curl_stringp) char *s = NULL;

    return curl_url_get(u, part, &s, 0) == CURLUE_OK;
}

/* https, a host, perhaps a port; no user, query or fragment; the path is ours. */
static int base_of(const char *url, char **ret, struct err *e) {
    CLEANUP(url_freep) CURLU *u = curl_url();
    CLEANUP(curl_stringp) char *scheme = NULL;
    CLEANUP(curl_stringp) char *path = NULL;
    CLEANUP(curl_stringp) char *whole = NULL;

    if (!u) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (!url || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        return url_refused("is not a URL", e);
    }
    if (strcasecmp(scheme, "https") != 0) {
        return url_refused("only https is spoken", e);
    }
    if (url_has(u, CURLUPART_USER) || url_has(u, CURLUPART_PASSWORD) ||
        url_has(u, CURLUPART_QUERY) || url_has(u, CURLUPART_FRAGMENT)) {
        return url_refused("holds more than a host and a port", e);
    }
    if (curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") != 0 &&
        strcmp(path, "/api2/json") != 0 && strcmp(path, "/api2/json/") != 0) {
        return url_refused("has a path that is not /api2/json", e);
    }
    if (curl_url_set(u, CURLUPART_PATH, "/api2/json", 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        return url_refused("is not a URL", e);
    }
    *ret = strdup(whole);
    return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int hex_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int pin_parse(const char *text, struct hash *ret, struct err *e) {
    const char *p = text;

    for (size_t i = 0; i < HASH_LEN; i++) {
        int high = hex_value(p[0]);
        int low = high < 0 ? -1 : hex_value(p[1]);

        if (low < 0 || (i + 1 < HASH_LEN ? p[2] != ':' : p[2] != 0)) {
            (void)err_tag(e, -EINVAL, "config_invalid", "fingerprint: not 32 bytes AB:CD:…");
            return err_hint(e,
                            "it is the SHA-256 fingerprint that the node shows under Certificates");
        }
        ret->b[i] = (uint8_t)(high * 16 + low);
        p += 3;
    }
    return 0;
}

static int copy_opt(const char *s, char **ret, struct err *e) {
    *ret = s ? strdup(s) : NULL;
    return s && !*ret ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int pve_configure(struct pve *p, const struct pve_conf *c, struct err *e) {
    CLEANUP(token_wipe) struct token t = {0};
    int r;

    if (!c->token_path) {
        return err_tag(e, -EINVAL, "config_invalid", "no token file is configured");
    }
    if ((r = copy_opt(c->name ? c->name : "the cluster", &p->name, e)) < 0 ||
        (r = copy_opt(c->token_path, &p->token_path, e)) < 0 ||
        (r = copy_opt(c->ca_file, &p->ca_file, e)) < 0 ||
        (r = copy_opt(c->cache_dir, &p->cache_dir, e)) < 0 ||
        (r = base_of(c->base_url, &p->base, e)) < 0) {
        return r;
    }
    if (c->fingerprint) {
        r = pin_parse(c->fingerprint, &p->pin, e);
        p->pinned = r == 0;
    }
    r = r < 0 ? r : token_read(p->token_path, &t, e);
    if (r < 0) {
        return r;
    }
    memcpy(p->token_id, t.id, sizeof(p->token_id));
    p->timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : 30000;
    p->connections = c->connections == 0                ? 8
                     : c->connections > CONNECTIONS_MAX ? CONNECTIONS_MAX
                                                        : c->connections;
    return 0;
}

int pve_open(const struct pve_conf *conf, struct pve **ret, struct err *e) {
    CLEANUP(pve_closep) struct pve *p = calloc(1, sizeof(*p));
    int r;

    if (!p || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return err_set(e, -ENOMEM, "cannot set up the HTTP library");
    }
    p->curl_up = true;
    r = pve_configure(p, conf, e);
    if (r < 0) {
        (void)err_wrap(e, "cluster %.40s", conf->name ? conf->name : "?");
        return r;
    }
    p->multi = curl_multi_init();
    if (!p->multi ||
        curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) != CURLM_OK ||
        curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)p->connections) !=
            CURLM_OK ||
        curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->connections) != CURLM_OK) {
        return err_set(e, -ENOMEM, "cannot set up the HTTP library");
    }
    *ret = TAKE(p);
    return 0;
}

void pve_close(struct pve *p) {
    if (!p) {
        return;
    }
    if (p->multi) {
        (void)curl_multi_cleanup(p->multi);
    }
    if (p->curl_up) {
        curl_global_cleanup();
    }
    free(p->name);
    free(p->base);
    free(p->token_path);
    free(p->ca_file);
    free(p->cache_dir);
    json_object_put(p->schema);
    free(p);
}

const char *pve_token_id(const struct pve *p) {
    return p->token_id;
}

const char *pve_local_address(const struct pve *p) {
    return p->local[0] ? p->local : NULL;
}

const char *pve_peer_address(const struct pve *p) {
    return p->peer[0] ? p->peer : NULL;
}

void pve_on_cancel(struct pve *p, bool (*cancelled)(void *ctx), void *ctx) {
    p->cancelled = cancelled;
    p->cancel_ctx = ctx;
}

/* A running batch of GETs. */
struct batch {
    struct pve *p;
    struct pve_job *job;
    size_t n, next;
    size_t running;
    bool whole;      /* the body instead of its data */
    bool locked_out; /* one 401 stands for all: asking on would only be delayed 3 s each */
    struct err lockout;
    struct xfer *x;
    size_t slots;
};

static void batch_done(struct batch *b) {
    for (size_t i = 0; i < b->slots; i++) {
        xfer_done(&b->x[i]);
    }
    free(b->x);
    b->x = NULL;
}

static void job_fail(struct pve_job *j, int r, const struct err *why) {
    j->result = r;
    if (j->err && why) {
        *j->err = *why;
    }
}

/* Which member of the body is asked for. */
static const char *sibling_of(const char *path) {
    const char *hash = strchr(path, '#');

    return hash ? hash + 1 : "data";
}

/* Sends a job's path without what says which member of the answer is meant. */
static int job_start(struct xfer *x, const char *path, struct err *e) {
    CLEANUP(freep) char *sent = strndup(path, strcspn(path, "#"));
    int r = sent ? path_check(sent, e) : err_set(e, -ENOMEM, "out of memory");

    return r < 0 ? r : xfer_start(x, "GET", sent, NULL, 0, e);
}

static void job_end(struct batch *b, struct xfer *x) {
    struct pve_job *j = &b->job[x->job];
    CLEANUP(js_freep) js *body = NULL;
    struct err e = {0};
    char what[140];
    int r;

    (void)snprintf(what, sizeof(what), "GET %.130s", j->path);
    if (x->code != CURLE_OK) {
        r = xfer_error(x, what, &e);
    } else {
        r = answer_read(x->status, x->reason, buf_str(&x->body), x->body.len, what, &body, &e);
    }
    buf_done(&x->body); /* one large answer must not stay allocated for the rest of the batch */
    if (r < 0) {
        if (e.http_status == 401) {
            b->locked_out = true;
            b->lockout = e;
        }
        job_fail(j, r, &e);
        return;
    }
    j->result = 0;
    j->data = b->whole ? TAKE(body) : js_ref(js_get(body, sibling_of(j->path)));
}

static void batch_feed(struct batch *b) {
    for (size_t i = 0; i < b->slots && b->next < b->n; i++) {
        struct xfer *x = &b->x[i];

        while (!x->busy && b->next < b->n) {
            struct pve_job *j = &b->job[b->next];
            struct err e = {0};
            int r;

            x->job = b->next++;
            if (b->locked_out) {
                job_fail(j, b->lockout.code, &b->lockout);
                continue;
            }
            r = job_start(x, j->path, &e);
            if (r < 0) {
                job_fail(j, r, &e);
                continue;
            }
            b->running++;
        }
    }
}

static int batch_run(struct batch *b, struct err *e) {
    for (batch_feed(b); b->running > 0; batch_feed(b)) {
        struct err why = {0};
        int r = xfer_run(b->p, b->x, b->slots, &why);

        if (r < 0) {
            for (size_t i = 0; i < b->n; i++) {
                if (b->job[i].result == -EINPROGRESS) {
                    job_fail(&b->job[i], r, &why);
                }
            }
            if (e) {
                *e = why;
            }
            return r;
        }
        for (size_t i = 0; i < b->slots; i++) {
            if (b->x[i].done) {
                b->x[i].done = false;
                b->running--;
                job_end(b, &b->x[i]);
            }
        }
    }
    return 0;
}

/* A first call on a new connection takes a node 10 to 50 ms, one on a kept connection about 2 (seen
 * on a PVE 9.1): a connection is worth opening for four reads, and those that are open are used. */
static size_t connections_for(struct pve *p, size_t n) {
    size_t want = (n + 3) / 4;

    want = want > p->opened ? want : p->opened;
    want = want < p->connections ? want : p->connections;
    p->opened = want;
    return want > 0 && want < n ? want : n;
}

static int get_many(struct pve *p, struct pve_job *job, size_t n, bool whole, struct err *e) {
    CLEANUP(batch_done) struct batch b = {.p = p, .job = job, .n = n, .whole = whole};
    CLEANUP(token_wipe) struct token t = {0};
    size_t want;
    int r;

    for (size_t i = 0; i < n; i++) {
        job[i].data = NULL;
        job[i].result = -EINPROGRESS;
    }
    if (n == 0) {
        return 0;
    }
    want = connections_for(p, n);
    r = token_read(p->token_path, &t, e);
    if (r == 0 && !(b.x = calloc(want, sizeof(*b.x)))) {
        r = err_set(e, -ENOMEM, "out of memory");
    }
    while (r == 0 && b.slots < want) {
        r = xfer_init(&b.x[b.slots], p, &t, e);
        b.slots += r == 0;
    }
    if (r < 0) {
        for (size_t i = 0; i < n; i++) {
            job_fail(&job[i], r, e);
        }
        return r;
    }
    memcpy(p->token_id, t.id, sizeof(p->token_id));
    return batch_run(&b, e);
}

int pve_get_many(struct pve *p, struct pve_job *job, size_t n, struct err *e) {
    return get_many(p, job, n, false, e);
}

static int get_one(struct pve *p, const char *path, bool whole, js **ret, struct err *e) {
    struct err why = {0};
    struct pve_job j = {.path = path, .err = &why};
    int r = get_many(p, &j, 1, whole, &why);

    r = r < 0 ? r : j.result;
    if (r < 0) {
        if (e) {
            *e = why;
        }
        return r;
    }
    *ret = j.data;
    return 0;
}

int pve_get(struct pve *p, const char *path, js **ret, struct err *e) {
    return get_one(p, path, false, ret, e);
}

int pve_get_body(struct pve *p, const char *path, js **ret_body, struct err *e) {
    return get_one(p, path, true, ret_body, e);
}
