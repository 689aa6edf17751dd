/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: every operation that is one question and one answer. None of them decides anything:
 * the peer's key hash goes along, and the root half says who that is and what it may. */
#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/agent.h"
#include "pveagentd/answer.h"
#include "pveagentd/ask.h"
#include "pveagentd/http.h"
#include "common/msg.h"
#include "pveagentd/route.h"

typedef int body_fn(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                    struct err *e);

static void ask_body(struct req *q, body_fn *make, ask_answer_fn *answer) {
    CLEANUP(buf_wipe) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    struct err e = {0};
    size_t len;
    const void *body = req_body(q, &len);

    if (make(body, len, req_peer(q), &m, &e) < 0) {
        req_error(q, &e);
        return;
    }
    ask_root(q, &m, answer);
}

/* A message of the peer and at most one text. */
static void ask_plain(struct req *q, enum msg_type type, const char *text, ask_answer_fn *answer) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(4096);
    int r = msg_begin(&m, type);

    if (r == 0) {
        r = msg_add(&m, req_peer(q)->b, HASH_LEN);
    }
    if (r == 0 && text) {
        r = msg_adds(&m, text);
    }
    if (r < 0) {
        ask_no_answer(q, r);
        return;
    }
    msg_end(&m);
    ask_root(q, &m, answer);
}

static bool answer_ok(struct req *q, uint16_t type, struct msg_rd *rd) {
    js *o;

    if (type != MSG_OK || msg_done(rd) < 0) {
        return false;
    }
    o = js_object();
    js_add(o, "ok", js_bool(true));
    req_json(q, 200, o);
    return true;
}

static js *limits_json(void) {
    js *o = js_object();

    js_add(o, "body", js_int(LIM_HTTP_BODY));
    js_add(o, "message", js_int(LIM_PRIV_MSG));
    js_add(o, "stdin", js_int(LIM_STDIN));
    js_add(o, "frame", js_int(AGENT_FRAME_MAX));
    js_add(o, "requests", js_int(AGENT_CLIENT_BUSY));
    return o;
}

static bool answer_of_status(struct req *q, uint16_t type, struct msg_rd *rd) {
    size_t len;
    const void *text = msg_field(rd, LIM_PRIV_MSG, &len);
    js *spoken = js_array();
    js *o = NULL;

    js_push(spoken, js_str("proximo-request/v1"));
    if (type != MSG_STATUS_ANSWER || msg_done(rd) < 0 || answer_status(text, len, &o, NULL) < 0) {
        js_freep(&spoken);
        return false;
    }
    js_add(o, "versions", spoken);
    js_add(o, "version", js_str(PACKAGE_VERSION));
    js_add(o, "time", js_int(clock_unix()));
    js_add(o, "limits", limits_json());
    req_json(q, 200, o);
    return true;
}

void op_status(struct req *q) {
    ask_plain(q, MSG_STATUS, NULL, answer_of_status);
}

static bool answer_of_explain(struct req *q, uint16_t type, struct msg_rd *rd) {
    size_t len;
    const void *text = msg_field(rd, LIM_PRIV_MSG, &len);
    js *o = NULL;

    if (type != MSG_EXPLAIN_ANSWER || msg_done(rd) < 0 || answer_explain(text, len, &o, NULL) < 0) {
        return false;
    }
    req_json(q, 200, o);
    return true;
}

void op_explain(struct req *q) {
    ask_body(q, body_explain, answer_of_explain);
}

static js *b64_json(const void *data, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(2 * LIM_PRIV_MSG);

    return b64_encode(&b, data, len) < 0 ? NULL : js_str_n(buf_str(&b), b.len);
}

static bool answer_of_result(struct req *q, uint16_t type, struct msg_rd *rd) {
    CLEANUP(freep) char *state = msg_str(rd, 16);
    CLEANUP(freep) char *receipt = msg_str(rd, LIM_NOTE);
    size_t out_len;
    const void *out = msg_field(rd, LIM_PRIV_MSG, &out_len);
    size_t err_len;
    const void *err = msg_field(rd, LIM_PRIV_MSG, &err_len);
    js *o;

    if (type != MSG_OP_ANSWER || msg_done(rd) < 0 || !state || !receipt) {
        return false;
    }
    o = js_object();
    js_add(o, "state", js_str(state));
    if (receipt[0]) {
        js_add(o, "receipt", js_str(receipt));
    }
    js_add(o, "stdout", b64_json(out, out_len));
    js_add(o, "stderr", b64_json(err, err_len));
    req_json(q, 200, o);
    return true;
}

/* The one segment behind the route's path, when it is the hex of a hash. */
static const char *hex_segment(struct req *q) {
    const char *s = req_path(q) + strlen(req_route(q)->path);
    struct err e = {0};

    if (ident_is_hex(s, 2 * HASH_LEN)) {
        return s;
    }
    (void)err_tag(&e, -EBADMSG, "bad_request", "the path ends with 64 lower-case hex digits");
    req_error(q, &e);
    return NULL;
}

