/* SPDX-License-Identifier: Apache-2.0 */
/* Node requests: what a client asks a node to do, as the one text that the plan shows, the ledger
 * binds, the operator approves and the root half acts on. Strict, so that no two texts mean the
 * same and no text means two things. Links into the root half: no JSON. */
#include "common/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

#define REQUEST_HEAD "proximo-request/v1"
#define TIMEOUT_MAX  3600
#define OUTPUT_MAX   (64u * 1024 * 1024)
#define ARGS_MAX     512
#define HMAC_PREFIX  "hmac-sha256:"

static const struct line_key keys[] = {
    {"node", false, true},   {"log", false, true},
    {"client", false, true}, {"op", false, true},
    {"ct", false, true},     {"config", false, true},
    {"uid", false, true},    {"cwd", false, true},
    {"arg", true, false},    {"env", true, false},
    {"stdin", false, true},  {"timeout", false, true},
    {"output", false, true}, {"undo", false, true},
    {"job", false, true},    {"on-disconnect", false, true},
    {"nonce", false, true},
};

static const char *const op_names[OP_COUNT] = {
    [OP_EXEC] = "exec",     [OP_SNAPSHOT] = "snapshot", [OP_ROLLBACK] = "rollback",
    [OP_REMOVE] = "remove", [OP_ARM] = "arm",           [OP_CONFIRM] = "confirm",
    [OP_CANCEL] = "cancel", [OP_STOP] = "stop",         [OP_START] = "start",
};

const char *request_op_name(enum request_op op) {
    return op < OP_COUNT ? op_names[op] : "?";
}

static const char *const set_names[SET_COUNT] = {
    [SET_NETWORK] = "network",
    [SET_FW_CLUSTER] = "firewall-cluster",
    [SET_FW_NODE] = "firewall-node",
    [SET_FW_GUEST] = "firewall-guest",
};

const char *request_set_name(enum request_set s) {
    return s < SET_COUNT ? set_names[s] : "?";
}

