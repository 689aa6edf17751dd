/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration from three places. Clusters and limits: environment over user over system. Policy:
 * every source is an opinion and the strictest wins, so that a file an agent can write never
 * loosens what root wrote. */
#include "proximo-client/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/agent_rules.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/policy_rules.h"

/* Hosts give up on a call after 60 s (facts of the common ones); this leaves room. */
#define JOB_AFTER_S 45

/* A file without [proximo] is of version 1: there were no versions when it was written. */
#define FORMAT 1

static const struct conf_rule rules[] = {
    {"proximo", false, "version", false, true},
    {"cluster", true, "url", false, true},
    {"cluster", true, "fingerprint", false, false},
    {"cluster", true, "ca", false, false},
    {"cluster", true, "token", false, false},
    {"cluster", true, "timeout", false, false},
    {"cluster", true, "connections", false, false},
    {"cluster", true, "mirror", false, false},
    {"cluster", true, "agent-exec", false, false},
    {"agent-rule", true, "cluster", false, true},
    {"agent-rule", true, "vm", false, true},
    {"agent-rule", true, "run", false, false},
    {"agent-rule", true, "write", false, false},
    {"agent-rule", true, "password", false, false},
    {"agent-rule", true, "stdin", false, false},
    {"pbs", true, "url", false, true},
    {"pbs", true, "fingerprint", false, false},
    {"pbs", true, "ca", false, false},
    {"pbs", true, "token", false, false},
    {"pbs", true, "timeout", false, false},
    {"pbs", true, "connections", false, false},
    {"pbs", true, "mirror", false, false},
    {"operator", true, "key", false, true},
    {"witness", true, "key", false, true},
    {"witness", true, "url", false, true},
    {"witness", true, "ca", false, false},
    {"limits", false, "job-after", false, false},
    {"policy", false, "exec", false, false},
    {"policy", false, "ct-allow", false, false},
    {"policy", false, "read-only", false, false},
    {"policy", false, "approve-none", false, false},
    {"policy", false, "approve-low", false, false},
    {"policy", false, "approve-medium", false, false},
    {"policy", false, "approve-high", false, false},
    {"policy", false, "taint-minutes", false, false},
    {"policy", false, "plan-minutes", false, false},
    {"policy", false, "operator-hours", false, false},
};

static char *dup_of(const char *s) {
    char *p = s ? strdup(s) : NULL;

    if (s && !p) {
        abort();
    }
    return p;
}

static char *join_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *join_path(const char *fmt, ...) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vaddf(&b, fmt, ap);
    va_end(ap);
    if (r < 0) {
        abort();
    }
    return buf_take(&b);
}

/* A relative file of a configuration is beside it, wherever the program is started. */
static char *beside(const char *conf, const char *file) {
    const char *slash = strrchr(conf, '/');

    return file && *file != '/' && slash ? join_path("%.*s/%s", (int)(slash - conf), conf, file)
                                         : dup_of(file);
}

static void *grow(void *list, size_t n, size_t size) {
    void *p = reallocarray(list, n + 1, size);

    if (!p) {
        abort();
    }
    memset((char *)p + n * size, 0, size);
    return p;
}

static void cluster_free(struct cluster_conf *c) {
    free(c->name);
    free(c->url);
    free(c->fingerprint);
    free(c->ca);
    free(c->token);
    free(c->mirror);
    free(c->origin);
}

void config_done(struct config *c) {
    for (size_t i = 0; i < c->n_clusters; i++) {
        cluster_free(&c->cluster[i]);
    }
    for (size_t i = 0; i < c->n_operators; i++) {
        free(c->operator[i].name);
        free(c->operator[i].origin);
    }
    for (size_t i = 0; i < c->n_witnesses; i++) {
        free(c->witness[i].name);
        free(c->witness[i].url);
        free(c->witness[i].ca);
        free(c->witness[i].origin);
    }
    for (size_t i = 0; i < c->n_opinions; i++) {
        free(c->opinion[i].key);
        free(c->opinion[i].value);
        free(c->opinion[i].origin);
    }
    free(c->cluster);
    free(c->operator);
    free(c->witness);
    free(c->opinion);
    free(c->policy.ct_allow);
    free(c->job_after_origin);
    agent_rules_done(c);
    free(c->config_dir);
    free(c->state_dir);
    memset(c, 0, sizeof(*c));
}