void op_result(struct req *q) {
    const char *h = hex_segment(q);

    if (h) {
        ask_plain(q, MSG_OP, h, answer_of_result);
    }
}

void op_cancel(struct req *q) {
    ask_body(q, body_cancel, answer_ok);
}

static bool answer_of_witness(struct req *q, uint16_t type, struct msg_rd *rd) {
    uint64_t status = msg_u64(rd);
    size_t len;
    const void *body = msg_field(rd, LIM_NOTE, &len);

    if ((type != MSG_WITNESS_ANSWER && type != MSG_CHECKPOINT_ANSWER) || msg_done(rd) < 0 ||
        status < 200 || status > 599) {
        return false;
    }
    req_bytes(q, (int)status, status == 409 ? "text/x.tlog.size" : "text/plain; charset=utf-8",
              body, len);
    return true;
}

/* The peer and the request's body as it came. */
static void ask_bytes(struct req *q, enum msg_type type, ask_answer_fn *answer) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    size_t len;
    const void *body = req_body(q, &len);
    int r = msg_begin(&m, type);

    if (r == 0) {
        r = msg_add(&m, req_peer(q)->b, HASH_LEN);
    }
    if (r == 0) {
        r = msg_add(&m, body, len);
    }
    if (r < 0) {
        ask_no_answer(q, r);
        return;
    }
    msg_end(&m);
    ask_root(q, &m, answer);
}

void op_witness(struct req *q) {
    ask_bytes(q, MSG_WITNESS, answer_of_witness);
}

void op_checkpoint(struct req *q) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(256);
    const char *h = hex_segment(q);

    if (!h) {
        return;
    }
    if (msg_begin(&m, MSG_CHECKPOINT) < 0 || msg_adds(&m, h) < 0) {
        ask_no_answer(q, -ENOMEM);
        return;
    }
    msg_end(&m);
    ask_root(q, &m, answer_of_witness);
}

/* A list of notes, as JSON strings. */
static js *notes_json(struct msg_rd *rd) {
    js *list = js_array();
    uint64_t n = msg_u64(rd);

    for (uint64_t i = 0; i < n && i < 64; i++) {
        size_t len;
        const char *note = msg_field(rd, LIM_NOTE, &len);

        js_push(list, js_str_n(note, len));
    }
    return list;
}

static bool answer_of_roster(struct req *q, uint16_t type, struct msg_rd *rd) {
    CLEANUP(freep) char *note = msg_str(rd, LIM_NOTE);
    CLEANUP(js_freep) js *list = notes_json(rd);
    js *o;

    if (type != MSG_ROSTER_ANSWER || msg_done(rd) < 0 || !note) {
        return false;
    }
    o = js_object();
    js_add(o, "roster", js_str(note));
    js_add(o, "entries", TAKE(list));
    req_json(q, 200, o);
    return true;
}

void op_roster(struct req *q) {
    ask_plain(q, MSG_ROSTER, NULL, answer_of_roster);
}

/* The body is the note itself: who may say it is for the root half to see. */
void op_rotate(struct req *q) {
    ask_bytes(q, MSG_ROTATE, answer_ok);
}

static bool answer_of_receipts(struct req *q, uint16_t type, struct msg_rd *rd) {
    CLEANUP(js_freep) js *list = notes_json(rd);
    js *o;

    if (type != MSG_RECEIPTS_ANSWER || msg_done(rd) < 0) {
        return false;
    }
    o = js_object();
    js_add(o, "receipts", TAKE(list));
    req_json(q, 200, o);
    return true;
}

void op_receipts(struct req *q) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(256);
    const char *query = req_query(q);
    struct err e = {0};
    uint64_t after = 0;

    if (query[0] && (strncmp(query, "after=", 6) != 0 || ident_u64(query + 6, &after) < 0)) {
        (void)err_tag(&e, -EBADMSG, "bad_request", "the query is after=N or nothing");
        req_error(q, &e);
        return;
    }
    if (msg_begin(&m, MSG_RECEIPTS) < 0 || msg_add(&m, req_peer(q)->b, HASH_LEN) < 0 ||
        msg_add_u64(&m, after) < 0) {
        ask_no_answer(q, -ENOMEM);
        return;
    }
    msg_end(&m);
    ask_root(q, &m, answer_of_receipts);
}

void op_receipts_ack(struct req *q) {
    ask_body(q, body_receipts_ack, answer_ok);
}