unsigned int request_set_bit(const char *name, size_t len) {
    for (unsigned int i = 0; i < SET_COUNT; i++) {
        if (strlen(set_names[i]) == len && memcmp(set_names[i], name, len) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

void request_sets_text(unsigned int sets, char ret[static 80]) {
    size_t n = 0;

    ret[0] = '\0';
    for (unsigned int s = 0; s < SET_COUNT; s++) {
        if (sets & (1u << s)) {
            n += (size_t)snprintf(ret + n, 80 - n, "%s%s", n ? " " : "", set_names[s]);
        }
    }
}

bool request_is_timer(const struct node_request *r) {
    return r->op == OP_ARM || r->op == OP_CONFIRM || r->op == OP_CANCEL;
}

static int read_node(const char *s, struct node_request *q) {
    const char *id = NULL;

    if (form_word(s, q->node, sizeof(q->node), &id) < 0 || !ident_is_node(q->node) ||
        !ident_is_hex(id, 8)) {
        return -EINVAL;
    }
    memcpy(q->key_id, id, sizeof(q->key_id));
    return 0;
}

static int read_log(const char *s, struct node_request *q) {
    q->log = s;
    return origin_check(s);
}

static int read_client(const char *s, struct node_request *q) {
    q->client = s;
    return ident_is_client(s) ? 0 : -EINVAL;
}

static int read_op(const char *s, struct node_request *q) {
    for (unsigned int i = 0; i < OP_COUNT; i++) {
        if (strcmp(s, op_names[i]) == 0) {
            q->op = (enum request_op)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_ct(const char *s, struct node_request *q) {
    return strcmp(s, "-") == 0 ? 0 : ident_vmid(s, &q->ct);
}

static int read_config(const char *s, struct node_request *q) {
    q->has_config = strcmp(s, "-") != 0;
    return q->has_config ? hash_parse(s, &q->config) : 0;
}

static int read_uid(const char *s, struct node_request *q) {
    /* (uid_t)-1 means "leave as it is" to the kernel: never a user. */
    return ident_u32(s, &q->uid) < 0 || q->uid == UINT32_MAX ? -EINVAL : 0;
}

static int read_cwd(const char *s, struct node_request *q) {
    q->cwd = strcmp(s, "-") == 0 ? NULL : s;
    return !q->cwd || (s[0] == '/' && strlen(s) < LIM_LINE) ? 0 : -EINVAL;
}

static int read_stdin(const char *s, struct node_request *q) {
    char word[12];
    const char *rest = NULL;
    size_t skip = strlen(HMAC_PREFIX);

    if (strcmp(s, "none") == 0) {
        return 0;
    }
    q->has_stdin = true;
    if (form_word(s, word, sizeof(word), &rest) < 0 || ident_u32(word, &q->stdin_bytes) < 0 ||
        q->stdin_bytes > LIM_STDIN) {
        return -EINVAL;
    }
    q->stdin_is_hmac = strncmp(rest, HMAC_PREFIX, skip) == 0;
    if (!q->stdin_is_hmac) {
        return hash_parse(rest, &q->stdin_hash);
    }
    return ident_is_hex(rest + skip, 64) ? hex_decode(rest + skip, 64, q->stdin_hash.b) : -EINVAL;
}

static int read_timeout(const char *s, struct node_request *q) {
    return ident_u32(s, &q->timeout_s) < 0 || !q->timeout_s || q->timeout_s > TIMEOUT_MAX ? -EINVAL
                                                                                          : 0;
}

static int read_output(const char *s, struct node_request *q) {
    return ident_u32(s, &q->output_max) < 0 || q->output_max > OUTPUT_MAX ? -EINVAL : 0;
}

/* none | snapshot <name> ttl <s> set <name>|- */
static int read_undo(const char *s, struct node_request *q) {
    char word[41];
    const char *p = NULL;

    if (strcmp(s, "none") == 0) {
        return 0;
    }
    q->undo = true;
    if (form_word(s, word, sizeof(word), &p) < 0 || strcmp(word, "snapshot") != 0 ||
        form_word(p, q->undo_name, sizeof(q->undo_name), &p) < 0 ||
        !ident_is_snapname(q->undo_name) || form_word(p, word, sizeof(word), &p) < 0 ||
        strcmp(word, "ttl") != 0 || form_word(p, word, sizeof(word), &p) < 0 ||
        ident_u32(word, &q->undo_ttl_s) < 0 || form_word(p, word, sizeof(word), &p) < 0 ||
        strcmp(word, "set") != 0 || strlen(p) >= sizeof(q->undo_set)) {
        return -EINVAL;
    }
    if (strcmp(p, "-") != 0) {
        memcpy(q->undo_set, p, strlen(p) + 1);
        return ident_is_snapname(p) ? 0 : -EINVAL;
    }
    return 0;
}

static int read_job(const char *s, struct node_request *q) {
    q->job = strcmp(s, "yes") == 0;
    return q->job || strcmp(s, "no") == 0 ? 0 : -EINVAL;
}

static int read_disconnect(const char *s, struct node_request *q) {
    q->kill_on_disconnect = strcmp(s, "kill") == 0;
    return q->kill_on_disconnect || strcmp(s, "run") == 0 ? 0 : -EINVAL;
}

static int read_nonce(const char *s, struct node_request *q) {
    if (!ident_is_hex(s, 32)) {
        return -EINVAL;
    }
    memcpy(q->nonce, s, sizeof(q->nonce));
    return 0;
}

static size_t env_name_len(const char *s) {
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    return n && s[n] == '=' && !(s[0] >= '0' && s[0] <= '9') ? n : 0;
}

static int check_env(const struct node_request *q, struct err *e) {
    for (size_t i = 0; i < q->n_env; i++) {
        size_t n = env_name_len(q->env[i]);

        if (!n) {
            return err_set(e, -EBADMSG, "request: env must be NAME=value");
        }
        for (size_t k = 0; k < i; k++) {
            if (strncmp(q->env[k], q->env[i], n + 1) == 0) {
                return err_set(e, -EBADMSG, "request: env names a variable twice");
            }
        }
    }
    return 0;
}

static int check_arm(struct node_request *q, struct err *e) {
    for (size_t i = 0; i < q->n_args; i++) {
        unsigned int bit = request_set_bit(q->arg[i], strlen(q->arg[i]));

        if (!bit || (q->sets & bit)) {
            return err_set(e, -EBADMSG,
                           "request: arm takes each of network firewall-cluster "
                           "firewall-node firewall-guest once at most");
        }
        q->sets |= bit;
    }
    if (!q->sets || ((q->sets & (1u << SET_FW_GUEST)) != 0) != (q->ct != 0)) {
        return err_set(e, -EBADMSG,
                       "request: arm needs a set, and a guest for firewall-guest only");
    }
    if (q->timeout_s < REVERT_MIN_S || q->timeout_s > REVERT_MAX_S) {
        return err_set(e, -EBADMSG, "request: a revert timer runs %d to %d s", REVERT_MIN_S,
                       REVERT_MAX_S);
    }
    return 0;
}

/* The three that are about files of the node. */
static int check_timer(struct node_request *q, struct err *e) {
    if (q->n_env || q->has_stdin || q->cwd || q->uid || q->undo || q->has_config || q->output_max ||
        q->job || q->kill_on_disconnect) {
        return err_set(e, -EBADMSG, "request: %s takes no command, config or undo",
                       op_names[q->op]);
    }
    if (q->op == OP_ARM) {
        return check_arm(q, e);
    }
    if (q->ct || q->n_args != 1 || hash_parse(q->arg[0], &q->timer) < 0) {
        return err_set(e, -EBADMSG, "request: %s needs the hash of the request that armed",
                       op_names[q->op]);
    }
    return 0;
}

/* Which fields an operation needs; the rest must say nothing, so that no field is ever ignored. */
static int check_op(struct node_request *q, struct err *e) {
    bool names_snapshot = q->op == OP_SNAPSHOT || q->op == OP_ROLLBACK || q->op == OP_REMOVE;

    if (request_is_timer(q)) {
        return check_timer(q, e);
    }
    if (!q->ct) {
        return err_set(e, -EBADMSG, "request: %s needs a container", op_names[q->op]);
    }
    if (q->op == OP_EXEC && (!q->n_args || q->arg[0][0] != '/')) {
        return err_set(e, -EBADMSG, "request: exec needs an argument vector with an absolute path");
    }
    if (q->op != OP_EXEC && (q->n_args || q->n_env || q->has_stdin || q->cwd || q->uid)) {
        return err_set(e, -EBADMSG, "request: %s takes no command", op_names[q->op]);
    }
    if (names_snapshot && !q->undo) {
        return err_set(e, -EBADMSG, "request: %s must name its snapshot", op_names[q->op]);
    }
    return check_env(q, e);
}

static int collect(const struct lines *l, const char *key, const char ***ret, size_t *ret_n) {
    size_t n = lines_count(l, keys, key);
    size_t at = 0;

    if (n > ARGS_MAX) {
        return -E2BIG;
    }
    *ret = calloc(n + 1, sizeof(**ret));
    if (!*ret) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(keys[l->v[i].key].name, key) == 0) {
            (*ret)[at++] = l->v[i].value;
        }
    }
    *ret_n = n;
    return 0;
}

static int read_values(struct node_request *q, struct err *e) {
    static const struct {
        const char *key;
        int (*read)(const char *s, struct node_request *q);
    } readers[] = {
        {"node", read_node},     {"log", read_log},
        {"client", read_client}, {"op", read_op},
        {"ct", read_ct},         {"config", read_config},
        {"uid", read_uid},       {"cwd", read_cwd},
        {"stdin", read_stdin},   {"timeout", read_timeout},
        {"output", read_output}, {"undo", read_undo},
        {"job", read_job},       {"on-disconnect", read_disconnect},
        {"nonce", read_nonce},
    };

    _Static_assert(ARRAY_LEN(readers) + 2 == ARRAY_LEN(keys), "every single key has a reader");
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        if (readers[i].read(lines_get(&q->l, keys, readers[i].key), q) < 0) {
            return err_set(e, -EBADMSG, "request: value of %s has not the right form",
                           readers[i].key);
        }
    }
    if (collect(&q->l, "arg", &q->arg, &q->n_args) < 0 ||
        collect(&q->l, "env", &q->env, &q->n_env) < 0) {
        return err_set(e, -EBADMSG, "request: more than %d arguments", ARGS_MAX);
    }
    return check_op(q, e);
}

int request_parse(const char *text, size_t len, struct node_request *ret, struct err *e) {
    CLEANUP(request_done) struct node_request q = {0};
    int r = lines_parse(text, len, REQUEST_HEAD, keys, ARRAY_LEN(keys), &q.l, e);

    r = r < 0 ? r : form_no_nul(&q.l, keys, e);
    if (r < 0) {
        (void)err_wrap(e, "request");
        return r == -E2BIG ? -EBADMSG : r;
    }
    r = read_values(&q, e);
    if (r < 0) {
        return r;
    }
    *ret = q;
    q = (struct node_request){0};
    return 0;
}

void request_done(struct node_request *r) {
    lines_done(&r->l);
    free(r->arg);
    free(r->env);
    *r = (struct node_request){0};
}

static int put_hash_or_dash(struct buf *b, const char *key, bool has, const struct hash *h) {
    char text[HASH_HEX_LEN + 1] = "-";

    if (has) {
        hash_text(h, text);
    }
    return lines_put(b, key, text);
}

static int put_front(struct buf *b, const struct node_request *q) {
    int r = buf_adds(b, REQUEST_HEAD "\n");

    r = r < 0 ? r : lines_putf(b, "node", "%s %s", q->node, q->key_id);
    r = r < 0 ? r : lines_put(b, "log", q->log ? q->log : "");
    r = r < 0 ? r : lines_put(b, "client", q->client ? q->client : "");
    r = r < 0 ? r : lines_put(b, "op", request_op_name(q->op));
    if (r == 0) {
        r = q->ct ? lines_putf(b, "ct", "%u", q->ct) : lines_put(b, "ct", "-");
    }
    r = r < 0 ? r : put_hash_or_dash(b, "config", q->has_config, &q->config);
    r = r < 0 ? r : lines_putf(b, "uid", "%u", q->uid);
    r = r < 0 ? r : lines_put(b, "cwd", q->cwd ? q->cwd : "-");
    for (size_t i = 0; r == 0 && i < q->n_args; i++) {
        r = lines_put(b, "arg", q->arg[i]);
    }
    for (size_t i = 0; r == 0 && i < q->n_env; i++) {
        r = lines_put(b, "env", q->env[i]);
    }
    return r;
}

static int put_stdin(struct buf *b, const struct node_request *q) {
    char text[HASH_HEX_LEN + 1];

    if (!q->has_stdin) {
        return lines_put(b, "stdin", "none");
    }
    hash_text(&q->stdin_hash, text);
    return lines_putf(b, "stdin", "%u %s%s", q->stdin_bytes,
                      q->stdin_is_hmac ? HMAC_PREFIX : "sha256:", text + strlen("sha256:"));
}

static int put_back(struct buf *b, const struct node_request *q) {
    int r = put_stdin(b, q);

    r = r < 0 ? r : lines_putf(b, "timeout", "%u", q->timeout_s);
    r = r < 0 ? r : lines_putf(b, "output", "%u", q->output_max);
    if (r == 0) {
        r = q->undo ? lines_putf(b, "undo", "snapshot %s ttl %u set %s", q->undo_name,
                                 q->undo_ttl_s, q->undo_set[0] ? q->undo_set : "-")
                    : lines_put(b, "undo", "none");
    }
    r = r < 0 ? r : lines_put(b, "job", q->job ? "yes" : "no");
    r = r < 0 ? r : lines_put(b, "on-disconnect", q->kill_on_disconnect ? "kill" : "run");
    return r < 0 ? r : lines_put(b, "nonce", q->nonce);
}

static bool same_words(const char *const *a, size_t n_a, const char *const *b, size_t n_b) {
    if (n_a != n_b) {
        return false;
    }
    for (size_t i = 0; i < n_a; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return false;
        }
    }
    return true;
}

int request_text(const struct node_request *r, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(request_done) struct node_request back = {0};
    int x = put_front(&b, r);

    x = x < 0 ? x : put_back(&b, r);
    if (x < 0) {
        return err_set(e, x, "request: too long");
    }
    x = request_parse(buf_str(&b), b.len, &back, e);
    if (x < 0) {
        return x;
    }
    if (!same_words(r->arg, r->n_args, back.arg, back.n_args) ||
        !same_words(r->env, r->n_env, back.env, back.n_env) ||
        strcmp(r->cwd ? r->cwd : "-", back.cwd ? back.cwd : "-") != 0) {
        return err_set(e, -EINVAL, "request: does not survive writing and reading");
    }
    x = buf_add(ret, buf_str(&b), b.len);
    return x < 0 ? err_set(e, x, "request: too long") : 0;
}

static bool starts(const char *line, size_t len, const char *word) {
    return len >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

void guest_config_hash(const char *text, size_t len, struct hash *ret) {
    struct sha256 *s = sha256_new();
    const char *p = text;
    const char *end = text + len;

    if (!s) {
        abort(); /* no memory for 100 bytes: nothing sensible can follow */
    }
    while (p < end && *p != '[') {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) + 1 : (size_t)(end - p);

        if (!starts(p, n, "parent:") && !starts(p, n, "lock:")) {
            sha256_add(s, p, n);
        }
        p += n;
    }
    sha256_end(s, ret);
    sha256_free(s);
}
