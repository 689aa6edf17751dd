/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: every value and opinion with its origin, and whether each part answers. A check that
 * could not be made is "failed", never silently left out. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/form.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/freeze.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/secrets.h"
#include "proximo-client/pipeline/service_int.h"
#include "proximo-client/pve/pve.h"

static void check(js *list, const char *id, const char *status, const char *text,
                  const char *remedy) {
    js *o = js_object();

    js_add(o, "check", js_str(id));
    js_add(o, "status", js_str(status));
    js_add(o, "text", js_str(text));
    if (remedy && *remedy) {
        js_add(o, "remedy", js_str(remedy));
    }
    js_push(list, o);
}

static void check_err(js *list, const char *id, const struct err *e) {
    check(list, id, "failed", e->msg, e->hint);
}

/* Each further address, by whose it says it is. */
static void addresses(struct session *s, js *list) {
    struct err e = {0};
    int r = pve_endpoints(s->pve) > 1 ? pve_endpoints_ask(s->pve, &e) : 0;

    for (size_t i = 1; i < pve_endpoints(s->pve); i++) {
        struct pve_endpoint at;
        char text[500];

        pve_endpoint_at(s->pve, i, &at);
        if (r < 0) {
            (void)snprintf(text, sizeof(text), "%.100s is not used: the first address: %.280s",
                           at.url, e.msg);
            check(list, "address", "failed", text, e.hint);
        } else if (at.why) {
            (void)snprintf(text, sizeof(text), "%.100s is left out: %.280s", at.url, at.why->msg);
            check(list, "address", "failed", text, at.why->hint);
        } else {
            (void)snprintf(text, sizeof(text), "%.100s is node %.63s", at.url, at.node);
            check(list, "address", "ok", text, NULL);
        }
    }
}

static void api(struct session *s, js *list) {
    CLEANUP(js_freep) js *version = NULL;
    CLEANUP(js_freep) js *perms = NULL;
    struct err e = {0};
    char text[256];
    size_t paths = 0;

    if (pve_get(s->pve, "/version", &version, &e) < 0) {
        check_err(list, "api", &e);
        check(list, "privileges", "skipped", "the API does not answer", NULL);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s %s answers to %s", s->pbs ? "PBS" : "PVE",
                   js_str_or(version, "version", "?"), pve_token_id(s->pve));
    check(list, "api", "ok", text, NULL);
    addresses(s, list);
    if (pve_get(s->pve, "/access/permissions", &perms, &e) < 0) {
        check_err(list, "privileges", &e);
        return;
    }
    paths = js_is_object(perms) ? (size_t)js_members(perms) : 0;
    (void)snprintf(text, sizeof(text), "the token holds privileges on %zu paths", paths);
    check(list, "privileges", paths ? "ok" : "finding", text,
          paths ? NULL : "give the token (and its user) a role: see proximo-tools(7)");
}

static void ledger_checks(struct session *s, js *list) {
    CLEANUP(js_freep) js *unresolved = NULL;
    struct err e = {0};
    char text[300];

    if (ledger_damage(s->ledger)) {
        check(list, "ledger", "finding", ledger_damage(s->ledger), "proximo-client ledger verify");
        return;
    }
    (void)snprintf(text, sizeof(text), "%s: %llu entries", ledger_origin(s->ledger),
                   (unsigned long long)ledger_size(s->ledger));
    check(list, "ledger", "ok", text, NULL);
    (void)snprintf(text, sizeof(text), "%zu secret values of plans that are over were removed",
                   secrets_sweep(s->ledger));
    check(list, "secrets", "ok", text, NULL);
    if (ops_resolve(s, &unresolved, &e) < 0) {
        if (strcmp(e.tag, "ledger_damaged") == 0) { /* it was looked at, and it is not well */
            check(list, "ledger", "finding", e.msg, "proximo-client ledger verify");
        } else {
            check_err(list, "operations", &e);
        }
        return;
    }
    (void)snprintf(text, sizeof(text), "%zu operations without a known end", js_len(unresolved));
    check(list, "operations", js_len(unresolved) ? "finding" : "ok", text,
          js_len(unresolved)
              ? "proximo-client ops; an operator can close what nothing tells: op close"
              : NULL);
}

