/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: JSON bodies → messages of the root half. Every member is in a table with its form,
 * and what the table does not know is refused: a typing mistake in a body never silently drops a
 * check that the client believed it had asked for. */
#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/answer.h"
#include "common/msg.h"

enum form {
    FORM_B64,    /* base64 → bytes */
    FORM_TEXT,   /* as it stands */
    FORM_COUNT,  /* integer ≥ 0 → u64 */
    FORM_HASHES, /* array of base64, 32 bytes each → one field */
    FORM_TEXTS,  /* array of texts → list */
    FORM_OP,     /* "sha256:…" → 64 hex digits */
    FORM_KEY,    /* base64, exactly 32 bytes */
};

/* In the order of the message's fields. */
struct member {
    const char *name;
    enum form form;
    bool required;
};

static int bad(struct err *e, const char *name, const char *what) {
    return err_tag(e, -EBADMSG, "bad_request", "%s: %s", name, what);
}

static int too_large(struct err *e) {
    return err_tag(e, -E2BIG, "body_too_large",
                   "request, stdin, intent and proofs together exceed %d bytes", LIM_PRIV_MSG);
}

static int put_b64(struct buf *m, const struct member *k, js *v, size_t want, struct err *e) {
    CLEANUP(buf_wipe) struct buf raw = BUF_INIT(LIM_PRIV_MSG);
    const char *s = json_object_get_string(v);
    int r = b64_decode(s, (size_t)json_object_get_string_len(v), &raw);

    if (r == -E2BIG) {
        return too_large(e);
    }
    if (r < 0 || (want && raw.len != want)) {
        return bad(e, k->name, "not the base64 that is expected here");
    }
    return msg_add(m, raw.data, raw.len) < 0 ? too_large(e) : 0;
}

static int put_hashes(struct buf *m, const struct member *k, js *v, struct err *e) {
    uint8_t raw[LIM_PROOF * HASH_LEN];
    size_t n = js_len(v);

    if (n > LIM_PROOF) {
        return bad(e, k->name, "too many hashes");
    }
    for (size_t i = 0; i < n; i++) {
        js *h = js_at(v, i);

        if (!js_is_str(h) ||
            b64_decode_exact(json_object_get_string(h), (size_t)json_object_get_string_len(h),
                             raw + i * HASH_LEN, HASH_LEN) < 0) {
            return bad(e, k->name, "a hash is not the base64 of 32 bytes");
        }
    }
    return msg_add(m, raw, n * HASH_LEN) < 0 ? too_large(e) : 0;
}

static int put_texts(struct buf *m, const struct member *k, js *v, struct err *e) {
    int r = msg_add_u64(m, js_len(v));

    for (size_t i = 0; r == 0 && i < js_len(v); i++) {
        js *t = js_at(v, i);

        if (!js_is_str(t)) {
            return bad(e, k->name, "not a list of texts");
        }
        r = msg_add(m, json_object_get_string(t), (size_t)json_object_get_string_len(t));
    }
    return r < 0 ? too_large(e) : 0;
}

static int put_op(struct buf *m, const struct member *k, js *v, struct err *e) {
    const char *s = json_object_get_string(v);
    struct hash h;

    if (hash_parse(s, &h) < 0) {
        return bad(e, k->name, "not a hash (sha256:…)");
    }
    return msg_add(m, s + 7, 64) < 0 ? too_large(e) : 0;
}

static int put_count(struct buf *m, const struct member *k, js *v, struct err *e) {
    int64_t n = js_is_int(v) ? json_object_get_int64(v) : -1;

    if (n < 0) {
        return bad(e, k->name, "not a count");
    }
    return msg_add_u64(m, (uint64_t)n) < 0 ? too_large(e) : 0;
}

static int put_member(struct buf *m, const struct member *k, js *v, struct err *e) {
    bool is_list = k->form == FORM_HASHES || k->form == FORM_TEXTS;

    if (k->form == FORM_COUNT) {
        return put_count(m, k, v, e);
    }
    if (is_list ? !js_is_array(v) : !js_is_str(v)) {
        return bad(e, k->name, is_list ? "not a list" : "not a text");
    }
    switch (k->form) {
    case FORM_B64:
        return put_b64(m, k, v, 0, e);
    case FORM_KEY:
        return put_b64(m, k, v, HASH_LEN, e);
    case FORM_HASHES:
        return put_hashes(m, k, v, e);
    case FORM_TEXTS:
        return put_texts(m, k, v, e);
    case FORM_OP:
        return put_op(m, k, v, e);
    case FORM_TEXT:
    case FORM_COUNT:
    default:
        return msg_add(m, json_object_get_string(v), (size_t)json_object_get_string_len(v)) < 0
                   ? too_large(e)
                   : 0;
    }
}

