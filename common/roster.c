/* SPDX-License-Identifier: Apache-2.0 */
/* The roster's texts (formats.md 9). The invariant: nothing is taken from an entry that the receipt
 * key in it has not signed, and a key is another's successor only by that other's own signature. */
#include "common/roster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"

#define ENTRY_HEAD      "proximo-node/v1"
#define SUCCESSION_HEAD "proximo-succession/v1"
#define ANSWER_HEAD     "proximo-roster/v1"
#define CLIENT_HEAD     "proximo-client-key/v1"

static const struct line_key entry_keys[] = {
    {"node", false, true},        {"serial", false, true},    {"address", true, true},
    {"tls", false, true},         {"tls-next", false, false}, {"witness-key", false, true},
    {"receipt-key", false, true}, {"former", true, false},    {"revoked", true, false}};
static const struct line_key succession_keys[] = {
    {"node", false, true}, {"was", false, true}, {"is", false, true}};
static const struct line_key answer_keys[] = {{"node", false, true}, {"entry", true, false}};
static const struct line_key client_keys[] = {
    {"client", false, true}, {"log", false, true}, {"time", false, true}, {"spki", false, true}};

void roster_entry_done(struct roster_entry *r) {
    lines_done(&r->l);
}

static bool is_key(const char *text, uint8_t type, struct vkey *ret) {
    return vkey_parse(text, ret, NULL) == 0 && ret->type == type;
}

static int read_lists(struct roster_entry *r) {
    const struct lines *l = &r->l;
    const char *s;

    r->n_addresses = lines_count(l, entry_keys, "address");
    r->n_former = lines_count(l, entry_keys, "former");
    r->n_revoked = lines_count(l, entry_keys, "revoked");
    if (r->n_addresses > ROSTER_ADDRESSES || r->n_former > ROSTER_FORMER ||
        r->n_revoked > ROSTER_REVOKED) {
        return -E2BIG;
    }
    for (size_t i = 0; i < r->n_addresses; i++) {
        r->address[i] = lines_nth(l, entry_keys, "address", i);
        if (!ident_is_address(r->address[i])) {
            return -EBADMSG;
        }
    }
    for (size_t i = 0; i < r->n_former; i++) {
        r->former[i] = lines_nth(l, entry_keys, "former", i);
    }
    for (size_t i = 0; i < r->n_revoked; i++) {
        s = lines_nth(l, entry_keys, "revoked", i);
        if (!ident_is_hex(s, 2 * HASH_LEN) || hex_decode(s, 2 * HASH_LEN, r->revoked[i].b) < 0) {
            return -EBADMSG;
        }
    }
    return 0;
}

int roster_entry_parse(const char *text, size_t len, struct roster_entry *ret, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    const char *next;

    if (lines_parse(text, len, ENTRY_HEAD, entry_keys, ARRAY_LEN(entry_keys), &r.l, e) < 0 ||
        form_no_nul(&r.l, entry_keys, e) < 0) {
        return -EBADMSG;
    }
    r.node = lines_get(&r.l, entry_keys, "node");
    next = lines_get(&r.l, entry_keys, "tls-next");
    r.has_tls_next = next != NULL;
    if (!ident_is_node(r.node) || ident_u64(lines_get(&r.l, entry_keys, "serial"), &r.serial) < 0 ||
        r.serial > INT64_MAX || hash_parse(lines_get(&r.l, entry_keys, "tls"), &r.tls) < 0 ||
        (next && hash_parse(next, &r.tls_next) < 0) ||
        !is_key(lines_get(&r.l, entry_keys, "witness-key"), NOTE_COSIGN, &r.witness) ||
        !is_key(lines_get(&r.l, entry_keys, "receipt-key"), NOTE_ED25519, &r.receipt) ||
        read_lists(&r) < 0) {
        return err_set(e, -EBADMSG, "a roster entry with a value that is malformed");
    }
    *ret = r;
    r.l = (struct lines){0};
    return 0;
}

int roster_entry_text(const struct roster_entry *r, struct buf *ret, struct err *e) {
    size_t from = ret->len;
    CLEANUP(roster_entry_done) struct roster_entry back = {.node = NULL};
    int x = buf_adds(ret, ENTRY_HEAD "\n");

    x = x < 0 ? x : lines_puts(ret, "node", r->node, "serial", NUM_STR(r->serial), NULL);
    for (size_t i = 0; x == 0 && i < r->n_addresses; i++) {
        x = lines_put(ret, "address", r->address[i]);
    }
    x = x < 0 ? x
              : lines_puts(ret, "tls", HASH_STR(&r->tls), "tls-next",
                           r->has_tls_next ? HASH_STR(&r->tls_next) : NULL, NULL);
    x = x < 0 ? x : lines_put_vkey(ret, "witness-key", &r->witness);
    x = x < 0 ? x : lines_put_vkey(ret, "receipt-key", &r->receipt);
    for (size_t i = 0; x == 0 && i < r->n_former; i++) {
        x = lines_put(ret, "former", r->former[i]);
    }
    for (size_t i = 0; x == 0 && i < r->n_revoked; i++) {
        x = lines_put(ret, "revoked", HEX_STR(&r->revoked[i]));
    }
    return x < 0 ? err_set(e, x, "the roster entry does not fit")
                 : roster_entry_parse(buf_str(ret) + from, ret->len - from, &back, e);
}

