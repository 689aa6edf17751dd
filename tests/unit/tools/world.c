/* SPDX-License-Identifier: Apache-2.0 */
/* A world for rows: API, nodes and draft by table. Whatever is not in the tables fails loudly, so
 * that a row which reads something new is seen. */
#include "tests/unit/tools/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/pve/schema.h"

struct pve {
    js *schema;
    js *answers; /* path -> data */
    js *fails;   /* path -> {status, tag} */
    js *gets;    /* path -> how often */
    const char *task_exit;
};
struct nodes {
    js *explain;
    char *asked;
};

static struct pve pve;
static struct nodes nodes;
struct session world_session = {
    .cluster = "lab", .pve = &pve, .nodes = &nodes, .actor = "cli:test", .ledger = NULL};

void world_reset(void) {
    json_object_put(pve.answers);
    json_object_put(pve.fails);
    json_object_put(pve.gets);
    json_object_put(pve.schema);
    json_object_put(nodes.explain);
    free(nodes.asked);
    nodes = (struct nodes){.explain = js_object()};
    pve = (struct pve){NULL, js_object(), js_object(), js_object(), "OK"};
}

void world_set(const char *path, const char *data) {
    struct err e = {0};
    js *v = NULL;

    if (js_parse(data, strlen(data), &v, &e) < 0) {
        fprintf(stderr, "test data for %s: %s\n", path, e.msg);
        abort();
    }
    js_add(pve.answers, path, v);
    json_object_object_del(pve.fails, path);
}

bool world_knows(const char *path) {
    return js_get(pve.answers, path) != NULL;
}

void world_schema(const char *text, size_t len) {
    json_object_put(pve.schema);
    pve.schema = NULL;
    if (text && apidoc_parse(text, len, &pve.schema, NULL) < 0) {
        abort();
    }
}

int pve_schema(struct pve *p, const js **ret, struct err *e) {
    if (!p->schema) {
        return err_tag(e, -ENOENT, "no_schema", "the cluster serves none");
    }
    *ret = p->schema;
    return 0;
}

void world_fail(const char *path, int http_status, const char *tag) {
    js *o = js_object();

    js_add(o, "status", js_int(http_status));
    js_add(o, "tag", js_str(tag));
    js_add(pve.fails, path, o);
}

bool world_load(const char *file) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    CLEANUP(js_freep) js *v = NULL;
    const js *calls;

    if (file_read(AT_FDCWD, file, &b, NULL) < 0 || js_parse(buf_str(&b), b.len, &v, NULL) < 0) {
        return false;
    }
    calls = js_get(v, "calls");
    for (size_t i = 0; i < js_len(calls); i++) {
        const js *c = js_at(calls, i);
        int64_t status = js_int_or(c, "status", 0);

        if (status == 200) {
            js_add(pve.answers, js_str_or(c, "path", ""),
                   js_copy(js_get(js_get(c, "body"), "data")));
        } else {
            world_fail(js_str_or(c, "path", ""), (int)status, "pve_error");
        }
    }
    return true;
}

unsigned int world_gets(const char *path) {
    return (unsigned int)js_int_or(pve.gets, path, 0);
}

void world_task(const char *exit) {
    pve.task_exit = exit;
}

void world_node(const char *node, const char *explain) {
    js *v = NULL;

    if (js_parse(explain, strlen(explain), &v, NULL) < 0) {
        abort();
    }
    js_add(nodes.explain, node, v);
}

const char *world_asked(void) {
    return nodes.asked;
}

/* --- pve.h --- */

const char *pve_local_address(const struct pve *p) {
    (void)p;
    return "10.0.0.9";
}

const char *pve_peer_address(const struct pve *p) {
    (void)p;
    return "10.0.0.1";
}

