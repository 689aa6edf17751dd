/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of the API client: configuration, and GETs one at a time or many at once.
 * Nothing here changes anything on a cluster. */
#include "proximo-client/pve/pve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define CONNECTIONS_MAX 64

static int copy_opt(const char *s, char **ret, struct err *e) {
    *ret = s ? strdup(s) : NULL;
    return s && !*ret ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int pve_configure(struct pve *p, const struct pve_conf *c, struct err *e) {
    CLEANUP(token_wipe) struct token t = {0};
    int r;

    p->pbs = c->pbs;
    if (!c->token_path) {
        return err_tag(e, -EINVAL, "config_invalid", "no token file is configured");
    }
    if ((r = copy_opt(c->name ? c->name : "the cluster", &p->name, e)) < 0 ||
        (r = copy_opt(c->token_path, &p->token_path, e)) < 0 ||
        (r = copy_opt(c->ca_file, &p->ca_file, e)) < 0 ||
        (r = copy_opt(c->cache_dir, &p->cache_dir, e)) < 0 ||
        (r = endpoints_parse(p, c->base_url, c->fingerprint, e)) < 0 ||
        (r = token_read(p->token_path, p->pbs, &t, e)) < 0) {
        return r;
    }
    memcpy(p->token_id, t.id, sizeof(p->token_id));
    p->timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : PVE_TIMEOUT_MS;
    p->connections = c->connections == 0                ? PVE_CONNECTIONS
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
        curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)(p->connections * p->n_ep)) !=
            CURLM_OK) {
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
    endpoints_free(p);
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

void pve_while_waiting(struct pve *p, pve_meanwhile turn, void *ctx) {
    p->meanwhile = turn;
    p->meanwhile_ctx = ctx;
}

int pve_get_many(struct pve *p, struct pve_job *job, size_t n, struct err *e) {
    return batch_get(p, BATCH_FIRST, job, n, false, e);
}

int pve_get_spread(struct pve *p, struct pve_job *job, size_t n, struct err *e) {
    enum batch_how how = BATCH_FIRST;

    /* as long as the first's own connections are not all in use, others gain nothing */
    if (p->n_ep > 1 && n > (size_t)p->connections * 4) {
        struct err why = {0};
        int r = endpoints_join(p, &why);

        if (r == -ECANCELED) {
            if (e) {
                *e = why;
            }
            return r;
        }
        how = r < 0 ? BATCH_FIRST : BATCH_SPREAD;
        p->spreads++;
    }
    return batch_get(p, how, job, n, false, e);
}

size_t pve_spreads(const struct pve *p) {
    return p->spreads;
}

size_t pve_endpoints(const struct pve *p) {
    return p->n_ep;
}

void pve_endpoint_at(const struct pve *p, size_t i, struct pve_endpoint *ret) {
    const struct endpoint *ep = &p->ep[i];

    *ret = (struct pve_endpoint){.node = ep->node};
    (void)snprintf(ret->url, sizeof(ret->url), "%.*s",
                   (int)(strlen(ep->base) - strlen("/api2/json")), ep->base);
    ret->why = ep->why.msg[0] && !endpoint_is_usable(ep) ? &ep->why : NULL;
}

int pve_endpoints_ask(struct pve *p, struct err *e) {
    return endpoints_join(p, e);
}

static int get_one(struct pve *p, const char *path, bool whole, js **ret, struct err *e) {
    struct err why = {0};
    struct pve_job j = {.path = path, .err = &why};
    int r = batch_get(p, BATCH_FIRST, &j, 1, whole, &why);

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
