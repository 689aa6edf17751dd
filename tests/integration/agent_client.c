/* SPDX-License-Identifier: Apache-2.0 */
/* A client for the tests of the whole node daemon: the real ledger, the real enrolment and the real
 * acting side, without plans in front. It makes its own grant, so it can also ask for what the
 * pipeline never would: an act whose intent names something else, or one asked for twice.
 *
 *   agent_client DIR init | join LINE NAME | status | witness | op HEX | receipts | bench N CT
 *   agent_client DIR exec CT [--timeout S] [--output N] [--stdin TEXT] [--uid N] [--undo NAME]
 *                [--kill] [--cancel] [--other-intent] [--twice] [--config no] -- ARGV…
 * DIR holds log/, nodes/ and key. Prints JSON. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/act.h"
#include "proximo-client/pipeline/grant.h"

#define BENCH_GAP_MS 50 /* bench_exec.py says why */

struct grant {
    int none;
};

bool grant_covers_node(const struct grant *g, const char *node, const struct hash *request) {
    (void)node;
    (void)request;
    return g != NULL;
}

struct client {
    struct ledger *l;
    struct nodes *n;
    const struct node_info *node;
};

struct wish {
    uint32_t ct;
    uint32_t timeout, output, uid;
    const char *input, *undo;
    bool kill, cancel, other_intent, twice, no_config;
    const char **argv;
    size_t argc;
};

struct seen {
    struct buf stream[2];
    bool cancel;
};

static int fail(const struct err *e) {
    CLEANUP(js_freep) js *o = js_object();
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

    js_add(o, "error", js_str(e->tag[0] ? e->tag : "internal"));
    js_add(o, "message", js_str_n(e->msg, strlen(e->msg)));
    js_add(o, "http_status", js_int(e->http_status));
    (void)js_print(o, &b);
    (void)puts(buf_str(&b));
    return 1;
}

static int print(const js *o) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8 * 1024 * 1024);

    (void)js_print(o, &b);
    (void)puts(buf_str(&b));
    return 0;
}

static int append(struct client *c, enum entry_kind kind, const struct hash *plan,
                  const struct hash *request, struct ledger_pos *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char p[HASH_HEX_LEN + 1];
    char h[HASH_HEX_LEN + 1];
    int r = entry_begin(&b, kind, clock_unix(), "cli:test");

    hash_text(plan, p);
    hash_text(request, h);
    r = r < 0 ? r : lines_put(&b, "plan", p);
    if (kind == ENTRY_PLAN) {
        r = r < 0 ? r : lines_put(&b, "risk", "low");
    }
    r = r < 0 ? r : lines_put(&b, "approval", "none");
    r = r < 0 ? r : lines_putf(&b, "expires", "%lld", (long long)clock_unix() + 600);
    r = r < 0 ? r : lines_put(&b, "taint", "no");
    if (kind == ENTRY_INTENT) {
        r = r < 0 ? r : lines_putf(&b, "request", "%s %s", c->node->name, h);
    }
    r = r < 0 ? r : entry_end(&b, "{}", e);
    return r < 0 ? r : ledger_append(c->l, b.data, b.len, LEDGER_SYNC, NULL, NULL, ret, e);
}

static int make_request(struct client *c, const struct wish *w, struct buf *ret, struct err *e) {
    struct node_request q = {.log = ledger_origin(c->l),
                             .client = c->node->client,
                             .op = OP_EXEC,
                             .ct = w->ct,
                             .uid = w->uid,
                             .arg = w->argv,
                             .n_args = w->argc,
                             .timeout_s = w->timeout,
                             .output_max = w->output,
                             .kill_on_disconnect = w->kill};
    CLEANUP(buf_done) struct buf draft = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *x = NULL;
    uint8_t nonce[16];
    int r;

    (void)snprintf(q.node, sizeof(q.node), "%s", c->node->name);
    hex_encode(c->node->receipt.id, 4, q.key_id);
    random_bytes(nonce, sizeof(nonce));
    hex_encode(nonce, sizeof(nonce), q.nonce);
    if (w->input) {
        q.has_stdin = true;
        q.stdin_bytes = (uint32_t)strlen(w->input);
        sha256(w->input, strlen(w->input), &q.stdin_hash);
    }
    if (w->undo) {
        q.undo = true;
        q.undo_ttl_s = 86400;
        (void)snprintf(q.undo_name, sizeof(q.undo_name), "%s", w->undo);
    }
    r = request_text(&q, &draft, e);
    r = r < 0 ? r : node_explain(c->n, c->node->name, buf_str(&draft), &x, e);
    if (r < 0) {
        return r;
    }
    q.has_config = !w->no_config && js_get_str(x, "config") &&
                   hash_parse(js_get_str(x, "config"), &q.config) == 0;
    return request_text(&q, ret, e);
}

