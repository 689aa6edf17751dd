/* SPDX-License-Identifier: Apache-2.0 */
/* The node's policy: from INI text to rules (root; request children and pveagentctl). What cannot
 * be read in one way only is refused with its line, and then there are no rules at all. */
#include "pveagentd/priv/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/argv_rule.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"

#define OUTPUT_MAX (64u * 1024 * 1024)
#define OPS_ALL    ((1u << OP_COUNT) - 1)
#define OPS_REVERT (1u << OP_ARM | 1u << OP_CONFIRM | 1u << OP_CANCEL)

static const struct conf_rule table[] = {
    {"node", false, "max-running max-running-ct max-per-minute clock", false, false},
    {"operator", true, "key", false, true},
    {"client", true, "rights", false, true},
    {"rule", true, "client", false, true},
    {"rule", true, "ct do set run user env cwd stdin timeout output undo approve", false, false},
    {"deny", true, "client ct do run", false, false},
};

static const struct conf_entry *entry(const struct conf_section *s, const char *key) {
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->entry[i].key, key) == 0) {
            return &s->entry[i];
        }
    }
    return NULL;
}

static int bad(struct err *e, const struct conf_entry *en, const char *want) {
    return err_set(e, -EBADMSG, "line %zu: %s must be %s", en->line, en->key, want);
}

static bool read_ct(struct rule *r, const char *s) {
    for (; *(s += strspn(s, " ")); s += strcspn(s, " ")) {
        char word[32];
        struct ct_range *v;
        struct ct_range c;
        char *dash;

        (void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(s, " "), s); /* cut: no number */
        dash = strchr(word, '-');
        if (dash) {
            *dash = '\0';
        }
        if (ident_vmid(word, &c.lo) < 0 || ident_vmid(dash ? dash + 1 : word, &c.hi) < 0 ||
            c.lo > c.hi || !(v = reallocarray(r->ct, r->n_ct + 1, sizeof(*v)))) {
            return false;
        }
        r->ct = v;
        r->ct[r->n_ct++] = c;
    }
    return r->n_ct > 0;
}

static bool read_do(struct rule *r, const char *s) {
    static const struct {
        const char *word;
        unsigned int ops;
    } words[] = {{"exec", 1u << OP_EXEC},
                 {"snapshot", 1u << OP_SNAPSHOT},
                 /* a node rollback is stop, roll back, start: one word for the three */
                 {"rollback", 1u << OP_ROLLBACK | 1u << OP_STOP | 1u << OP_START},
                 {"remove", 1u << OP_REMOVE},
                 {"revert", OPS_REVERT}};

    r->ops = 0;
    for (; *(s += strspn(s, " ")); s += strcspn(s, " ")) {
        unsigned int ops = 0;

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            ops |= word_in(words[i].word, ' ', s, strcspn(s, " ")) ? words[i].ops : 0;
        }
        if (!ops) {
            return false;
        }
        r->ops |= ops;
    }
    return r->ops != 0;
}

static bool read_set(struct rule *r, const char *s) {
    for (; *(s += strspn(s, " ")); s += strcspn(s, " ")) {
        unsigned int bit = request_set_bit(s, strcspn(s, " "));

        if (!bit) {
            return false;
        }
        r->sets |= bit;
    }
    return r->sets != 0;
}

/* Names would be looked up in the container, whose root can change what they mean. */
static bool read_user(struct rule *r, const char *s) {
    r->user = 0;
    return strcmp(s, "root") == 0 || ident_u32(s, &r->user) == 0;
}

