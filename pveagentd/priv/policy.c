/* SPDX-License-Identifier: Apache-2.0 */
/* The node's policy: from INI text to rules (root; request children and pveagentctl). What cannot
 * be read in one way only is refused with its line, and then there are no rules at all. */
#include "pveagentd/priv/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"

#define OUTPUT_MAX (64u * 1024 * 1024)
#define OPS_ALL    ((1u << OP_COUNT) - 1)

static const struct conf_rule table[] = {
    {"node", false, "max-running", false, false},
    {"node", false, "max-running-ct", false, false},
    {"node", false, "clock", false, false},
    {"operator", true, "key", false, true},
    {"client", true, "rights", false, true},
    {"rule", true, "client", false, true},
    {"rule", true, "ct", false, true},
    {"rule", true, "do", false, false},
    {"rule", true, "run", false, false},
    {"rule", true, "user", false, false},
    {"rule", true, "env", false, false},
    {"rule", true, "cwd", false, false},
    {"rule", true, "stdin", false, false},
    {"rule", true, "timeout", false, false},
    {"rule", true, "output", false, false},
    {"rule", true, "undo", false, false},
    {"rule", true, "approve", false, false},
    {"deny", true, "client", false, false},
    {"deny", true, "ct", false, false},
    {"deny", true, "do", false, false},
    {"deny", true, "run", false, false},
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

static int read_ct(struct rule *r, const struct conf_entry *en, struct err *e) {
    for (const char *s = en->value; *(s += strspn(s, " ")); s += strcspn(s, " ")) {
        char word[32];
        size_t n = strcspn(s, " ");
        struct ct_range *v;
        struct ct_range c;
        char *dash;

        if (n >= sizeof(word)) {
            return bad(e, en, "numbers and ranges, like 101 105-109");
        }
        memcpy(word, s, n);
        word[n] = '\0';
        dash = strchr(word, '-');
        if (dash) {
            *dash = '\0';
        }
        if (ident_vmid(word, &c.lo) < 0 || ident_vmid(dash ? dash + 1 : word, &c.hi) < 0 ||
            c.lo > c.hi) {
            return bad(e, en, "numbers and ranges, like 101 105-109");
        }
        v = reallocarray(r->ct, r->n_ct + 1, sizeof(*v));
        if (!v) {
            return err_set(e, -ENOMEM, "out of memory");
        }
        r->ct = v;
        r->ct[r->n_ct++] = c;
    }
    return r->n_ct ? 0 : bad(e, en, "numbers and ranges, like 101 105-109");
}

static int read_do(struct rule *r, const struct conf_entry *en, struct err *e) {
    static const struct {
        const char *word;
        unsigned int ops;
    } words[] = {{"exec", 1u << OP_EXEC},
                 {"snapshot", 1u << OP_SNAPSHOT},
                 /* a node rollback is stop, roll back, start: one word for the three */
                 {"rollback", 1u << OP_ROLLBACK | 1u << OP_STOP | 1u << OP_START},
                 {"remove", 1u << OP_REMOVE},
                 {"revert", 1u << OP_ARM | 1u << OP_CONFIRM}};

    r->ops = 0;
    for (const char *s = en->value; *(s += strspn(s, " ")); s += strcspn(s, " ")) {
        size_t n = strcspn(s, " ");
        bool found = false;

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            if (strlen(words[i].word) == n && memcmp(words[i].word, s, n) == 0) {
                r->ops |= words[i].ops;
                found = true;
            }
        }
        if (!found) {
            return bad(e, en, "of exec snapshot rollback remove revert");
        }
    }
    return r->ops ? 0 : bad(e, en, "of exec snapshot rollback remove revert");
}

static int read_user(struct rule *r, const struct conf_entry *en, struct err *e) {
    if (strcmp(en->value, "root") == 0) {
        r->user = 0;
        return 0;
    }
    /* Names would be looked up in the container, whose root can change what they mean. */
    return ident_u32(en->value, &r->user) < 0 ? bad(e, en, "root or a number") : 0;
}