static void take(void *ctx, int stream, const void *data, size_t len) {
    struct seen *s = ctx;

    (void)buf_add(&s->stream[stream - 1], data, len);
}

static bool wants_stop(void *ctx) {
    struct seen *s = ctx;

    return s->cancel && s->stream[0].len > 0;
}

static js *result(const struct act_out *o, struct seen *s, const struct err *e,
                  const struct hash *h) {
    js *v = js_object();
    char hex[65];

    hex_encode(h->b, HASH_LEN, hex);
    js_add(v, "request", js_str(hex));
    js_add(v, "started", js_bool(o->started));
    js_add(v, "ended", js_bool(o->ended));
    js_add(v, "refused", js_str(o->refused));
    js_add(v, "step", js_str(o->step));
    js_add(v, "how", js_str(o->how));
    js_add(v, "value", js_int(o->value));
    js_add(v, "receipt", js_str(o->receipt));
    js_add(v, "undo", js_str(o->undo_name));
    js_add(v, "out_total", js_int((int64_t)o->out_total));
    js_add(v, "err_total", js_int((int64_t)o->err_total));
    js_add(v, "out", js_str_n(buf_str(&s->stream[0]), s->stream[0].len));
    js_add(v, "err", js_str_n(buf_str(&s->stream[1]), s->stream[1].len));
    js_add(v, "attested",
           js_bool(o->receipt &&
                   act_check_output(o->receipt, 1, s->stream[0].data, s->stream[0].len) == 0 &&
                   act_check_output(o->receipt, 2, s->stream[1].data, s->stream[1].len) == 0));
    js_add(v, "message", js_str_n(e->msg, strlen(e->msg)));
    return v;
}

static int run(struct client *c, const struct wish *w, const char *request, uint64_t index,
               js **ret, struct err *e) {
    struct seen s = {.stream = {BUF_INIT(4 << 20), BUF_INIT(4 << 20)}, .cancel = w->cancel};
    struct grant g = {0};
    struct act_out o = {0};
    struct act_in in = {.node = c->node->name,
                        .request = request,
                        .stdin_data = w->input,
                        .stdin_len = w->input ? strlen(w->input) : 0,
                        .intent_index = index,
                        .output = take,
                        .ctx = &s};
    struct hash h;
    int r;

    nodes_on_cancel(c->n, wants_stop, &s);
    sha256(request, strlen(request), &h);
    r = node_act(c->n, &g, c->l, &in, &o, e);
    nodes_on_cancel(c->n, NULL, NULL); /* `s` ends here, the connection does not */
    if (r == 0) {
        *ret = result(&o, &s, e, &h);
    }
    act_out_done(&o);
    buf_done(&s.stream[0]);
    buf_done(&s.stream[1]);
    return r;
}

static int prepare(struct client *c, const struct wish *w, struct buf *request, uint64_t *index,
                   struct err *e) {
    struct ledger_pos pos;
    struct hash plan;
    struct hash h;
    int r = make_request(c, w, request, e);

    random_bytes(&plan, sizeof(plan));
    if (r < 0) {
        return r;
    }
    sha256(request->data, request->len, &h);
    h.b[0] ^= w->other_intent;
    r = append(c, ENTRY_PLAN, &plan, &h, &pos, e);
    r = r < 0 ? r : append(c, ENTRY_INTENT, &plan, &h, &pos, e);
    *index = pos.index;
    return r;
}

static int cmd_exec(struct client *c, const struct wish *w) {
    CLEANUP(buf_done) struct buf request = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *o = NULL;
    struct err e = {0};
    uint64_t index;

    if (prepare(c, w, &request, &index, &e) < 0 ||
        run(c, w, buf_str(&request), index, &o, &e) < 0) {
        return fail(&e);
    }
    if (w->twice) {
        js_freep(&o);
        if (run(c, w, buf_str(&request), index, &o, &e) < 0) {
            return fail(&e);
        }
    }
    return print(o);
}

/* Microseconds from "send" to the end frame, one a line; the intent's own append is not in it. */
static int cmd_bench(struct client *c, uint64_t n, struct wish *w) {
    struct err e = {0};

    for (uint64_t i = 0; i < n; i++) {
        CLEANUP(buf_done) struct buf request = BUF_INIT(LIM_LINES);
        CLEANUP(js_freep) js *o = NULL;
        uint64_t index;
        int64_t at;

        if (prepare(c, w, &request, &index, &e) < 0) {
            return fail(&e);
        }
        clock_sleep_ms(BENCH_GAP_MS);
        at = clock_mono_us();
        if (run(c, w, buf_str(&request), index, &o, &e) < 0) {
            return fail(&e);
        }
        at = clock_mono_us() - at;
        if (!js_bool_or(o, "ended", false) || js_int_or(o, "value", -1) != 0) {
            return print(o) + 1;
        }
        (void)printf("%lld\n", (long long)at);
    }
    return 0;
}