static bool read_env(struct rule *r, const char *s) {
    r->env = strcmp(s, "none") == 0 ? "" : s;
    return strspn(r->env, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ ") ==
           strlen(r->env);
}

static bool read_cwd(struct rule *r, const char *s) {
    r->cwd = s;
    return s[0] == '/';
}

static bool read_either(const char *s, const char *yes, const char *no, bool *ret) {
    *ret = strcmp(s, yes) == 0;
    return *ret || strcmp(s, no) == 0;
}

static bool read_stdin(struct rule *r, const char *s) {
    return read_either(s, "yes", "no", &r->stdin_ok);
}

static bool read_timeout(struct rule *r, const char *s) {
    return ident_u32(s, &r->timeout_s) == 0 && r->timeout_s && r->timeout_s <= 3600;
}

static bool read_output(struct rule *r, const char *s) {
    size_t n = strlen(s);
    uint64_t unit = n && s[n - 1] == 'K' ? 1024 : n && s[n - 1] == 'M' ? 1024 * 1024 : 1;
    uint64_t v;
    bool ok = ident_u64n(s, n - (unit > 1), &v) == 0 && v <= OUTPUT_MAX / unit;

    r->output_max = ok ? (uint32_t)(v * unit) : 0;
    return ok;
}

static bool read_undo(struct rule *r, const char *s) {
    return read_either(s, "required", "no", &r->undo_required);
}

static bool read_approve(struct rule *r, const char *s) {
    r->approve = s;
    return ident_is_client(s);
}

static bool read_client(struct rule *r, const char *s) {
    r->client = s;
    return ident_is_client(s);
}

static int read_rule(const struct conf_section *s, struct rule *r, struct err *e) {
    static const struct {
        const char *key, *want;
        bool (*read)(struct rule *r, const char *s);
    } readers[] = {{"client", "a client's name", read_client},
                   {"ct", "numbers and ranges, like 101 105-109", read_ct},
                   {"do", "of exec snapshot rollback remove revert", read_do},
                   {"set", "of network firewall-cluster firewall-node firewall-guest", read_set},
                   {"user", "root or a number", read_user},
                   {"env", "none or names of variables", read_env},
                   {"cwd", "an absolute path", read_cwd},
                   {"stdin", "yes or no", read_stdin},
                   {"timeout", "1-3600 seconds", read_timeout},
                   {"output", "bytes, K or M, at most 64M", read_output},
                   {"undo", "required or no", read_undo},
                   {"approve", "an operator's name or none", read_approve}};
    const struct conf_entry *run = entry(s, "run");

    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        const struct conf_entry *en = entry(s, readers[i].key);

        if (en && !readers[i].read(r, en->value)) {
            return bad(e, en, readers[i].want);
        }
    }
    if (run && strcmp(run->value, "ANY") != 0) {
        if (argv_rule_check(run->value, run->line, e) < 0) {
            return -EBADMSG;
        }
        r->run = run->value;
    }
    if (r->deny) {
        return 0;
    }
    if ((r->sets != 0) != ((r->ops & OPS_REVERT) != 0)) {
        return err_set(e, -EBADMSG, "line %zu: [rule %s]: %s", s->line, s->name,
                       r->sets ? "set without do = revert" : "do = revert needs set");
    }
    if (!r->n_ct && ((r->ops & ~OPS_REVERT) || (r->sets & (1u << SET_FW_GUEST)))) {
        return err_set(e, -EBADMSG, "line %zu: [rule %s] lacks ct, numbers of the guests", s->line,
                       s->name);
    }
    if ((run != NULL) != ((r->ops & (1u << OP_EXEC)) != 0)) {
        return err_set(e, -EBADMSG, "line %zu: [rule %s]: %s", s->line, s->name,
                       run ? "run without do = exec" : "exec needs run");
    }
    if (!r->approve && ((run && !r->run) || (r->ops & (1u << OP_ROLLBACK)))) {
        return err_set(e, -EBADMSG,
                       "line %zu: [rule %s]: approve must be written for run = ANY and do = "
                       "rollback, even as none",
                       s->line, s->name);
    }
    return 0;
}

static int add_rules(struct policy *p, const struct conf *c, bool local, bool rules,
                     struct err *e) {
    for (size_t i = 0; i < c->n; i++) {
        const struct conf_section *s = &c->section[i];
        bool deny = strcmp(s->kind, "deny") == 0;
        struct rule r = {.name = s->name,
                         .deny = deny,
                         .from_local = local,
                         .env = "",
                         .cwd = "/",
                         .ops = deny ? OPS_ALL : 1u << OP_EXEC,
                         .timeout_s = 60,
                         .output_max = 1024 * 1024};
        struct rule *v;
        int rc;

        if (!deny && strcmp(s->kind, "rule") != 0) {
            continue;
        }
        rc = read_rule(s, &r, e);
        v = rc < 0 || (!deny && !rules) ? NULL : reallocarray(p->rule, p->n_rules + 1, sizeof(*v));
        if (!v) {
            free(r.ct);
            if (rc < 0 || deny || rules) {
                return rc < 0 ? rc : err_set(e, -ENOMEM, "out of memory");
            }
            continue;
        }
        p->rule = v;
        p->rule[p->n_rules++] = r;
    }
    return 0;
}

static int lower(uint32_t *limit, const struct conf_section *s, const char *key, struct err *e) {
    const struct conf_entry *en = entry(s, key);
    uint32_t v;

    if (!en) {
        return 0;
    }
    if (ident_u32(en->value, &v) < 0 || v > 256) {
        return bad(e, en, "a number up to 256");
    }
    *limit = v < *limit ? v : *limit;
    return 0;
}

