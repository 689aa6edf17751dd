/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger entries. One table says which keys a kind has, in which order, and which form each value
 * has; the parser, the writer's self-check and the verifier all follow it. Links into the root
 * half: no JSON here, the body is bytes. */
#include "common/entry.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"

#define ENTRY_HEAD  "proximo-entry/v1"
#define ACTOR_MAX   128
#define KEYS_COMMON 4
#define KEYS_MAX    11

typedef bool form_fn(const char *s);

static bool is_hash(const char *s) {
    struct hash h;

    return hash_parse(s, &h) == 0;
}

static bool is_time(const char *s) {
    int64_t t;

    return form_time(s, &t) == 0;
}

static bool is_number(const char *s) {
    uint64_t v;

    return ident_u64(s, &v) == 0;
}

static bool is_text(const char *s) {
    return *s != '\0';
}

static bool is_origin(const char *s) {
    return origin_check(s) == 0;
}

static bool is_vkey(const char *s) {
    struct vkey k;

    return vkey_parse(s, &k, NULL) == 0;
}

static bool is_actor(const char *s) {
    return *s && strlen(s) <= ACTOR_MAX;
}

static bool is_nonce(const char *s) {
    return ident_is_hex(s, 32);
}

static bool is_kind(const char *s) {
    return *s != '\0'; /* the table was chosen by it */
}

