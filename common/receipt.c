/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts: written and signed by the root half, read by the client and the auditor. The writer
 * parses what it wrote, so a receipt that exists can be read. */
#include "common/receipt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"

#define RECEIPT_HEAD "proximo-receipt/v1"

#define ONE(name_)                                                                                 \
    { name_, false, true }

static const struct line_key keys[] = {
    ONE("node"),        ONE("log"),  ONE("seq"),     ONE("prev"),   ONE("intent"),
    ONE("request"),     ONE("head"), ONE("started"), ONE("ended"),  ONE("how"),
    ONE("left-behind"), ONE("undo"), ONE("stdout"),  ONE("stderr"), ONE("salt"),
};

static const char *const how_names[HOW_COUNT] = {
    [HOW_NOT_STARTED] = "not-started", [HOW_EXITED] = "exited",       [HOW_SIGNALLED] = "signalled",
    [HOW_TIMED_OUT] = "timed-out",     [HOW_CANCELLED] = "cancelled", [HOW_SWEPT] = "swept",
    [HOW_REVERTED] = "reverted",       [HOW_UNKNOWN] = "unknown",
};

const char *receipt_how_name(enum receipt_how how) {
    return how < HOW_COUNT ? how_names[how] : "?";
}

static const char *get(const struct lines *l, const char *name) {
    return lines_get(l, keys, name);
}

static int read_node(const char *s, struct receipt *r) {
    const char *id = NULL;

    if (form_word(s, r->node, sizeof(r->node), &id) < 0 || !ident_is_node(r->node) ||
        !ident_is_hex(id, 8)) {
        return -EINVAL;
    }
    memcpy(r->key_id, id, sizeof(r->key_id));
    return 0;
}

static int read_prev(const char *s, struct receipt *r) {
    r->has_prev = strcmp(s, "-") != 0;
    return r->has_prev ? hash_parse(s, &r->prev) : 0;
}