static int read_node(struct policy *p, const struct conf *c, struct err *e) {
    const struct conf_section *s = conf_find(c, "node", "");
    const struct conf_entry *en = s ? entry(s, "clock") : NULL;
    int r;

    if (!s) {
        return 0;
    }
    r = lower(&p->max_running, s, "max-running", e);
    r = r < 0 ? r : lower(&p->max_running_ct, s, "max-running-ct", e);
    r = r < 0 ? r : lower(&p->max_per_minute, s, "max-per-minute", e);
    return r < 0 || !en || read_either(en->value, "any", "synchronised", &p->any_clock)
               ? r
               : bad(e, en, "any or synchronised");
}

static int check_names(const struct conf *c, struct err *e) {
    for (size_t i = 0; i < c->n; i++) {
        const struct conf_section *s = &c->section[i];
        const char *approve = conf_get(s, "approve");
        const char *key = conf_get(s, "key");
        struct vkey v;

        if (strcmp(s->kind, "rule") == 0 && approve && strcmp(approve, "none") != 0 &&
            !conf_find(c, "operator", approve)) {
            return err_set(e, -EBADMSG, "line %zu: no section [operator %s]",
                           entry(s, "approve")->line, approve);
        }
        if (key && (vkey_parse(key, &v, e) < 0 || v.type != NOTE_ED25519)) {
            return err_set(e, -EBADMSG, "line %zu: key must be an Ed25519 verifier key",
                           entry(s, "key")->line);
        }
    }
    return 0;
}

static int load_one(struct policy *p, const char *text, size_t len, bool local, bool rules,
                    struct err *e) {
    struct conf *c = local ? &p->local : &p->shared;
    int r = conf_parse(text, len, c, e);

    r = r < 0 ? r : conf_check(c, table, ARRAY_LEN(table), e);
    r = r < 0 ? r : check_names(c, e);
    r = r < 0 ? r : read_node(p, c, e);
    r = r < 0 ? r : add_rules(p, c, local, rules, e);
    return r < 0 ? err_wrap(e, local ? "local policy" : "shared policy") : 0;
}

int policy_merge(const char *shared, size_t shared_len, const char *local, size_t local_len,
                 struct policy *ret, struct err *e) {
    CLEANUP(policy_done)
    struct policy p = {.max_running = 8, .max_running_ct = 2, .max_per_minute = UINT32_MAX};
    struct sha256 *s = sha256_new();
    int r = 0;

    if (!s) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    sha256_add(s, shared ? "shared\n" : "-\n", shared ? 7 : 2);
    sha256_add(s, shared ? shared : "", shared_len);
    sha256_add(s, local ? "\0local\n" : "\0-\n", local ? 7 : 3);
    sha256_add(s, local ? local : "", local_len);
    sha256_end(s, &p.digest);
    sha256_free(s);
    if (shared) {
        r = load_one(&p, shared, shared_len, false, true, e);
    }
    if (r == 0 && local) {
        r = load_one(&p, local, local_len, true, !shared, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = p;
    p = (struct policy){0};
    return 0;
}

/* 1: there; 0: absent. */
static int read_owned(const char *path, struct buf *b, struct err *e) {
    int r = file_read_kept(AT_FDCWD, path, geteuid(), b, e);

    return r == -ENOENT || r == -ENOTDIR ? 0 : r < 0 ? r : conf_whole(path, b, e);
}

int policy_load(const struct priv *p, struct policy *ret, struct err *e) {
    CLEANUP(buf_done) struct buf shared = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf local = BUF_INIT(LIM_CONF);
    char path[4096];
    int placed = cluster_path(p, "pveagentd", "policy.ini", path, e);
    int has_shared = placed < 0 ? placed : read_owned(path, &shared, e);
    int has_local = has_shared < 0 ? has_shared : read_owned(p->policy_file, &local, e);
    int r = has_local < 0 ? has_local
                          : policy_merge(has_shared ? buf_str(&shared) : NULL, shared.len,
                                         has_local ? buf_str(&local) : NULL, local.len, ret, e);

    if (r < 0) {
        (void)err_retag(r, "policy_unreadable", e);
        (void)err_hint(e, "as root on the node: pveagentctl check, then pveagentctl edit");
    }
    return r;
}

void policy_done(struct policy *p) {
    for (size_t i = 0; i < p->n_rules; i++) {
        free(p->rule[i].ct);
    }
    free(p->rule);
    conf_done(&p->shared);
    conf_done(&p->local);
    *p = (struct policy){0};
}