const struct cluster_conf *config_cluster(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->n_clusters; i++) {
        if (strcmp(c->cluster[i].name, name) == 0) {
            return &c->cluster[i];
        }
    }
    return NULL;
}

const struct operator_conf *config_operator(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->n_operators; i++) {
        if (strcmp(c->operator[i].name, name) == 0) {
            return &c->operator[i];
        }
    }
    return NULL;
}

/* A cluster that a nearer source defines again is replaced whole: no mixture of two files. */
static struct cluster_conf *cluster_slot(struct config *c, const char *name, const char *origin) {
    struct cluster_conf *slot = NULL;

    for (size_t i = 0; i < c->n_clusters; i++) {
        if (strcmp(c->cluster[i].name, name) == 0) {
            slot = &c->cluster[i];
            cluster_free(slot);
            memset(slot, 0, sizeof(*slot));
        }
    }
    if (!slot) {
        c->cluster = grow(c->cluster, c->n_clusters, sizeof(*c->cluster));
        slot = &c->cluster[c->n_clusters++];
    }
    slot->name = dup_of(name);
    slot->origin = dup_of(origin);
    return slot;
}

static int add_cluster(struct config *c, const struct conf_section *s, const char *origin,
                       struct err *e) {
    struct cluster_conf *slot;
    const char *number;
    uint32_t v;

    bool pbs = strcmp(s->kind, "pbs") == 0;
    const struct cluster_conf *other = config_cluster(c, s->name);

    if (!ident_is_cluster(s->name) || strcmp(s->name, "env") == 0) {
        return err_tag(e, -EINVAL, "bad_config", "%s: line %zu: \"%s\" cannot name a %s", origin,
                       s->line, s->name, pbs ? "backup server" : "cluster");
    }
    if (other && other->pbs != pbs) { /* they would share a ledger and a token file */
        return err_tag(e, -EINVAL, "bad_config",
                       "%s: line %zu: \"%s\" names a cluster and a backup server", origin, s->line,
                       s->name);
    }
    slot = cluster_slot(c, s->name, origin);
    slot->pbs = pbs;
    slot->url = dup_of(conf_get(s, "url"));
    if (pbs && strpbrk(slot->url, " \t")) { /* a second one is another server, with other backups */
        return err_tag(e, -EINVAL, "bad_config", "%s: [pbs %s] url is one server's", origin,
                       s->name);
    }
    slot->fingerprint = dup_of(conf_get(s, "fingerprint"));
    slot->ca = beside(origin, conf_get(s, "ca"));
    slot->token = conf_get(s, "token") ? beside(origin, conf_get(s, "token"))
                                       : join_path("%s/%s.token", c->config_dir, s->name);
    slot->mirror = dup_of(conf_get(s, "mirror"));
    if (slot->mirror && slot->mirror[0] != '/') {
        return err_tag(e, -EINVAL, "bad_config",
                       "%s: [%s %s] mirror must be an absolute directory: nodes keep heads and "
                       "receipts, not entries",
                       origin, s->kind, s->name);
    }
    number = conf_get(s, "timeout");
    if (number) {
        if (ident_u32(number, &v) < 0 || v < 4 || v > 600) {
            return err_tag(e, -EINVAL, "bad_config", "%s: [%s %s] timeout must be 4-600 seconds",
                           origin, s->kind, s->name);
        }
        slot->timeout_ms = (int64_t)v * 1000;
    }
    number = conf_get(s, "connections");
    if (number) {
        if (ident_u32(number, &v) < 0 || v < 1 || v > 32) {
            return err_tag(e, -EINVAL, "bad_config", "%s: [%s %s] connections must be 1-32", origin,
                           s->kind, s->name);
        }
        slot->connections = v;
    }
    return agent_switch_read(c, s, origin, e);
}