static int options(int argc, char **argv, struct wish *w) {
    int i = 0;

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *a = argv[i];
        const char *v = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(a, "--kill") == 0) {
            w->kill = true;
        } else if (strcmp(a, "--cancel") == 0) {
            w->cancel = true;
        } else if (strcmp(a, "--other-intent") == 0) {
            w->other_intent = true;
        } else if (strcmp(a, "--twice") == 0) {
            w->twice = true;
        } else if (strcmp(a, "--no-config") == 0) {
            w->no_config = true;
        } else {
            i++;
            if (strcmp(a, "--stdin") == 0) {
                w->input = v;
            } else if (strcmp(a, "--undo") == 0) {
                w->undo = v;
            } else if (ident_u32(v, strcmp(a, "--timeout") == 0  ? &w->timeout
                                    : strcmp(a, "--output") == 0 ? &w->output
                                                                 : &w->uid) < 0) {
                return -EINVAL;
            }
        }
    }
    w->argv = (const char **)(uintptr_t)(argv + i + 1);
    w->argc = i < argc ? (size_t)(argc - i - 1) : 0;
    return w->argc ? 0 : -EINVAL;
}

static int cmd_join(struct client *c, const char *line, const char *name) {
    CLEANUP(js_freep) js *o = js_object();
    struct err e = {0};
    CLEANUP(witnessing_done) struct witnessing w = {0};
    bool rotated = false;
    char node[64];

    if (nodes_join(c->n, line, name, c->l, node, &rotated, &e) < 0 ||
        nodes_witness(c->n, c->l, node, WITNESS_WHOLE, &w, &e) < 0) {
        return fail(&e);
    }
    js_add(o, "node", js_str(node));
    js_add(o, "witnessed", js_int((int64_t)w.cosigned));
    return print(o);
}

static int ask(struct client *c, const char *what, const char *arg) {
    CLEANUP(js_freep) js *o = NULL;
    const char *node = c->node ? c->node->name : "";
    struct err e = {0};
    CLEANUP(witnessing_done) struct witnessing w = {0};
    struct hash h;
    int r = -EINVAL;

    if (strcmp(what, "status") == 0) {
        r = node_status(c->n, node, &o, &e);
    } else if (strcmp(what, "receipts") == 0) {
        r = node_receipts(c->n, node, 0, &o, &e);
    } else if (strcmp(what, "op") == 0 && hex_decode(arg, 64, h.b) == 0) {
        r = node_op(c->n, node, &h, &o, &e);
    } else if (strcmp(what, "witness") == 0) {
        r = nodes_witness(c->n, c->l, NULL, WITNESS_WHOLE, &w, &e);
        o = js_int((int64_t)w.cosigned);
    }
    return r < 0 ? fail(&e) : print(o);
}

static int dispatch(struct client *c, int argc, char **argv) {
    struct wish w = {.timeout = 20, .output = 1 << 20};
    uint64_t n;

    if (strcmp(argv[0], "join") == 0 && argc == 3) {
        return cmd_join(c, argv[1], argv[2]);
    }
    if (strcmp(argv[0], "exec") == 0 && argc > 2 && c->node && ident_u32(argv[1], &w.ct) == 0 &&
        options(argc - 2, argv + 2, &w) == 0) {
        return cmd_exec(c, &w);
    }
    if (strcmp(argv[0], "bench") == 0 && argc > 3 && c->node && ident_u64(argv[1], &n) == 0 &&
        ident_u32(argv[2], &w.ct) == 0 && options(argc - 3, argv + 3, &w) == 0) {
        return cmd_bench(c, n, &w);
    }
    return ask(c, argv[0], argc > 1 ? argv[1] : "");
}

int main(int argc, char **argv) {
    CLEANUP(nodes_closep) struct nodes *nodes = NULL;
    CLEANUP(ledger_closep) struct ledger *ledger = NULL;
    struct hash policy = {{0}};
    struct err e = {0};
    struct client c;
    char log[512];
    char state[512];
    char key[512];

    if (argc < 3) {
        return 2;
    }
    (void)snprintf(log, sizeof(log), "%s/log", argv[1]);
    (void)snprintf(state, sizeof(state), "%s/nodes/c1.ini", argv[1]);
    (void)snprintf(key, sizeof(key), "%s/key", argv[1]);
    if (strcmp(argv[2], "init") == 0) {
        return ledger_create(log, "c1", &policy, &e) < 0 ? fail(&e) : 0;
    }
    if (ledger_open(log, &ledger, &e) < 0 || nodes_open(state, key, &nodes, &e) < 0) {
        return fail(&e);
    }
    c = (struct client){ledger, nodes, nodes_at(nodes, 0)};
    return dispatch(&c, argc - 2, argv + 2);
}
