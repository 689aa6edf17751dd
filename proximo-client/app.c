/* SPDX-License-Identifier: Apache-2.0 */
/* Handles by cluster. Everything is opened late and closed once. */
#include "proximo-client/app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pve/pve.h"

struct handles {
    char *cluster;
    struct pve *pve;
    struct ledger *ledger;
    struct nodes *nodes;
};

struct app {
    bool have_config;
    struct config config;
    struct handles *h;
    size_t n;
};

int app_new(struct app **ret, struct err *e) {
    struct app *a = calloc(1, sizeof(*a));

    if (!a) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    /* A freeze must work with a configuration that does not parse: it needs the directories only.
     */
    config_dirs(&a->config);
    *ret = a;
    return 0;
}

void app_free(struct app *a) {
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->n; i++) {
        pve_close(a->h[i].pve);
        nodes_close(a->h[i].nodes);
        ledger_close(a->h[i].ledger);
        free(a->h[i].cluster);
    }
    free(a->h);
    config_done(&a->config);
    free(a);
}

int app_config(struct app *a, const struct config **ret, struct err *e) {
    if (!a->have_config) {
        int r = config_read(&a->config, e);

        if (r < 0) {
            return r;
        }
        a->have_config = true;
    }
    *ret = &a->config;
    return 0;
}

static char *path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *path_of(const char *fmt, ...) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vaddf(&b, fmt, ap);
    va_end(ap);
    return r < 0 ? NULL : buf_take(&b);
}

char *app_ledger_dir(struct app *a, const char *cluster) {
    return path_of("%s/ledger/%s", a->config.state_dir, cluster);
}

char *app_nodes_file(struct app *a, const char *cluster) {
    return path_of("%s/nodes/%s.ini", a->config.state_dir, cluster);
}

char *app_key_file(struct app *a, const char *cluster) {
    return path_of("%s/%s.key", a->config.config_dir, cluster);
}

char *app_operator_file(struct app *a, const char *operator) {
    return path_of("%s/operators/%s.pem", a->config.config_dir, operator);
}

char *app_result_file(struct app *a, const char *op_id) {
    return path_of("%s/results/%s", a->config.state_dir, op_id);
}

char *app_freeze_file(struct app *a) {
    return path_of("%s/freeze", a->config.state_dir);
}

const char *app_cluster_at(struct app *a, size_t i) {
    const struct config *c;

    if (app_config(a, &c, NULL) < 0 || i >= c->n_clusters) {
        return NULL;
    }
    return c->cluster[i].name;
}

static struct handles *handles_of(struct app *a, const char *cluster) {
    struct handles *h;

    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->h[i].cluster, cluster) == 0) {
            return &a->h[i];
        }
    }
    h = reallocarray(a->h, a->n + 1, sizeof(*h));
    if (!h) {
        return NULL;
    }
    a->h = h;
    h += a->n;
    memset(h, 0, sizeof(*h));
    h->cluster = strdup(cluster);
    if (!h->cluster) {
        return NULL;
    }
    a->n++;
    return h;
}

static int open_pve(struct app *a, const struct cluster_conf *c, struct handles *h, struct err *e) {
    CLEANUP(freep) char *cache = path_of("%s/schema/%s", a->config.state_dir, c->name);
    struct pve_conf conf = {
        .name = c->name,
        .pbs = c->pbs,
        .base_url = c->url,
        .token_path = c->token,
        .fingerprint = c->fingerprint,
        .ca_file = c->ca,
        .cache_dir = cache,
        .timeout_ms = c->timeout_ms,
        .connections = c->connections,
    };

    return h->pve ? 0 : pve_open(&conf, &h->pve, e);
}

/* ledger_create makes the directory itself: one that is there without a ledger is not taken over.
 */
static int make_parent(const char *dir, struct err *e) {
    CLEANUP(freep) char *parent = strndup(dir, (size_t)(strrchr(dir, '/') - dir));

    return parent ? dir_make(AT_FDCWD, parent, 0700, e) : err_set(e, -ENOMEM, "out of memory");
}

static int open_ledger(struct app *a, struct handles *h, bool make, struct err *e) {
    CLEANUP(freep) char *dir = app_ledger_dir(a, h->cluster);
    CLEANUP(freep) char *origin = dir ? path_of("%s/origin", dir) : NULL;
    struct hash policy;
    int r;

    if (h->ledger) {
        return 0;
    }
    if (!origin) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (access(origin, F_OK) < 0) {
        if (!make) {
            return err_tag(e, -ENOENT, "no_ledger", "cluster %s has no ledger yet", h->cluster);
        }
        r = config_policy_digest(&a->config, &policy, e);
        if (r == 0) {
            r = make_parent(dir, e);
        }
        if (r == 0) {
            r = ledger_create(dir, h->cluster, &policy, e);
        }
        if (r < 0 && r != -EEXIST) { /* another process was quicker: open its ledger */
            return r;
        }
    }
    return ledger_open(dir, &h->ledger, e);
}