static int add_operator(struct config *c, const struct conf_section *s, const char *origin,
                        struct err *e) {
    struct operator_conf *o;

    if (config_operator(c, s->name)) {
        return err_tag(e, -EINVAL, "bad_config",
                       "%s: line %zu: operator %s is defined in another file too", origin, s->line,
                       s->name);
    }
    c->operator= grow(c->operator, c->n_operators, sizeof(*c->operator));
    o = &c->operator[c->n_operators++];
    o->name = dup_of(s->name);
    o->origin = dup_of(origin);
    if (vkey_parse(conf_get(s, "key"), &o->key, e) < 0 || o->key.type != NOTE_ED25519) {
        return err_tag(e, -EINVAL, "bad_config",
                       "%s: [operator %s] key is not an Ed25519 verifier key", origin, s->name);
    }
    return 0;
}

static int add_witness(struct config *c, const struct conf_section *s, const char *origin,
                       struct err *e) {
    struct witness_conf *w;

    for (size_t i = 0; i < c->n_witnesses; i++) {
        if (strcmp(c->witness[i].name, s->name) == 0) {
            return err_tag(e, -EINVAL, "bad_config",
                           "%s: line %zu: witness %s is defined in another file too", origin,
                           s->line, s->name);
        }
    }
    if (nodes_may_add_witness(c->n_witnesses, s->name, conf_get(s, "url"), e) < 0) {
        return err_wrap(e, "%s", origin);
    }
    c->witness = grow(c->witness, c->n_witnesses, sizeof(*c->witness));
    w = &c->witness[c->n_witnesses++];
    w->name = dup_of(s->name);
    w->url = dup_of(conf_get(s, "url"));
    w->ca = beside(origin, conf_get(s, "ca"));
    w->origin = dup_of(origin);
    if (vkey_parse(conf_get(s, "key"), &w->key, e) < 0 || w->key.type != NOTE_COSIGN) {
        return err_tag(e, -EINVAL, "bad_config",
                       "%s: [witness %s] key is not an Ed25519 cosignature key (type 04)", origin,
                       s->name);
    }
    return 0;
}

static void add_opinion(struct config *c, const char *key, const char *value, const char *origin) {
    struct opinion *o;

    c->opinion = grow(c->opinion, c->n_opinions, sizeof(*c->opinion));
    o = &c->opinion[c->n_opinions++];
    o->key = dup_of(key);
    o->value = dup_of(value);
    o->origin = dup_of(origin);
}

/* A nearer source replaces what a farther one said. */
static int add_limits(struct config *c, const struct conf_section *s, const char *origin,
                      struct err *e) {
    const char *number = conf_get(s, "job-after");
    uint32_t v;

    if (!number) {
        return 0;
    }
    if (ident_u32(number, &v) < 0 || v < 1 || v > 3600) {
        return err_tag(e, -EINVAL, "bad_config", "%s: [limits] job-after must be 1-3600 seconds",
                       origin);
    }
    c->job_after_s = v;
    free(c->job_after_origin);
    c->job_after_origin = dup_of(origin);
    return 0;
}

static int add_section(struct config *c, const struct conf_section *s, const char *origin,
                       struct err *e) {
    if (strcmp(s->kind, "cluster") == 0 || strcmp(s->kind, "pbs") == 0) {
        return add_cluster(c, s, origin, e);
    }
    if (strcmp(s->kind, "operator") == 0) {
        return add_operator(c, s, origin, e);
    }
    if (strcmp(s->kind, "witness") == 0) {
        return add_witness(c, s, origin, e);
    }
    if (strcmp(s->kind, "agent-rule") == 0) {
        return agent_rule_read(c, s, origin, e);
    }
    if (strcmp(s->kind, "limits") == 0) {
        return add_limits(c, s, origin, e);
    }
    for (size_t i = 0; strcmp(s->kind, "policy") == 0 && i < s->n; i++) {
        add_opinion(c, s->entry[i].key, s->entry[i].value, origin);
    }
    return 0;
}