static int read_env(struct rule *r, const struct conf_entry *en, struct err *e) {
    r->env = strcmp(en->value, "none") == 0 ? "" : en->value;
    return strspn(r->env, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ ") ==
                   strlen(r->env)
               ? 0
               : bad(e, en, "none or names of variables");
}

static int read_cwd(struct rule *r, const struct conf_entry *en, struct err *e) {
    r->cwd = en->value;
    return en->value[0] == '/' ? 0 : bad(e, en, "an absolute path");
}

static int read_yes_no(const struct conf_entry *en, const char *yes, const char *no, bool *ret,
                       struct err *e) {
    *ret = strcmp(en->value, yes) == 0;
    return *ret || strcmp(en->value, no) == 0
               ? 0
               : err_set(e, -EBADMSG, "line %zu: %s must be %s or %s", en->line, en->key, yes, no);
}

static int read_stdin(struct rule *r, const struct conf_entry *en, struct err *e) {
    return read_yes_no(en, "yes", "no", &r->stdin_ok, e);
}

static int read_timeout(struct rule *r, const struct conf_entry *en, struct err *e) {
    return ident_u32(en->value, &r->timeout_s) < 0 || !r->timeout_s || r->timeout_s > 3600
               ? bad(e, en, "1-3600 seconds")
               : 0;
}

static int read_output(struct rule *r, const struct conf_entry *en, struct err *e) {
    size_t n = strlen(en->value);
    uint64_t unit = 1;
    uint64_t v;

    if (n && (en->value[n - 1] == 'K' || en->value[n - 1] == 'M')) {
        unit = en->value[n - 1] == 'K' ? 1024 : (uint64_t)1024 * 1024;
        n--;
    }
    if (ident_u64n(en->value, n, &v) < 0 || v > OUTPUT_MAX / unit) {
        return bad(e, en, "bytes, K or M, at most 64M");
    }
    r->output_max = (uint32_t)(v * unit);
    return 0;
}

static int read_undo(struct rule *r, const struct conf_entry *en, struct err *e) {
    return read_yes_no(en, "required", "no", &r->undo_required, e);
}

static int read_approve(struct rule *r, const struct conf_entry *en, struct err *e) {
    r->approve = en->value;
    return ident_is_client(en->value) ? 0 : bad(e, en, "an operator's name or none");
}

static int read_client(struct rule *r, const struct conf_entry *en, struct err *e) {
    r->client = en->value;
    return ident_is_client(en->value) ? 0 : bad(e, en, "a client's name");
}

static int read_run(struct rule *r, const struct conf_entry *en, struct err *e) {
    return run_parse(en->value, r, en->line, e);
}

static int read_rule(const struct conf_section *s, struct rule *r, struct err *e) {
    static const struct {
        const char *key;
        int (*read)(struct rule *r, const struct conf_entry *en, struct err *e);
    } readers[] = {{"client", read_client}, {"ct", read_ct},       {"do", read_do},
                   {"run", read_run},       {"user", read_user},   {"env", read_env},
                   {"cwd", read_cwd},       {"stdin", read_stdin}, {"timeout", read_timeout},
                   {"output", read_output}, {"undo", read_undo},   {"approve", read_approve}};
    bool has_run = conf_get(s, "run") != NULL;

    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        const struct conf_entry *en = entry(s, readers[i].key);
        int rc = en ? readers[i].read(r, en, e) : 0;

        if (rc < 0) {
            return rc;
        }
    }
    if (r->deny) {
        r->any_run = r->any_run || !has_run;
        return 0;
    }
    if (has_run != ((r->ops & (1u << OP_EXEC)) != 0)) {
        return err_set(e, -EBADMSG, "line %zu: [rule %s]: %s", s->line, s->name,
                       has_run ? "run without do = exec" : "exec needs run");
    }
    if (!r->approve && (r->any_run || (r->ops & (1u << OP_ROLLBACK)))) {
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
            run_done(&r);
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
    return r < 0 || !en ? r : read_yes_no(en, "any", "synchronised", &p->any_clock, e);
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
    bool *has = local ? &p->has_local : &p->has_shared;
    int r = conf_parse(text, len, c, e);

    *has = r == 0;
    r = r < 0 ? r : conf_check(c, table, ARRAY_LEN(table), e);
    r = r < 0 ? r : check_names(c, e);
    r = r < 0 ? r : read_node(p, c, e);
    r = r < 0 ? r : add_rules(p, c, local, rules, e);
    return r < 0 ? err_wrap(e, local ? "local policy" : "shared policy") : 0;
}

int policy_merge(const char *shared, size_t shared_len, const char *local, size_t local_len,
                 struct policy *ret, struct err *e) {
    CLEANUP(policy_done) struct policy p = {.max_running = 8, .max_running_ct = 2};
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

/* 1: there; 0: absent. The file that is read is the file whose owner was looked at. */
static int read_owned(const char *path, struct buf *b, struct err *e) {
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int r;

    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : err_set(e, -errno, "%s: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 022)) {
        return err_set(e, -EPERM, "%s must be a file of root's that no one else can write", path);
    }
    r = fd_read_all(fd, b);
    return r < 0 ? err_set(e, r, "%s: %s", path, strerror(-r)) : 1;
}

int policy_load(const struct priv *p, struct policy *ret, struct err *e) {
    CLEANUP(buf_done) struct buf shared = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf local = BUF_INIT(LIM_CONF);
    char path[4096];
    int has_shared = cluster_path(p, "pveagentd", "policy.ini", path)
                         ? read_owned(path, &shared, e)
                         : err_set(e, -ENAMETOOLONG, "path too long");
    int has_local = has_shared < 0 ? has_shared : read_owned(p->policy_file, &local, e);
    int r = has_local < 0 ? has_local
                          : policy_merge(has_shared ? buf_str(&shared) : NULL, shared.len,
                                         has_local ? buf_str(&local) : NULL, local.len, ret, e);

    if (r < 0) {
        (void)tagged(r, "policy_unreadable", e);
        (void)err_hint(e, "as root on the node: pveagentctl check, then pveagentctl edit");
    }
    return r;
}

void policy_done(struct policy *p) {
    for (size_t i = 0; i < p->n_rules; i++) {
        run_done(&p->rule[i]);
        free(p->rule[i].ct);
    }
    free(p->rule);
    conf_done(&p->shared);
    conf_done(&p->local);
    *p = (struct policy){0};
}