static bool has_other_keys(const struct node_info *info, const js *status) {
    struct vkey k;
    const char *witness = js_get_str(status, "witness_key");
    const char *receipt = js_get_str(status, "receipt_key");

    return (witness && (vkey_parse(witness, &k, NULL) < 0 || !vkey_eq(&k, &info->witness))) ||
           (receipt && (vkey_parse(receipt, &k, NULL) < 0 || !vkey_eq(&k, &info->receipt)));
}

/* What a node would take back by itself, and when. */
static void timer_check(const js *status, const char *node, js *list) {
    const js *timers = js_get(status, "timers");
    int64_t next = INT64_MAX;
    char id[80];
    char text[200];

    for (size_t i = 0; i < js_len(timers); i++) {
        const char *blank = strchr(json_object_get_string(js_at(timers, i)), ' ');
        const char *rest;
        uint64_t at;

        if (blank && form_ordinal(blank + 1, &at, &rest) == 0 && (int64_t)at < next) {
            next = (int64_t)at;
        }
    }
    if (next != INT64_MAX) {
        (void)snprintf(id, sizeof(id), "timers of %s", node);
        (void)snprintf(text, sizeof(text), "%zu revert timers run; the next reverts in %lld s",
                       js_len(timers), (long long)(next - clock_unix()));
        check(list, id, "finding", text,
              "proximo-client confirm O-… once all is well; ops lists the operations");
    }
}

static void node_checks(struct session *s, js *list) {
    if (!nodes_count(s->nodes)) {
        check(list, "nodes", "not-applicable", "no node daemon is enrolled", NULL);
    }
    for (size_t i = 0; i < nodes_count(s->nodes); i++) {
        const struct node_info *info = nodes_at(s->nodes, i);
        CLEANUP(js_freep) js *status = NULL;
        struct err e = {0};
        char id[80];

        (void)snprintf(id, sizeof(id), "node %s", info->name);
        if (node_is_stranger(info)) {
            check(list, id, "finding", "learnt from another node, and not trusted: it is not used",
                  "proximo-client node trust NAME, or node forget NAME");
        } else if (node_status(s->nodes, info->name, &status, &e) < 0) {
            check_err(list, id, &e);
        } else if (has_other_keys(info, status)) {
            check(list, id, "finding", "its witness or receipt key is not the one that is enrolled",
                  "proximo-client node refresh");
        } else if (info->has_next) {
            check(
                list, id, "finding", "it has announced another TLS key and not used it yet",
                "on the node: pveagentctl rotate tls --switch; then: proximo-client node refresh");
        } else if (!js_bool_or(status, "armed", false)) {
            check(list, id, "finding", "the daemon is not armed", "on the node: pveagentctl arm");
        } else {
            check(list, id, "ok",
                  info->trusted ? "armed, trusted as witness" : "armed, not yet trusted as witness",
                  info->trusted ? NULL : "proximo-client node trust NAME");
        }
        timer_check(status, info->name, list);
    }
}

static js *origins(const struct config *conf) {
    js *o = js_object();
    js *list = js_array();

    js_add(o, "effective", config_policy_json(conf));
    for (size_t i = 0; i < conf->n_opinions; i++) {
        js *one = js_object();

        js_add(one, "key", js_str(conf->opinion[i].key));
        js_add(one, "value", js_str(conf->opinion[i].value));
        js_add(one, "origin", js_str(conf->opinion[i].origin));
        js_push(list, one);
    }
    js_add(o, "opinions", list);
    return o;
}

/* The keys that nobody set. */
static js *defaults_of(const struct cluster_conf *cl) {
    js *list = js_array();

    if (!cl->timeout_ms) {
        js_push(list, js_str("timeout"));
    }
    if (!cl->connections) {
        js_push(list, js_str("connections"));
    }
    return list;
}