static bool is_one_of(const char *s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(s, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_risk(const char *s) {
    static const char *const words[] = {"none", "low", "medium", "high"};

    return is_one_of(s, words, ARRAY_LEN(words));
}

static bool is_required(const char *s) {
    static const char *const words[] = {"none", "host", "operator"};

    return is_one_of(s, words, ARRAY_LEN(words));
}

static bool is_given(const char *s) {
    static const char *const words[] = {"none", "host"};

    return is_one_of(s, words, ARRAY_LEN(words)) || is_hash(s);
}

static bool is_yes_no(const char *s) {
    static const char *const words[] = {"yes", "no"};

    return is_one_of(s, words, ARRAY_LEN(words));
}

static bool is_result(const char *s) {
    static const char *const words[] = {"done", "warnings", "failed", "not-started", "unknown"};

    return is_one_of(s, words, ARRAY_LEN(words));
}

static bool is_action(const char *s) {
    static const char *const words[] = {"joined", "trusted", "revoked", "rotated"};

    return is_one_of(s, words, ARRAY_LEN(words));
}

static bool is_node_hash(const char *s) {
    char node[FORM_NODE_MAX + 1];
    struct hash h;

    return form_node_hash(s, node, &h) == 0;
}

static bool is_ordinal_hash(const char *s) {
    const char *rest = NULL;
    uint64_t n;

    return form_ordinal(s, &n, &rest) == 0 && is_hash(rest);
}

static bool is_ordinal_task(const char *s) {
    const char *rest = NULL;
    uint64_t n;

    return form_ordinal(s, &n, &rest) == 0 && ident_is_upid(rest);
}

struct kind {
    const char *name;
    size_t n;
    struct line_key key[KEYS_MAX];
    form_fn *form[KEYS_MAX];
};

#define ONE(name_)                                                                                 \
    { name_, false, true }
#define MANY(name_)                                                                                \
    { name_, true, false }
#define COMMON_KEYS ONE("kind"), ONE("time"), ONE("actor"), ONE("nonce")
#define COMMON_FORM is_kind, is_time, is_actor, is_nonce

static const struct kind kinds[ENTRY_KINDS] = {
    [ENTRY_GENESIS] = {"genesis",
                       8,
                       {COMMON_KEYS, ONE("origin"), ONE("vkey"), ONE("policy"), MANY("continues")},
                       {COMMON_FORM, is_origin, is_vkey, is_hash, is_text}},
    [ENTRY_PLAN] = {"plan",
                    9,
                    {COMMON_KEYS, ONE("plan"), ONE("risk"), ONE("approval"), ONE("expires"),
                     ONE("taint")},
                    {COMMON_FORM, is_hash, is_risk, is_required, is_time, is_yes_no}},
    [ENTRY_APPROVAL] = {"approval",
                        8,
                        {COMMON_KEYS, ONE("plan"), ONE("key"), ONE("note"), ONE("not-after")},
                        {COMMON_FORM, is_hash, is_vkey, is_text, is_time}},
    [ENTRY_REFUSAL] = {"refusal",
                       6,
                       {COMMON_KEYS, ONE("plan"), ONE("code")},
                       {COMMON_FORM, is_hash, form_is_code}},
    [ENTRY_INTENT] = {"intent",
                      10,
                      {COMMON_KEYS, ONE("plan"), ONE("approval"), ONE("expires"), ONE("taint"),
                       MANY("request"), MANY("api")},
                      {COMMON_FORM, is_hash, is_given, is_time, is_yes_no, is_node_hash,
                       is_ordinal_hash}},
    [ENTRY_PROGRESS] = {"progress",
                        6,
                        {COMMON_KEYS, ONE("intent"), ONE("task")},
                        {COMMON_FORM, is_hash, is_ordinal_task}},
    [ENTRY_OUTCOME] = {"outcome",
                       8,
                       {COMMON_KEYS, ONE("intent"), ONE("plan"), ONE("result"), MANY("task")},
                       {COMMON_FORM, is_hash, is_hash, is_result, is_ordinal_task}},
    [ENTRY_RECEIPT] = {"receipt",
                       8,
                       {COMMON_KEYS, ONE("intent"), ONE("node"), ONE("seq"), ONE("note")},
                       {COMMON_FORM, is_hash, ident_is_node, is_number, is_text}},
    [ENTRY_UNDO] = {"undo",
                    6,
                    {COMMON_KEYS, ONE("of"), ONE("plan")},
                    {COMMON_FORM, is_hash, is_hash}},
    [ENTRY_READ] = {"read",
                    7,
                    {COMMON_KEYS, ONE("tool"), ONE("args"), ONE("outcome")},
                    {COMMON_FORM, ident_is_tool, is_hash, form_is_code}},
    [ENTRY_NODE] = {"node",
                    6,
                    {COMMON_KEYS, ONE("name"), ONE("action")},
                    {COMMON_FORM, ident_is_node, is_action}},
    [ENTRY_POLICY] = {"policy", 5, {COMMON_KEYS, ONE("digest")}, {COMMON_FORM, is_hash}},
    [ENTRY_RECOVERY] = {"recovery",
                        6,
                        {COMMON_KEYS, ONE("cut"), ONE("rehashed")},
                        {COMMON_FORM, is_number, is_number}},
    [ENTRY_ALARM] = {"alarm", 5, {COMMON_KEYS, ONE("code")}, {COMMON_FORM, form_is_code}},
    [ENTRY_CLOSING] = {"closing",
                       8,
                       {COMMON_KEYS, ONE("intent"), ONE("plan"), ONE("key"), ONE("note")},
                       {COMMON_FORM, is_hash, is_hash, is_vkey, is_text}},
};

const char *entry_kind_name(enum entry_kind kind) {
    return kind < ENTRY_KINDS ? kinds[kind].name : "?";
}

/* The kind stands in the second line, in a fixed place, because it chooses the table. */
static int find_kind(const char *bytes, size_t len, enum entry_kind *ret) {
    static const char front[] = ENTRY_HEAD "\nkind ";
    const size_t n = sizeof(front) - 1;
    const char *nl;

    if (len < n || memcmp(bytes, front, n) != 0) {
        return -EBADMSG;
    }
    nl = memchr(bytes + n, '\n', len - n);
    for (unsigned int k = 0; nl && k < ENTRY_KINDS; k++) {
        if (strlen(kinds[k].name) == (size_t)(nl - (bytes + n)) &&
            memcmp(kinds[k].name, bytes + n, (size_t)(nl - (bytes + n))) == 0) {
            *ret = (enum entry_kind)k;
            return 0;
        }
    }
    return -EBADMSG;
}

static int check_forms(const struct kind *k, const struct lines *l, struct err *e) {
    int r = form_no_nul(l, k->key, e);

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (!k->form[l->v[i].key](l->v[i].value)) {
            return err_set(e, -EBADMSG, "%s entry: value of %s has not the right form", k->name,
                           k->key[l->v[i].key].name);
        }
    }
    return 0;
}

int entry_parse(const char *bytes, size_t len, struct entry *ret, struct err *e) {
    CLEANUP(entry_done) struct entry en = {0};
    const char *empty;
    size_t head_len;
    int r;

    if (len > LIM_ENTRY) {
        return err_set(e, -EBADMSG, "entry longer than %d bytes", LIM_ENTRY);
    }
    if (find_kind(bytes, len, &en.kind) < 0) {
        return err_set(e, -EBADMSG, "not an entry: no \"%s\" with a known kind", ENTRY_HEAD);
    }
    empty = memmem(bytes, len, "\n\n", 2); /* a header line is never empty */
    if (!empty) {
        return err_set(e, -EBADMSG, "entry without an empty line after its header");
    }
    head_len = (size_t)(empty - bytes) + 1;
    en.body = bytes + head_len + 1;
    en.body_len = len - head_len - 1;
    if (en.body_len < 2 || en.body[0] != '{' || en.body[en.body_len - 1] != '}') {
        return err_set(e, -EBADMSG, "entry whose body is not an object");
    }
    r = lines_parse(bytes, head_len, ENTRY_HEAD, kinds[en.kind].key, kinds[en.kind].n, &en.head, e);
    if (r < 0) {
        return r == -E2BIG ? -EBADMSG : r;
    }
    r = check_forms(&kinds[en.kind], &en.head, e);
    if (r < 0) {
        return r;
    }
    (void)form_time(en.head.v[1].value, &en.time);
    *ret = en;
    en = (struct entry){0};
    return 0;
}

void entry_done(struct entry *en) {
    lines_done(&en->head);
    *en = (struct entry){0};
}

const char *entry_get(const struct entry *en, const char *key) {
    return entry_nth(en, key, 0);
}

const char *entry_nth(const struct entry *en, const char *key, size_t i) {
    return lines_nth(&en->head, kinds[en->kind].key, key, i);
}

size_t entry_count(const struct entry *en, const char *key) {
    return lines_count(&en->head, kinds[en->kind].key, key);
}

int entry_begin(struct buf *b, enum entry_kind kind, int64_t time, const char *actor) {
    char nonce[33];
    uint8_t raw[16];
    int r;

    if (kind >= ENTRY_KINDS || time < 0 || !is_actor(actor)) {
        return -EINVAL;
    }
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), nonce);
    buf_reset(b);
    r = buf_addf(b, ENTRY_HEAD "\nkind %s\ntime %lld\n", kinds[kind].name, (long long)time);
    r = r < 0 ? r : lines_put(b, "actor", actor);
    return r < 0 ? r : lines_put(b, "nonce", nonce);
}

int entry_end(struct buf *b, const char *body, struct err *e) {
    CLEANUP(entry_done) struct entry en = {0};
    int r = buf_addf(b, "\n%s", body);

    return r < 0 ? err_set(e, r, "entry too long") : entry_parse(buf_str(b), b->len, &en, e);
}