static int put_absent(struct buf *m, const struct member *k, struct err *e) {
    bool is_number = k->form == FORM_COUNT || k->form == FORM_TEXTS;

    if (k->required) {
        return bad(e, k->name, "missing");
    }
    return (is_number ? msg_add_u64(m, 0) : msg_add(m, "", 0)) < 0 ? too_large(e) : 0;
}

static int parse(const char *body, size_t len, const struct member *k, size_t n, js **ret,
                 struct err *e) {
    CLEANUP(js_freep) js *o = NULL;
    struct err why = {0};

    if (js_parse(body, len, &o, &why) < 0) {
        return err_tag(e, -EBADMSG, "bad_request", "not JSON: %s", why.msg);
    }
    if (!js_is_object(o)) {
        return err_tag(e, -EBADMSG, "bad_request", "not a JSON object");
    }
    JS_FOREACH(o, key, value) {
        bool known = false;

        (void)value;
        for (size_t i = 0; i < n && !known; i++) {
            known = strcmp(k[i].name, key) == 0;
        }
        if (!known) {
            return err_tag(e, -EBADMSG, "bad_request", "a member that is not known here");
        }
    }
    *ret = TAKE(o);
    return 0;
}

static int put_all(const js *o, const struct member *k, size_t n, struct buf *m, struct err *e) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        js *v = js_get(o, k[i].name);

        r = v ? put_member(m, &k[i], v, e) : put_absent(m, &k[i], e);
    }
    return r;
}

static int make(enum msg_type type, const struct hash *spki, const char *body, size_t len,
                const struct member *k, size_t n, struct buf *ret, struct err *e) {
    CLEANUP(js_freep) js *o = NULL;
    int r = parse(body, len, k, n, &o, e);

    if (r < 0) {
        return r;
    }
    if (msg_begin(ret, type) < 0 || msg_add(ret, spki->b, sizeof(spki->b)) < 0) {
        return too_large(e);
    }
    r = put_all(o, k, n, ret, e);
    if (r == 0) {
        msg_end(ret);
    }
    return r;
}

int body_act(const char *body, size_t len, const struct hash *spki, struct buf *ret,
             struct err *e) {
    static const struct member k[] = {
        {"request", FORM_B64, true},      {"stdin", FORM_B64, false},
        {"intent", FORM_B64, true},       {"index", FORM_COUNT, true},
        {"inclusion", FORM_HASHES, true}, {"checkpoint", FORM_TEXT, true},
        {"old", FORM_COUNT, true},        {"consistency", FORM_HASHES, true},
        {"approvals", FORM_TEXTS, false},
    };

    return make(MSG_ACT, spki, body, len, k, ARRAY_LEN(k), ret, e);
}

int body_explain(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                 struct err *e) {
    static const struct member k[] = {{"request", FORM_B64, true}};

    return make(MSG_EXPLAIN, spki, body, len, k, ARRAY_LEN(k), ret, e);
}

int body_cancel(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                struct err *e) {
    static const struct member k[] = {{"request", FORM_OP, true}};

    return make(MSG_CANCEL, spki, body, len, k, ARRAY_LEN(k), ret, e);
}

int body_receipts_ack(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                      struct err *e) {
    static const struct member k[] = {
        {"upto", FORM_COUNT, true},      {"entry", FORM_B64, true},
        {"index", FORM_COUNT, true},     {"inclusion", FORM_HASHES, true},
        {"checkpoint", FORM_TEXT, true},
    };

    return make(MSG_RECEIPTS_ACK, spki, body, len, k, ARRAY_LEN(k), ret, e);
}

/* The peer's key hash and the exporter stand between members here, so this one is put by hand. */
int body_join(const char *body, size_t len, const struct hash *spki,
              const uint8_t exporter[static 32], struct buf *ret, struct err *e) {
    static const struct member k[] = {
        {"name", FORM_TEXT, true},
        {"key", FORM_KEY, true},
        {"vkey", FORM_TEXT, true},
        {"hmac", FORM_KEY, true},
    };
    CLEANUP(js_freep) js *o = NULL;
    int r = parse(body, len, k, ARRAY_LEN(k), &o, e);

    if (r < 0) {
        return r;
    }
    if (msg_begin(ret, MSG_JOIN) < 0) {
        return too_large(e);
    }
    r = put_all(o, k, 2, ret, e);
    if (r == 0 && msg_add(ret, spki->b, sizeof(spki->b)) < 0) {
        r = too_large(e);
    }
    if (r == 0) {
        r = put_all(o, k + 2, 1, ret, e);
    }
    if (r == 0 && msg_add(ret, exporter, 32) < 0) {
        r = too_large(e);
    }
    if (r == 0) {
        r = put_all(o, k + 3, 1, ret, e);
    }
    if (r == 0) {
        msg_end(ret);
    }
    return r;
}