/* The root half's numbers, in the order of its message, and our own few. */
static bool answer_of_metrics(struct req *q, uint16_t type, struct msg_rd *rd) {
    const struct agent *a = req_agent(q);
    struct {
        const char *name, *type, *tail;
        uint64_t value;
    } rows[] = {{"armed", "gauge", "", 0},
                {"frozen", "gauge", "", 0},
                {"running", "gauge", "", 0},
                {"receipts_open", "gauge", "", 0},
                {"actions", "counter", "_total", 0},
                {"connections", "gauge", "", a->n_conns},
                {"requests", "counter", "_total", a->n_requests},
                {"refused", "counter", "_total", a->n_refused}};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    int r;

    for (size_t i = 0; i < 5; i++) {
        rows[i].value = msg_u64(rd);
    }
    r = type == MSG_METRICS_ANSWER ? msg_done(rd) : -EBADMSG;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++) {
        r = buf_addf(&b, "# TYPE pveagentd_%s %s\npveagentd_%s%s %llu\n", rows[i].name,
                     rows[i].type, rows[i].name, rows[i].tail, (unsigned long long)rows[i].value);
    }
    if (r < 0 || buf_adds(&b, "# EOF\n") < 0) {
        return false;
    }
    req_bytes(q, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", b.data, b.len);
    return true;
}

void op_metrics(struct req *q) {
    ask_plain(q, MSG_METRICS, NULL, answer_of_metrics);
}

static bool answer_of_join(struct req *q, uint16_t type, struct msg_rd *rd) {
    CLEANUP(freep) char *text = msg_str(rd, LIM_LINES);
    uint8_t hmac[HASH_LEN];
    struct err e = {0};
    js *o;

    msg_exact(rd, hmac, sizeof(hmac));
    if (type != MSG_JOIN_ANSWER || msg_done(rd) < 0 || !text) {
        return false;
    }
    if (agent_mark_enrolled(req_agent(q), &e) < 0) {
        agent_log(AE_ROOT_HALF, "the port will not open by itself at the next start", "REASON",
                  e.msg, NULL);
    }
    agent_log(AE_JOINED, "a client has joined", NULL);
    o = js_object();
    js_add(o, "text", js_str(text));
    js_add(o, "hmac", b64_json(hmac, sizeof(hmac)));
    req_json(q, 200, o);
    return true;
}

/* The exporter binds the invitation's proof to this very TLS connection: somebody in between has
 * another one and cannot pass the proof on. */
void op_join(struct req *q) {
    static const char label[] = "EXPORTER-proximo-join";
    CLEANUP(buf_wipe) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    uint8_t exporter[32];
    struct err e = {0};
    size_t len;
    const void *body = req_body(q, &len);

    if (SSL_export_keying_material(req_ssl(q), exporter, sizeof(exporter), label, sizeof(label) - 1,
                                   NULL, 0, 0) != 1) {
        ask_no_answer(q, -EIO);
        return;
    }
    if (body_join(body, len, req_peer(q), exporter, &m, &e) < 0) {
        req_error(q, &e);
        return;
    }
    ask_root(q, &m, answer_of_join);
}

void op_later(struct req *q) {
    struct err e = {0};

    (void)err_tag(&e, -ENOSYS, "not_in_this_version",
                  "this version of the node daemon does not serve this yet");
    req_error(q, &e);
}

static bool has_right(const js *status, enum route_right right) {
    const char *name = route_right_name(right);
    const js *rights = js_get(status, "rights");

    if (right == RIGHT_CLIENT || right == RIGHT_RULE) {
        return true;
    }
    for (size_t i = 0; i < js_len(rights); i++) {
        if (strcmp(json_object_get_string(js_at(rights, i)), name) == 0) {
            return true;
        }
    }
    return false;
}

/* An enrolled client learns why its request leads nowhere; a stranger got MSG_REFUSED before. */
static bool answer_of_ask_first(struct req *q, uint16_t type, struct msg_rd *rd) {
    const struct route *row = req_route(q);
    CLEANUP(js_freep) js *status = NULL;
    struct err e = {0};
    size_t len;
    const void *text = msg_field(rd, LIM_PRIV_MSG, &len);

    if (type != MSG_STATUS_ANSWER || msg_done(rd) < 0 ||
        answer_status(text, len, &status, NULL) < 0) {
        return false;
    }
    if (!js_get_str(status, "client")) {
        (void)err_tag(&e, -EACCES, "client_unknown", "this client is not enrolled here");
        req_error(q, &e);
    } else if (!row) {
        size_t body_len;

        (void)req_body(q, &body_len);
        (void)route_find(req_method(q), req_path(q), body_len, &e);
        req_error(q, &e);
    } else if (!has_right(status, row->right)) {
        (void)err_tag(&e, -EACCES, "right_missing", "this client has no right `%s` here",
                      route_right_name(row->right));
        req_error(q, &e);
    } else {
        row->run(q);
    }
    return true;
}

void op_ask_first(struct req *q) {
    ask_plain(q, MSG_STATUS, NULL, answer_of_ask_first);
}