static void confp(struct conf *c) {
    conf_done(c);
}

static int read_file(struct config *c, const char *path, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(confp) struct conf f = {0};
    int r;

    if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return 0;
    }
    r = file_read_kept(AT_FDCWD, path, geteuid(), &b, e);
    if (r == -EPERM) {
        return r;
    }
    if (r == 0) {
        r = conf_parse(buf_str(&b), b.len, &f, e);
    }
    if (r == 0) {
        r = conf_version(&f, "proximo", FORMAT, e);
    }
    if (r >= 0) {
        r = conf_check(&f, rules, ARRAY_LEN(rules), e);
    }
    if (r < 0) {
        char why[sizeof(e->msg)];

        (void)snprintf(why, sizeof(why), "%s", e ? e->msg : "");
        (void)err_tag(e, r, "bad_config", "%s: %s", path, why);
        return err_hint(e, r == -ENOTSUP ? "upgrade proximo-client"
                                         : "mend the file; nothing runs with half a configuration");
    }
    for (size_t i = 0; i < f.n; i++) {
        r = add_section(c, &f.section[i], path, e);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* Variables that users of this field know; the last two define a cluster named "env". */
static void read_env(struct config *c) {
    const char *url = getenv("PROXIMO_API_BASE_URL");
    const char *token = getenv("PROXIMO_TOKEN_PATH");
    const char *exec = getenv("PROXIMO_ENABLE_EXEC");
    const char *allow = getenv("PROXIMO_CT_ALLOWLIST");

    if (exec && *exec) {
        bool yes = strcmp(exec, "1") == 0 || strcmp(exec, "true") == 0 || strcmp(exec, "yes") == 0;

        add_opinion(c, "exec", yes ? "yes" : "no", "environment PROXIMO_ENABLE_EXEC");
    }
    if (allow) {
        add_opinion(c, "ct-allow", allow, "environment PROXIMO_CT_ALLOWLIST");
    }
    if (url && *url && token && *token) {
        struct cluster_conf *slot = cluster_slot(c, "env", "environment PROXIMO_API_BASE_URL");

        slot->url = dup_of(url);
        slot->token = dup_of(token);
        slot->fingerprint = dup_of(getenv("PROXIMO_FINGERPRINT"));
        slot->ca = dup_of(getenv("PROXIMO_CA_BUNDLE"));
    }
}

static char *home_dir(void) {
    const char *home = getenv("HOME");
    const struct passwd *pw;

    if (home && *home == '/') {
        return dup_of(home);
    }
    pw = getpwuid(getuid());
    return dup_of(pw && pw->pw_dir ? pw->pw_dir : "/");
}

static char *xdg(const char *variable, const char *home, const char *fallback) {
    const char *v = getenv(variable);

    /* the specification: a relative path is to be ignored */
    return v && *v == '/' ? join_path("%s/proximo", v) : join_path("%s/%s/proximo", home, fallback);
}

void config_dirs(struct config *c) {
    CLEANUP(freep) char *home = home_dir();

    c->config_dir = xdg("XDG_CONFIG_HOME", home, ".config");
    c->state_dir = xdg("XDG_STATE_HOME", home, ".local/state");
}

int config_read(struct config *ret, struct err *e) {
    CLEANUP(config_done) struct config c = {0};
    CLEANUP(freep) char *user = NULL;
    int r;

    c.job_after_s = JOB_AFTER_S;
    config_dirs(&c);
    user = join_path("%s/proximo.ini", c.config_dir);
    r = read_file(&c, SYSCONFDIR "/proximo/proximo.ini", e);
    if (r == 0) {
        r = read_file(&c, user, e);
    }
    if (r < 0) {
        return r;
    }
    read_env(&c);
    r = policy_merge(&c, e);
    r = r < 0 ? r : agent_rules_check(&c, e);
    if (r < 0) {
        return r;
    }
    config_done(ret);
    *ret = c;
    memset(&c, 0, sizeof(c));
    return 0;
}