int pve_get(struct pve *p, const char *path, js **ret, struct err *e) {
    const js *fail = js_get(p->fails, path);
    js *v = NULL;

    js_add(p->gets, path, js_int(js_int_or(p->gets, path, 0) + 1));
    if (fail) {
        err_tag(e, -EIO, js_str_or(fail, "tag", ""), "GET %s failed as the test wants", path);
        if (e) {
            e->http_status = (int)js_int_or(fail, "status", 0);
        }
        return -EIO;
    }
    if (!json_object_object_get_ex(p->answers, path, &v)) {
        return err_tag(e, -ENOENT, "pve_error", "the test's world does not know %s", path);
    }
    *ret = js_copy(v);
    return 0;
}

int pve_get_body(struct pve *p, const char *path, js **ret_body, struct err *e) {
    js *data = NULL;
    int r = pve_get(p, path, &data, e);

    if (r == 0) {
        *ret_body = js_object();
        js_add(*ret_body, "data", data);
    }
    return r;
}

int pve_get_many(struct pve *p, struct pve_job *job, size_t n, struct err *e) {
    (void)e;
    for (size_t i = 0; i < n; i++) {
        job[i].result = pve_get(p, job[i].path, &job[i].data, job[i].err);
    }
    return 0;
}

int pve_get_spread(struct pve *p, struct pve_job *job, size_t n, struct err *e) {
    return pve_get_many(p, job, n, e);
}

void pve_while_waiting(struct pve *p, pve_meanwhile turn, void *ctx) {
    (void)p; /* nothing is waited for here */
    (void)turn;
    (void)ctx;
}

size_t pve_spreads(const struct pve *p) {
    (void)p;
    return 0;
}

size_t pve_endpoints(const struct pve *p) {
    (void)p;
    return 1;
}

void pve_endpoint_at(const struct pve *p, size_t i, struct pve_endpoint *ret) {
    (void)p;
    (void)i;
    *ret = (struct pve_endpoint){.node = ""};
}

static int add_encoded(struct buf *b, const char *s) {
    int r = 0;

    for (; r == 0 && *s; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                     (*s >= '0' && *s <= '9') || strchr("-_.~:!@", *s);

        r = plain ? buf_addc(b, *s) : buf_addf(b, "%%%02X", (unsigned char)*s);
    }
    return r;
}

int pve_path(const char *template, const js *args, struct buf *ret, struct err *e) {
    for (const char *p = template; *p; p++) {
        char name[64];
        size_t n;
        js *v;

        if (*p != '{') {
            (void)buf_addc(ret, *p);
            continue;
        }
        n = strcspn(++p, "}");
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
        v = js_get(args, name);
        if (!v) {
            return err_set(e, -EINVAL, "%s is missing", name);
        }
        (void)add_encoded(ret, json_object_get_string(v));
        p += n;
    }
    return 0;
}

int pve_query(const js *params, struct buf *ret, struct err *e) {
    bool first = !strchr(buf_str(ret), '?');

    (void)e;
    JS_FOREACH(params, key, val) {
        (void)buf_addf(ret, "%c%s=", first ? '?' : '&', key);
        if (json_object_is_type(val, json_type_boolean)) {
            (void)buf_addc(ret, json_object_get_boolean(val) ? '1' : '0');
        } else {
            (void)add_encoded(ret, json_object_get_string(val));
        }
        first = false;
    }
    return 0;
}

const char *pve_token_id(const struct pve *p) {
    (void)p;
    return "root@pam!proximo";
}

int pve_task_status(struct pve *p, const char *upid, struct pve_task *ret, struct err *e) {
    return pve_task_wait(p, upid, 0, NULL, NULL, ret, e);
}

int pve_task_wait(struct pve *p, const char *upid, int64_t timeout_ms,
                  void (*tick)(void *ctx, const struct pve_task *t, int64_t waited_ms), void *ctx,
                  struct pve_task *ret, struct err *e) {
    struct pve_task t = {.stopped = p->task_exit != NULL};

    (void)timeout_ms;
    if (ident_upid_node(upid, t.node, sizeof(t.node)) < 0) {
        return err_set(e, -EINVAL, "not a task id");
    }
    if (p->task_exit) {
        t.ok = strcmp(p->task_exit, "OK") == 0;
        t.warnings = strncmp(p->task_exit, "WARNINGS", 8) == 0;
        (void)snprintf(t.exit, sizeof(t.exit), "%s", p->task_exit);
    }
    if (tick) {
        tick(ctx, &t, 1000);
    }
    *ret = t;
    return 0;
}

