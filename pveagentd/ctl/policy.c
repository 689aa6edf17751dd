/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentctl check, edit, explain (root, from a terminal). Invariant: a policy file is replaced
 * only by one that parses together with the other; a crash leaves the old one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "common/argv_rule.h"
#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/policy.h"

/* One DER element: its tag, its content, where the next begins. */
struct der {
    const uint8_t *p, *end;
};

static int der_take(struct der *d, uint8_t tag, struct der *content, struct der *whole) {
    const uint8_t *at = d->p;
    size_t left = (size_t)(d->end - d->p);
    size_t n;
    size_t head = 2;

    if (left < 2 || at[0] != tag) {
        return -EBADMSG;
    }
    n = at[1];
    if (n & 0x80) {
        size_t bytes = n & 0x7f;

        if (!bytes || bytes > 3 || left < 2 + bytes) {
            return -EBADMSG;
        }
        n = 0;
        for (size_t i = 0; i < bytes; i++) {
            n = n << 8 | at[2 + i];
        }
        head += bytes;
    }
    if (n > left - head) {
        return -EBADMSG;
    }
    d->p = at + head + n; /* first: content may be d itself */
    *content = (struct der){at + head, at + head + n};
    *whole = (struct der){at, at + head + n};
    return 0;
}

/* Certificate { tbs { [0] version, serial, algorithm, issuer, validity, subject, spki … } … } */
static int spki_of_der(const struct buf *b, struct hash *ret) {
    static const uint8_t before[] = {0x02, 0x30, 0x30, 0x30, 0x30};
    struct der d;
    struct der cert;
    struct der tbs;
    struct der x;
    struct der spki;

    d.p = (const uint8_t *)buf_str(b);
    d.end = d.p + b->len;
    if (der_take(&d, 0x30, &cert, &x) < 0 || der_take(&cert, 0x30, &tbs, &x) < 0) {
        return -EBADMSG;
    }
    (void)der_take(&tbs, 0xa0, &x, &spki);
    for (size_t i = 0; i < sizeof(before); i++) {
        if (der_take(&tbs, before[i], &x, &spki) < 0) {
            return -EBADMSG;
        }
    }
    if (der_take(&tbs, 0x30, &x, &spki) < 0) {
        return -EBADMSG;
    }
    sha256(spki.p, (size_t)(spki.end - spki.p), ret);
    return 0;
}

int ctl_cert_spki(const char *path, struct hash *ret, struct err *e) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    CLEANUP(buf_done) struct buf pem = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf der = BUF_INIT(LIM_NOTE);
    const char *s;
    int r = file_read(AT_FDCWD, path, &pem, e);

    if (r < 0) {
        (void)err_hint(e, "the front end makes it: pveagentd --init");
        return r;
    }
    s = strstr(buf_str(&pem), begin);
    for (s = s ? s + strlen(begin) : ""; r == 0 && *s && *s != '-'; s++) {
        r = *s == '\n' ? 0 : buf_addc(&text, *s);
    }
    if (r < 0 || b64_decode(buf_str(&text), text.len, &der) < 0 || spki_of_der(&der, ret) < 0) {
        return err_set(e, -EBADMSG, "%s: not a certificate", path);
    }
    return 0;
}