/* Whom approvals and cosignatures are taken from, and what an MCP call waits for. */
static void add_people(const struct config *conf, js *o) {
    js *operators = js_array();
    js *witnesses = js_array();
    CLEANUP(buf_done) struct buf key = BUF_INIT(LIM_LINE);

    for (size_t i = 0; i < conf->n_operators; i++) {
        js *one = js_object();

        buf_reset(&key);
        (void)vkey_text(&conf->operator[i].key, &key);
        js_add(one, "operator", js_str(conf->operator[i].name));
        js_add(one, "key", js_str(buf_str(&key)));
        js_add(one, "origin", js_str(conf->operator[i].origin));
        js_push(operators, one);
    }
    for (size_t i = 0; i < conf->n_witnesses; i++) {
        const struct witness_conf *w = &conf->witness[i];
        js *one = js_object();

        buf_reset(&key);
        (void)vkey_text(&w->key, &key);
        js_add(one, "witness", js_str(w->name));
        js_add(one, "key", js_str(buf_str(&key)));
        js_add(one, "url", js_str(w->url));
        js_add(one, "ca", js_str(w->ca ? w->ca : "of the system"));
        js_add(one, "origin", js_str(w->origin));
        js_push(witnesses, one);
    }
    js_add(o, "operators", operators);
    js_add(o, "witnesses", witnesses);
    js_add(o, "job_after_s", js_int(conf->job_after_s));
    js_add(o, "job_after_origin",
           js_str(conf->job_after_origin ? conf->job_after_origin : "default"));
}

static js *cluster_json(const struct cluster_conf *cl) {
    js *o = js_object();

    js_add(o, "cluster", js_str(cl->name));
    js_add(o, "kind", js_str(cl->pbs ? "backup server" : "cluster"));
    js_add(o, "url", js_str(cl->url));
    js_add(o, "token_file", js_str(cl->token));
    js_add(o, "fingerprint", js_str(cl->fingerprint ? cl->fingerprint : ""));
    js_add(o, "ca", js_str(cl->ca ? cl->ca : ""));
    js_add(o, "timeout_s", js_int((cl->timeout_ms ? cl->timeout_ms : PVE_TIMEOUT_MS) / 1000));
    js_add(o, "connections", js_int(cl->connections ? cl->connections : PVE_CONNECTIONS));
    js_add(o, "mirror", js_str(cl->mirror ? cl->mirror : ""));
    js_add(o, "origin", js_str(cl->origin));
    js_add(o, "defaults", defaults_of(cl));
    return o;
}

static void one_cluster(struct app *a, const struct call *c, const struct cluster_conf *cl,
                        js *list) {
    js *o = cluster_json(cl);
    js *checks = js_array();
    struct session s = {.app = a, .actor = c->actor};
    struct err e = {0};

    if (app_session(a, cl->name, APP_PVE, &s, &e) < 0) {
        check_err(checks, "api", &e);
    } else {
        api(&s, checks);
    }
    if (app_session(a, cl->name, APP_PVE | APP_NODES, &s, &e) < 0) {
        check_err(checks, "nodes", &e);
    } else {
        node_checks(&s, checks);
    }
    if (app_session(a, cl->name, APP_PVE | APP_LEDGER | APP_NODES, &s, &e) < 0) {
        check_err(checks, "ledger", &e);
    } else {
        ledger_checks(&s, checks);
    }
    js_add(o, "checks", checks);
    js_push(list, o);
}

static bool all_ok(const js *clusters) {
    for (size_t i = 0; i < js_len(clusters); i++) {
        const js *checks = js_get(js_at(clusters, i), "checks");

        for (size_t k = 0; k < js_len(checks); k++) {
            const char *status = js_str_or(js_at(checks, k), "status", "");

            if (strcmp(status, "ok") != 0 && strcmp(status, "not-applicable") != 0) {
                return false;
            }
        }
    }
    return js_len(clusters) > 0;
}

int meta_doctor(struct app *a, const struct call *c, js **ret, struct err *e) {
    const struct config *conf;
    struct err frozen = {0};
    js *clusters;
    int r = app_config(a, &conf, e);

    if (r < 0) {
        return r;
    }
    clusters = js_array();
    for (size_t i = 0; i < conf->n_clusters; i++) {
        one_cluster(a, c, &conf->cluster[i], clusters);
    }
    *ret = js_object();
    js_add(*ret, "ok", js_bool(all_ok(clusters)));
    if (!conf->n_clusters) {
        js_addf(*ret, "next",
                "write [cluster NAME] with url, fingerprint and token to %s/proximo.ini",
                conf->config_dir);
    }
    js_add(*ret, "clusters", clusters);
    js_add(*ret, "policy", origins(conf));
    js_add(*ret, "frozen", js_str(freeze_check(a, &frozen) < 0 ? frozen.msg : ""));
    add_people(conf, *ret);
    js_add(*ret, "config_dir", js_str(conf->config_dir));
    js_add(*ret, "state_dir", js_str(conf->state_dir));
    return 0;
}