int pve_task_log(struct pve *p, const char *upid, unsigned int limit, js **ret_lines,
                 struct err *e) {
    js *v = js_get(p->answers, upid);

    if (!v) {
        return err_tag(e, -ENOENT, "pve_error", "no log of %s", upid);
    }
    *ret_lines = js_array();
    for (size_t i = js_len(v) > limit ? js_len(v) - limit : 0; i < js_len(v); i++) {
        js_push(*ret_lines, js_copy(js_at(v, i)));
    }
    return 0;
}

/* --- session.h --- */

void session_progress(const struct session *s, double done, double total, const char *fmt, ...) {
    (void)s;
    (void)done;
    (void)total;
    (void)fmt;
}

bool session_cancelled(const struct session *s) {
    (void)s;
    return false;
}

/* --- nodes.h, ledger.h --- */

size_t nodes_count(const struct nodes *n) {
    return (size_t)json_object_object_length(n->explain);
}

const struct node_info *nodes_find(const struct nodes *n, const char *name) {
    static struct node_info info;
    static char kept[64];

    if (!js_get(n->explain, name)) {
        return NULL;
    }
    (void)snprintf(kept, sizeof(kept), "%s", name);
    info = (struct node_info){.name = kept, .address = "127.0.0.1:8643", .client = "laptop"};
    memcpy(info.receipt.id, "\x01\x02\xa0\xff", 4);
    info.trusted = true;
    return &info;
}

const struct node_info *nodes_at(const struct nodes *n, size_t i) {
    JS_FOREACH(n->explain, name, answer) {
        (void)answer;
        if (i-- == 0) {
            return nodes_find(n, name);
        }
    }
    return NULL;
}

int node_inventory_begin(struct nodes *n, const char *node, const struct inventory_ops *ops,
                         void *ctx, struct inventory_call **ret, struct err *e) {
    (void)n;
    (void)ops;
    (void)ctx;
    (void)ret;
    return err_tag(e, -EHOSTUNREACH, "node_unreachable", "%s has no inventory in the test", node);
}

size_t node_inventory_turn(struct inventory_call *t, struct pollfd *fd, size_t max, int *wait_ms) {
    (void)t;
    (void)fd;
    (void)max;
    (void)wait_ms;
    return 0;
}

int node_inventory_end(struct inventory_call **call, struct node_inventory *ret, struct err *e) {
    (void)call;
    (void)ret;
    return err_set(e, -EINVAL, "none was begun");
}

void inventory_call_free(struct inventory_call *t) {
    (void)t;
}

/* Timers are asked of nodes, of which there is none here that answers. */
static int unreachable(const char *node, struct err *e) {
    return err_tag(e, -EHOSTUNREACH, "node_unreachable", "%s cannot be asked in the test", node);
}

int node_status(struct nodes *n, const char *node, js **ret, struct err *e) {
    (void)n;
    (void)ret;
    return unreachable(node, e);
}

int node_receipts(struct nodes *n, const char *node, uint64_t after, js **ret, struct err *e) {
    (void)n;
    (void)after;
    (void)ret;
    return unreachable(node, e);
}

int node_receipt_open(const struct node_info *i, const char *note, struct receipt *ret,
                      struct err *e) {
    (void)note;
    (void)ret;
    return unreachable(i->name, e);
}

int node_explain(struct nodes *n, const char *node, const char *request, js **ret, struct err *e) {
    js *v = js_get(n->explain, node);

    free(n->asked);
    n->asked = strdup(request);
    if (!v) {
        return err_tag(e, -ENOENT, "node_unreachable", "no such node in the test");
    }
    *ret = js_copy(v);
    return 0;
}

const char *ledger_origin(const struct ledger *l) {
    (void)l;
    return "proximo/lab/0123456789abcdef";
}
