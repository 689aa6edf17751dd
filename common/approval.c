/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals: what an operator signed, read by the client and by the root half. The text that was
 * signed is the text that is parsed; nothing is re-serialised to check it. */
#include "common/approval.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"

#define APPROVAL_HEAD "proximo-approval/v1"

static const struct line_key keys[] = {
    {"log", false, true},          {"plan", false, true},       {"request", true, false},
    {"undo-request", true, false}, {"undo-until", false, true}, {"not-after", false, true},
    {"nonce", false, true},
};

static int read_values(struct approval *a, struct err *e) {
    const char *nonce = lines_get(&a->l, keys, "nonce");

    a->log = lines_get(&a->l, keys, "log");
    if (origin_check(a->log) < 0) {
        return err_set(e, -EBADMSG, "approval: bad log");
    }
    if (hash_parse(lines_get(&a->l, keys, "plan"), &a->plan) < 0) {
        return err_set(e, -EBADMSG, "approval: bad plan digest");
    }
    for (size_t i = 0; i < a->l.n; i++) {
        const char *name = keys[a->l.v[i].key].name;
        char node[FORM_NODE_MAX + 1];
        struct hash h;

        if ((strcmp(name, "request") == 0 || strcmp(name, "undo-request") == 0) &&
            form_node_hash(a->l.v[i].value, node, &h) < 0) {
            return err_set(e, -EBADMSG, "approval: bad %s line", name);
        }
    }
    if (form_time_or_dash(lines_get(&a->l, keys, "undo-until"), &a->undo_until) < 0 ||
        form_time(lines_get(&a->l, keys, "not-after"), &a->not_after) < 0) {
        return err_set(e, -EBADMSG, "approval: bad time");
    }
    a->has_undo_until = a->undo_until >= 0;
    if (!ident_is_hex(nonce, 32)) {
        return err_set(e, -EBADMSG, "approval: bad nonce");
    }
    memcpy(a->nonce, nonce, sizeof(a->nonce));
    return 0;
}

int approval_parse(const char *text, size_t len, struct approval *ret, struct err *e) {
    CLEANUP(approval_done) struct approval a = {0};
    int r = lines_parse(text, len, APPROVAL_HEAD, keys, ARRAY_LEN(keys), &a.l, e);

    r = r < 0 ? r : form_no_nul(&a.l, keys, e);
    r = r < 0 ? r : read_values(&a, e);
    if (r < 0) {
        (void)err_wrap(e, "approval");
        return r == -E2BIG ? -EBADMSG : r;
    }
    *ret = a;
    a = (struct approval){0};
    return 0;
}

void approval_done(struct approval *a) {
    lines_done(&a->l);
    *a = (struct approval){0};
}

bool approval_names(const struct approval *a, bool undo, const char *node, const struct hash *h) {
    const char *key = undo ? "undo-request" : "request";

    for (size_t i = 0; i < a->l.n; i++) {
        char name[FORM_NODE_MAX + 1];
        struct hash named;

        if (strcmp(keys[a->l.v[i].key].name, key) == 0 &&
            form_node_hash(a->l.v[i].value, name, &named) == 0 && strcmp(name, node) == 0 &&
            hash_eq(&named, h)) {
            return true;
        }
    }
    return false;
}

static int check_note(const char *note, size_t len, const struct vkey *key, struct note *ret,
                      struct err *e) {
    int r = note_parse(note, len, ret, e);

    if (r < 0) {
        return r;
    }
    if (key->type != NOTE_ED25519) {
        return err_set(e, -EBADMSG, "approval: %s is not an operator's key", key->name);
    }
    r = note_check(ret, key, NULL);
    return r < 0 ? err_set(e, r,
                           r == -ENOENT ? "approval is not signed by %s"
                                        : "approval: the signature of %s is wrong",
                           key->name)
                 : 0;
}

int approval_note(const char *note, size_t len, const struct vkey *key, struct note *ret,
                  struct err *e) {
    struct err why = {0};
    int r = check_note(note, len, key, ret, &why);

    return r < 0 ? err_tag(e, r, "approval_invalid", "%s", why.msg) : 0;
}

int approval_open(const char *note, size_t len, const struct vkey *key, struct approval *ret,
                  struct err *e) {
    struct err why = {0};
    struct note n;
    int r = check_note(note, len, key, &n, &why);

    r = r < 0 ? r : approval_parse(n.text, n.text_len, ret, &why);
    return r < 0 ? err_tag(e, r, "approval_invalid", "%s", why.msg) : 0;
}

static int put_requests(struct buf *b, const struct approval_req *req, size_t n, bool undo) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        char hash[HASH_HEX_LEN + 1];

        if (req[i].undo == undo) {
            hash_text(&req[i].h, hash);
            r = lines_putf(b, undo ? "undo-request" : "request", "%s %s", req[i].node, hash);
        }
    }
    return r;
}

static int put_time(struct buf *b, const char *key, int64_t t) {
    return t < 0 ? lines_put(b, key, "-") : lines_putf(b, key, "%lld", (long long)t);
}

int approval_text(const char *log, const struct hash *plan, const struct approval_req *req,
                  size_t n, int64_t undo_until, int64_t not_after, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(approval_done) struct approval a = {0};
    char hash[HASH_HEX_LEN + 1];
    char nonce[33];
    uint8_t raw[16];
    int r;

    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), nonce);
    hash_text(plan, hash);
    r = buf_adds(&b, APPROVAL_HEAD "\n");
    r = r < 0 ? r : lines_put(&b, "log", log);
    r = r < 0 ? r : lines_put(&b, "plan", hash);
    r = r < 0 ? r : put_requests(&b, req, n, false);
    r = r < 0 ? r : put_requests(&b, req, n, true);
    r = r < 0 ? r : put_time(&b, "undo-until", undo_until);
    r = r < 0 ? r : put_time(&b, "not-after", not_after);
    r = r < 0 ? r : lines_put(&b, "nonce", nonce);
    if (r < 0) {
        return err_set(e, r, "approval: too many requests for one note");
    }
    r = approval_parse(buf_str(&b), b.len, &a, e); /* what could not be read back is not signed */
    if (r < 0) {
        return r;
    }
    r = buf_add(ret, buf_str(&b), b.len);
    return r < 0 ? err_set(e, r, "approval: too long") : 0;
}
