/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: one question, one answer. The request and the call live and die together: whichever
 * goes first takes the other along. */
#include "pveagentd/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/agent.h"
#include "pveagentd/http.h"
#include "common/msg.h"
#include "pveagentd/privcall.h"
#include "pveagentd/route.h"

struct ask {
    struct req *q;
    struct privcall *call;
    ask_answer_fn *answer;
};

static struct req *ask_end(struct ask *k) {
    struct req *q = k->q;

    privcall_free(k->call);
    free(k);
    return q;
}

static void log_refusal(struct req *q, const struct err *e) {
    char path[201];
    char hex[2 * HASH_LEN + 1];

    hex_encode(req_peer(q)->b, 8, hex);
    (void)snprintf(path, sizeof(path), "%s", req_path(q));
    agent_log(AE_REFUSED, "refused", "CODE", e->tag, "OPERATION", path, "PEER", hex, NULL);
}

bool ask_refused(struct req *q, struct msg_rd *rd) {
    CLEANUP(freep) char *code = msg_str(rd, sizeof(((struct err *)0)->tag) - 1);
    CLEANUP(freep) char *step = msg_str(rd, sizeof(((struct err *)0)->step) - 1);
    CLEANUP(freep) char *text = msg_str(rd, sizeof(((struct err *)0)->msg) - 1);
    uint64_t size = msg_u64(rd);
    CLEANUP(freep) char *cosignature = msg_str(rd, LIM_NOTE);
    struct err e = {0};
    js *o;

    if (msg_done(rd) < 0 || !code || !step || !text || !cosignature || size > INT64_MAX) {
        return false;
    }
    (void)err_tag(&e, -EACCES, code, "%s", text);
    (void)snprintf(e.step, sizeof(e.step), "%s", step);
    log_refusal(q, &e);
    o = route_error_json(&e);
    js_add(o, "plan", js_str("kept")); /* a refusal spends nothing (formats.md 5.3) */
    if (strcmp(code, "witness_conflict") == 0) {
        js_add(o, "size", js_int((int64_t)size));
    }
    if (cosignature[0]) {
        js_add(o, "cosignature", js_str(cosignature));
    }
    req_error_js(q, route_refusal_status(code), o);
    return true;
}

void ask_no_answer(struct req *q, int r) {
    struct err e = {0};

    if (r == 0) { /* the root child left without a word: it does so when a message is malformed */
        (void)err_tag(&e, -EBADMSG, "bad_request",
                      "the node's root half refused the message's form");
    } else if (r == -ETIMEDOUT) {
        (void)err_tag(&e, r, "root_half_timeout", "the node's root half did not answer in time");
    } else {
        agent_log(AE_ROOT_HALF, "the root half does not answer", "REASON", strerror(-r), NULL);
        (void)err_tag(&e, r, "root_half_unavailable", "the node's root half cannot be reached");
    }
    req_error(q, &e);
}

static void on_answer(void *ctx, uint16_t type, struct msg_rd *rd) {
    struct ask *k = ctx;
    ask_answer_fn *answer = k->answer;
    struct req *q = k->q;
    bool ok;

    /* The call goes first (rd points into the packet, not into it): what answers may ask again. */
    (void)ask_end(k);
    ok = type == MSG_REFUSED ? ask_refused(q, rd) : answer(q, type, rd);
    if (!ok) {
        ask_no_answer(q, -EBADMSG);
    }
}

static void on_end(void *ctx, int r) {
    ask_no_answer(ask_end(ctx), r);
}

static void on_gone(void *ctx) {
    req_end(ask_end(ctx));
}

void ask_root(struct req *q, const struct buf *msg, ask_answer_fn *answer) {
    static const struct privcall_ops ops = {on_answer, on_end};
    struct agent *a = req_agent(q);
    struct ask *k = calloc(1, sizeof(*k));
    int r;

    if (!k) {
        ask_no_answer(q, -ENOMEM);
        return;
    }
    k->q = q;
    k->answer = answer;
    r = privcall_start(a->base, a->o.priv_socket, msg, NULL, 0, AGENT_ASK_S, &ops, k, &k->call);
    if (r < 0) {
        free(k);
        ask_no_answer(q, r);
        return;
    }
    req_wait(q, k, on_gone);
}