static int open_nodes(struct app *a, struct handles *h, struct err *e) {
    CLEANUP(freep) char *state = app_nodes_file(a, h->cluster);
    CLEANUP(freep) char *key = app_key_file(a, h->cluster);

    CLEANUP(nodes_closep) struct nodes *n = NULL;
    int r;

    if (h->nodes) {
        return 0;
    }
    r = state && key ? nodes_open(state, key, &n, e) : err_set(e, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < a->config.n_witnesses; i++) {
        const struct witness_conf *w = &a->config.witness[i];

        r = nodes_add_witness(n, w->name, w->url, w->ca, &w->key, e);
    }
    if (r == 0) {
        h->nodes = TAKE(n);
    }
    return r;
}

static int ask_witnesses(struct ledger *l, void *ctx, struct err *e) {
    return nodes_know_no_more(ctx, l, e);
}

static bool of_kind(const struct cluster_conf *c, unsigned int need) {
    return !(need & (c->pbs ? APP_IS_PVE : APP_IS_PBS));
}

static const char *kind_name(unsigned int need) {
    return need & APP_IS_PBS   ? "backup server"
           : need & APP_IS_PVE ? "cluster"
                               : "cluster or backup server";
}

static int not_configured(const struct config *c, unsigned int need, struct err *e) {
    (void)err_tag(e, -ENOENT, "not_configured", "no %s is configured",
                  need & APP_IS_PBS ? "backup server" : "cluster");
    return err_hint(e,
                    "write [%s NAME] with url, fingerprint and token to %s/proximo.ini, then "
                    "run: proximo-client doctor",
                    need & APP_IS_PBS ? "pbs" : "cluster", c->config_dir);
}

static int named(const struct config *c, const char *name, unsigned int need,
                 const struct cluster_conf **ret, struct err *e) {
    *ret = config_cluster(c, name);
    if (!*ret) {
        return err_tag(e, -ENOENT, "no_such_cluster", "no %s \"%.60s\" is configured",
                       kind_name(need), name);
    }
    if (!of_kind(*ret, need)) {
        (void)err_tag(e, -EINVAL, "wrong_target", "\"%.60s\" is a %s, and this is for a %s", name,
                      (*ret)->pbs ? "backup server" : "cluster", kind_name(need));
        return err_hint(e, "name another one with cluster=NAME");
    }
    return 0;
}

static int choose(const struct config *c, const char *name, unsigned int need,
                  const struct cluster_conf **ret, struct err *e) {
    size_t n = 0;

    if (name && c->n_clusters) {
        return named(c, name, need, ret, e);
    }
    for (size_t i = 0; i < c->n_clusters; i++) {
        if (of_kind(&c->cluster[i], need)) {
            *ret = &c->cluster[i];
            n++;
        }
    }
    if (!n) {
        return not_configured(c, need, e);
    }
    return n == 1 ? 0
                  : err_tag(e, -EINVAL, "which_cluster", "%zu %ss are configured: name one", n,
                            need & (APP_IS_PVE | APP_IS_PBS) ? kind_name(need) : "target");
}

int app_session(struct app *a, const char *name, unsigned int need, struct session *s,
                struct err *e) {
    const struct cluster_conf *cluster = NULL;
    const struct config *c;
    struct handles *h;
    int r = app_config(a, &c, e);

    if (r == 0) {
        r = choose(c, name, need, &cluster, e);
    }
    if (r < 0) {
        return r;
    }
    h = handles_of(a, cluster->name);
    if (!h) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (need & APP_PVE) {
        r = open_pve(a, cluster, h, e);
    }
    if (r == 0 && (need & (APP_LEDGER | APP_LEDGER_READ))) {
        r = open_ledger(a, h, need & APP_LEDGER, e);
    }
    if (r == 0 && (need & (APP_NODES | APP_LEDGER))) {
        r = open_nodes(a, h, e);
    }
    if (r < 0) {
        return r;
    }
    if (h->ledger && h->nodes) {
        ledger_before_signing(h->ledger, ask_witnesses, h->nodes);
    }
    s->app = a;
    s->cluster = h->cluster;
    s->pbs = cluster->pbs;
    s->pve = h->pve;
    s->ledger = h->ledger;
    s->nodes = h->nodes;
    if (s->pve) {
        pve_on_cancel(s->pve, s->cancelled, s->ctx);
    }
    if (s->nodes) {
        nodes_on_cancel(s->nodes, s->cancelled, s->ctx);
    }
    return 0;
}