static int read_how(const char *s, struct receipt *r) {
    const char *value = NULL;
    char word[16];
    uint32_t v;

    if (form_word(s, word, sizeof(word), &value) < 0 || ident_u32(value, &v) < 0 || v > INT32_MAX) {
        return -EINVAL;
    }
    for (unsigned int k = 0; k < HOW_COUNT; k++) {
        if (strcmp(word, how_names[k]) == 0) {
            r->how = (enum receipt_how)k;
            r->value = (int32_t)v;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_left_behind(const char *s, struct receipt *r) {
    r->left_behind_unknown = strcmp(s, "unknown") == 0;
    return r->left_behind_unknown || strcmp(s, "no") == 0 ? 0 : -EINVAL;
}

static int read_undo(const char *s, struct receipt *r) {
    const char *name = NULL;

    if (strcmp(s, "none") == 0) {
        return 0;
    }
    if (form_word(s, r->undo_driver, sizeof(r->undo_driver), &name) < 0 ||
        strspn(r->undo_driver, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(r->undo_driver) ||
        strlen(name) >= sizeof(r->undo_name) || !ident_is_snapname(name)) {
        return -EINVAL;
    }
    memcpy(r->undo_name, name, strlen(name) + 1);
    return 0;
}

static int read_log(const char *s, struct receipt *r) {
    if (origin_check(s) < 0) {
        return -EINVAL;
    }
    memcpy(r->log, s, strlen(s) + 1);
    return 0;
}

static int read_seq(const char *s, struct receipt *r) {
    return ident_u64(s, &r->seq) < 0 || !r->seq ? -EINVAL : 0;
}

static int read_intent(const char *s, struct receipt *r) {
    return hash_parse(s, &r->intent);
}

static int read_request(const char *s, struct receipt *r) {
    return hash_parse(s, &r->request);
}

static int read_head(const char *s, struct receipt *r) {
    return ident_u64(s, &r->head);
}

static int read_started(const char *s, struct receipt *r) {
    return form_time_or_dash(s, &r->started);
}

static int read_ended(const char *s, struct receipt *r) {
    return form_time(s, &r->ended);
}

static int read_stdout(const char *s, struct receipt *r) {
    const char *rest = NULL;

    return form_ordinal(s, &r->out_bytes, &rest) < 0 ? -EINVAL : hash_parse(rest, &r->out_hash);
}

static int read_stderr(const char *s, struct receipt *r) {
    const char *rest = NULL;

    return form_ordinal(s, &r->err_bytes, &rest) < 0 ? -EINVAL : hash_parse(rest, &r->err_hash);
}

static int read_salt(const char *s, struct receipt *r) {
    if (!ident_is_hex(s, 32)) {
        return -EINVAL;
    }
    memcpy(r->salt, s, sizeof(r->salt));
    return 0;
}

int receipt_parse(const char *text, size_t len, struct receipt *ret, struct err *e) {
    static int (*const readers[])(const char *s, struct receipt *r) = {
        read_node,        read_log,  read_seq,     read_prev,   read_intent,
        read_request,     read_head, read_started, read_ended,  read_how,
        read_left_behind, read_undo, read_stdout,  read_stderr, read_salt,
    };
    CLEANUP(lines_done) struct lines l = {0};
    struct receipt rc = {0};
    int r = lines_parse(text, len, RECEIPT_HEAD, keys, ARRAY_LEN(keys), &l, e);

    _Static_assert(ARRAY_LEN(readers) == ARRAY_LEN(keys), "one reader a key");
    r = r < 0 ? r : form_no_nul(&l, keys, e);
    if (r < 0) {
        (void)err_wrap(e, "receipt");
        return r == -E2BIG ? -EBADMSG : r;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (readers[i](get(&l, keys[i].name), &rc) < 0) {
            return err_set(e, -EBADMSG, "receipt: value of %s has not the right form",
                           keys[i].name);
        }
    }
    if ((rc.seq == 1) == rc.has_prev) {
        return err_set(e, -EBADMSG, "receipt: the first has no predecessor, every other has one");
    }
    *ret = rc;
    return 0;
}

static int put_hash(struct buf *b, const char *key, const struct hash *h) {
    char text[HASH_HEX_LEN + 1];

    hash_text(h, text);
    return lines_put(b, key, text);
}

static int put_output(struct buf *b, const char *key, uint64_t bytes, const struct hash *h) {
    char text[HASH_HEX_LEN + 1];

    hash_text(h, text);
    return lines_putf(b, key, "%llu %s", (unsigned long long)bytes, text);
}

static int put_front(struct buf *b, const struct receipt *rc) {
    int r = buf_adds(b, RECEIPT_HEAD "\n");

    r = r < 0 ? r : lines_putf(b, "node", "%s %s", rc->node, rc->key_id);
    r = r < 0 ? r : lines_put(b, "log", rc->log);
    r = r < 0 ? r : lines_putf(b, "seq", "%llu", (unsigned long long)rc->seq);
    if (r == 0) {
        r = rc->has_prev ? put_hash(b, "prev", &rc->prev) : lines_put(b, "prev", "-");
    }
    r = r < 0 ? r : put_hash(b, "intent", &rc->intent);
    r = r < 0 ? r : put_hash(b, "request", &rc->request);
    r = r < 0 ? r : lines_putf(b, "head", "%llu", (unsigned long long)rc->head);
    if (r == 0) {
        r = rc->started < 0 ? lines_put(b, "started", "-")
                            : lines_putf(b, "started", "%lld", (long long)rc->started);
    }
    return r < 0 ? r : lines_putf(b, "ended", "%lld", (long long)rc->ended);
}

static int put_back(struct buf *b, const struct receipt *rc) {
    int r = lines_putf(b, "how", "%s %ld", receipt_how_name(rc->how), (long)rc->value);

    r = r < 0 ? r : lines_put(b, "left-behind", rc->left_behind_unknown ? "unknown" : "no");
    if (r == 0) {
        r = rc->undo_driver[0] ? lines_putf(b, "undo", "%s %s", rc->undo_driver, rc->undo_name)
                               : lines_put(b, "undo", "none");
    }
    r = r < 0 ? r : put_output(b, "stdout", rc->out_bytes, &rc->out_hash);
    r = r < 0 ? r : put_output(b, "stderr", rc->err_bytes, &rc->err_hash);
    return r < 0 ? r : lines_put(b, "salt", rc->salt);
}

int receipt_text(const struct receipt *r, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    struct receipt back;
    int x = put_front(&b, r);

    x = x < 0 ? x : put_back(&b, r);
    if (x < 0) {
        return err_set(e, x, "receipt: cannot be written");
    }
    x = receipt_parse(buf_str(&b), b.len, &back, e);
    if (x < 0) {
        return x;
    }
    x = buf_add(ret, buf_str(&b), b.len);
    return x < 0 ? err_set(e, x, "receipt: too long") : 0;
}

int receipt_open(const char *note, size_t len, const struct vkey *key, struct receipt *ret,
                 struct err *e) {
    struct note n;
    struct receipt rc;
    char id[9];
    int r = note_parse(note, len, &n, e);

    if (r < 0) {
        return r;
    }
    r = key->type == NOTE_ED25519 ? note_check(&n, key, NULL) : -EBADMSG;
    if (r < 0) {
        return err_set(e, r,
                       r == -ENOENT ? "receipt is not signed by %s"
                                    : "receipt: the signature of %s is wrong",
                       key->name);
    }
    r = receipt_parse(n.text, n.text_len, &rc, e);
    if (r < 0) {
        return r;
    }
    hex_encode(key->id, sizeof(key->id), id);
    if (strcmp(id, rc.key_id) != 0) {
        return err_set(e, -EBADMSG, "receipt: signed by key %s but names key %s", id, rc.key_id);
    }
    *ret = rc;
    return 0;
}