/* Things a reader of the policy should be told (interpreters, ANY …), one line each. */
static bool is_launcher(const char *path) {
    static const char *const names[] = {
        "sh",   "bash",   "dash",        "ash", "zsh",    "busybox", "python", "python3",
        "perl", "ruby",   "node",        "env", "find",   "tar",     "xargs",  "less",
        "more", "man",    "vi",          "vim", "awk",    "sed",     "nice",   "sudo",
        "su",   "script", "systemd-run", "apt", "apt-get"};
    const char *base = strrchr(path, '/');

    base = base ? base + 1 : path;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(base, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int warnings_of(const struct policy *p, struct buf *ret) {
    int r = 0;

    for (size_t i = 0; i < p->n_rules && r == 0; i++) {
        const struct rule *k = &p->rule[i];
        char program[512];

        if (k->deny || !(k->ops & (1u << OP_EXEC))) {
            continue;
        }
        if (!k->run) {
            r = buf_addf(ret, "[rule %s]: run = ANY is root's equal in these containers\n",
                         k->name);
            continue;
        }
        argv_rule_program(k->run, program, sizeof(program));
        if (is_launcher(program)) {
            r = buf_addf(ret, "[rule %s]: %s can start other programs\n", k->name, program);
        }
    }
    return r;
}

static int report(const struct policy *p) {
    CLEANUP(buf_done) struct buf warnings = BUF_INIT(LIM_LINES);
    char hash[HASH_HEX_LEN + 1];

    hash_text(&p->digest, hash);
    (void)printf("policy    %s, %zu rules\n", hash, p->n_rules);
    if (warnings_of(p, &warnings) == 0 && warnings.len) {
        (void)printf("%s", warnings.data);
    }
    return EXIT_SUCCESS;
}

int ctl_check(struct ctl *k) {
    CLEANUP(policy_done) struct policy pol = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    struct err e = {0};
    int r;

    if (k->n_args > 1) {
        return ctl_usage();
    }
    if (k->n_args == 1) {
        r = file_read(AT_FDCWD, k->args[0], &b, &e);
        r = r < 0 ? r : policy_merge(buf_str(&b), b.len, NULL, 0, &pol, &e);
    } else {
        r = policy_load(&k->p, &pol, &e);
    }
    return r < 0 ? ctl_fail(&e) : report(&pol);
}

/* A bare name is looked for in /usr/bin only: this runs as root, whatever PATH says. */
static int run_editor(const char *file, struct err *e) {
    const char *wanted = getenv("VISUAL");
    char editor[512];
    int status = 0;
    pid_t pid;

    wanted = wanted && *wanted ? wanted : getenv("EDITOR");
    wanted = wanted && *wanted ? wanted : "sensible-editor";
    (void)snprintf(editor, sizeof(editor), "%s%s", wanted[0] == '/' ? "" : "/usr/bin/", wanted);
    pid = fork();
    if (pid == 0) {
        (void)execl(editor, editor, file, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : err_set(e, -EREMOTEIO, "%s did not end well; nothing was changed", editor);
}

static int read_or_empty(const char *path, struct buf *b, struct err *e) {
    int r = file_read(AT_FDCWD, path, b, e);

    return r == -ENOENT ? 0 : r;
}

/* The new text takes its place only if the two files together still parse. */
static int check_and_place(struct ctl *k, const char *path, const char *other,
                           const struct buf *text, struct err *e) {
    CLEANUP(policy_done) struct policy pol = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    int has = file_read(AT_FDCWD, other, &b, NULL) == 0;
    int r = k->shared
                ? policy_merge(buf_str(text), text->len, has ? buf_str(&b) : NULL, b.len, &pol, e)
                : policy_merge(has ? buf_str(&b) : NULL, b.len, buf_str(text), text->len, &pol, e);

    if (r == 0 && k->shared) {
        char dir[4096];

        r = cluster_path(&k->p, "pveagentd", NULL, dir, e);
        r = r < 0 ? r : dir_make(AT_FDCWD, dir, 0755, e);
    }
    r = r < 0 ? r
              : file_replace(AT_FDCWD, path, buf_str(text), text->len,
                             k->shared ? CLUSTER_MODE : 0600, e);
    if (r == 0) {
        (void)report(&pol);
    }
    if (r == 0 && k->shared && has) {
        (void)printf("of the local policy only [deny] and [node] count beside a shared one\n");
    }
    return r;
}

static bool is_same(const struct buf *a, const struct buf *b) {
    return a->len == b->len && memcmp(buf_str(a), buf_str(b), a->len) == 0;
}

int ctl_edit(struct ctl *k) {
    CLEANUP(buf_done) struct buf old = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_CONF);
    char shared[4096];
    char draft[4096];
    const char *path;
    struct err e = {0};
    int r;

    r = snprintf(draft, sizeof(draft), "%s/policy.draft", k->p.state_dir);
    if (k->n_args || (size_t)r >= sizeof(draft) ||
        cluster_path(&k->p, "pveagentd", "policy.ini", shared, NULL) < 0) {
        return ctl_usage();
    }
    path = k->shared ? shared : k->p.policy_file;
    r = read_or_empty(path, &old, &e);
    r = r < 0 ? r : file_replace(AT_FDCWD, draft, buf_str(&old), old.len, 0600, &e);
    r = r < 0 ? r : run_editor(draft, &e);
    r = r < 0 ? r : file_read(AT_FDCWD, draft, &text, &e);
    if (r == 0 && is_same(&old, &text)) { /* an empty shared policy would end every local rule */
        (void)unlink(draft);
        (void)printf("nothing was changed\n");
        return EXIT_SUCCESS;
    }
    r = r < 0 ? r : check_and_place(k, path, k->shared ? k->p.policy_file : shared, &text, &e);
    if (r < 0 && text.len) {
        (void)fprintf(stderr, "  your text is kept in %s; the policy in force is as it was\n",
                      draft);
        return ctl_fail(&e);
    }
    (void)unlink(draft);
    return r < 0 ? ctl_fail(&e) : EXIT_SUCCESS;
}

int ctl_explain(struct ctl *k) {
    CLEANUP(policy_done) struct policy pol = {0};
    CLEANUP(request_done) struct node_request q = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    struct client c = {0};
    struct verdict v;
    struct err e = {0};
    int r;

    if (k->n_args != 1) {
        return ctl_usage();
    }
    r = file_read(AT_FDCWD, k->args[0], &b, &e);
    r = r < 0 ? r : request_parse(buf_str(&b), b.len, &q, &e);
    r = r < 0 ? r : policy_load(&k->p, &pol, &e);
    if (r < 0) {
        return ctl_fail(&e);
    }
    (void)snprintf(c.name, sizeof(c.name), "%s", q.client);
    policy_decide(&pol, &c, &q, &v);
    (void)printf("allowed   %s\nrule      %s\n", v.allowed ? "yes" : "no",
                 v.rule[0] ? v.rule : "-");
    if (!v.allowed) {
        (void)printf("code      %s\nwhy       %s\nremedy    %s\n", v.code, v.why, v.remedy);
        return EXIT_FAILURE;
    }
    (void)printf("limits    %u s, %u bytes of output\nundo      %s\n", v.timeout_s, v.output_max,
                 v.undo_rule ? "required" : "as asked");
    for (size_t i = 0; i < v.n_approvers; i++) {
        (void)printf("approval  %s\n", v.approver[i]);
    }
    return EXIT_SUCCESS;
}