/* The text of a note that `key` signed. */
static int opened(const char *bytes, size_t len, const struct vkey *key, struct note *n,
                  struct err *e) {
    if (note_parse(bytes, len, n, e) < 0) {
        return -EBADMSG;
    }
    return note_check(n, key, NULL) < 0
               ? err_set(e, -EBADMSG, "a note that %s did not sign", key->name)
               : 0;
}

int roster_entry_open(const char *note, size_t len, struct roster_entry *ret, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));

    if (!n) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (note_parse(note, len, n, e) < 0 || roster_entry_parse(n->text, n->text_len, &r, e) < 0) {
        return -EBADMSG;
    }
    if (note_check(n, &r.receipt, NULL) < 0) {
        return err_set(e, -EBADMSG, "the roster entry of %s is not signed by the key it names",
                       r.node);
    }
    *ret = r;
    r.l = (struct lines){0};
    return 0;
}

int roster_succession(const char *node, const struct skey *was, const struct vkey *is,
                      struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINE);
    int r = buf_adds(&text, SUCCESSION_HEAD "\n");

    r = r < 0 ? r : lines_put(&text, "node", node);
    r = r < 0 ? r : lines_put_vkey(&text, "was", &was->v);
    r = r < 0 ? r : lines_put_vkey(&text, "is", is);
    return r < 0 ? err_set(e, r, "the succession does not fit")
                 : note_sign(text.data, text.len, was, ret, e);
}

/* The key that `was` named as the one after it, in one succession. */
static int successor(const char *node, const char *bytes, const struct vkey *was,
                     struct vkey *ret) {
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct vkey named;

    return n && opened(bytes, strlen(bytes), was, n, NULL) == 0 &&
                   lines_parse(n->text, n->text_len, SUCCESSION_HEAD, succession_keys,
                               ARRAY_LEN(succession_keys), &l, NULL) == 0 &&
                   strcmp(lines_get(&l, succession_keys, "node"), node) == 0 &&
                   is_key(lines_get(&l, succession_keys, "was"), NOTE_ED25519, &named) &&
                   vkey_eq(&named, was) &&
                   is_key(lines_get(&l, succession_keys, "is"), NOTE_ED25519, ret)
               ? 0
               : -ENOENT;
}

int roster_leads(const struct roster_entry *r, const struct vkey *known,
                 struct vkey ret[static ROSTER_FORMER]) {
    struct vkey at = *known;
    int n = 0;

    /* In their order, and each once: they cannot lead in a circle. */
    for (size_t i = 0; i < r->n_former && !vkey_eq(&at, &r->receipt); i++) {
        if (successor(r->node, r->former[i], &at, &ret[n]) == 0) {
            at = ret[n++];
        }
    }
    return vkey_eq(&at, &r->receipt) ? n : -ENOENT;
}

int roster_answer_text(const char *node, const struct hash *entry, size_t n, struct buf *ret) {
    int r = buf_adds(ret, ANSWER_HEAD "\n");

    r = r < 0 ? r : lines_put(ret, "node", node);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = lines_put(ret, "entry", HASH_STR(&entry[i]));
    }
    return r;
}

int roster_answer_open(const char *note, size_t len, const char *node, const struct vkey *key,
                       struct hash *ret, size_t *ret_n, struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    size_t count;

    if (!n || opened(note, len, key, n, e) < 0 ||
        lines_parse(n->text, n->text_len, ANSWER_HEAD, answer_keys, ARRAY_LEN(answer_keys), &l, e) <
            0) {
        return n ? -EBADMSG : err_set(e, -ENOMEM, "out of memory");
    }
    count = lines_count(&l, answer_keys, "entry");
    if (strcmp(lines_get(&l, answer_keys, "node"), node) != 0 || count > LIM_NODES) {
        return err_set(e, -EBADMSG, "a roster of another node, or with too many");
    }
    for (size_t i = 0; i < count; i++) {
        if (hash_parse(lines_nth(&l, answer_keys, "entry", i), &ret[i]) < 0) {
            return err_set(e, -EBADMSG, "a roster with a hash that is malformed");
        }
    }
    *ret_n = count;
    return 0;
}

int client_key_text(const struct client_key *k, struct buf *ret, struct err *e) {
    int r = buf_adds(ret, CLIENT_HEAD "\n");

    r = r < 0 ? r
              : lines_puts(ret, "client", k->client, "log", k->log, "time", NUM_STR(k->time),
                           "spki", HASH_STR(&k->spki), NULL);
    return r < 0 ? err_set(e, r, "the statement does not fit") : 0;
}

int client_key_open(const char *note, size_t len, const struct vkey *log, struct client_key *ret,
                    struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct client_key k = {.time = 0};

    if (!n || opened(note, len, log, n, e) < 0 ||
        lines_parse(n->text, n->text_len, CLIENT_HEAD, client_keys, ARRAY_LEN(client_keys), &l, e) <
            0 ||
        form_no_nul(&l, client_keys, e) < 0) {
        return n ? -EBADMSG : err_set(e, -ENOMEM, "out of memory");
    }
    if (!ident_is_client(lines_get(&l, client_keys, "client")) ||
        strcmp(lines_get(&l, client_keys, "log"), log->name) != 0 ||
        form_time(lines_get(&l, client_keys, "time"), &k.time) < 0 ||
        hash_parse(lines_get(&l, client_keys, "spki"), &k.spki) < 0) {
        return err_set(e, -EBADMSG, "a client's key with a value that is malformed");
    }
    (void)snprintf(k.client, sizeof(k.client), "%s", lines_get(&l, client_keys, "client"));
    (void)snprintf(k.log, sizeof(k.log), "%s", log->name);
    *ret = k;
    return 0;
}
