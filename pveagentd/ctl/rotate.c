/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentctl rotate: another key in place of one (root, from a terminal). Whatever it is
 * interrupted by, a pair that works is in place, and the same command again goes on. Each key is
 * announced in the roster, signed by the receipt key that clients know. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/fields.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/share.h"

/* The front end makes its own keys, as its own user: root writes no certificate. */
static int make_next(const struct ctl *k, const char *dir, struct err *e) {
    struct stat st;
    int status = -1;
    pid_t pid;

    if (stat(dir, &st) < 0) {
        return err_set(e, -errno, "%s: %s", dir, strerror(errno));
    }
    pid = fork();
    if (pid == 0) {
        if ((geteuid() == 0 &&
             (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
              setresuid(st.st_uid, st.st_uid, st.st_uid) < 0))) {
            _exit(126);
        }
        (void)execl(k->daemon, "pveagentd", "--next", "--state", dir, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
        return err_set(e, -EIO, "%s --next --state %s has failed", k->daemon, dir);
    }
    return 0;
}

/* Names beside the certificate: tls.crt gives tls.key, tls.crt.next, tls.key.next. */
struct names {
    char dir[4096], crt[4096], next_crt[4096], key[4096], next_key[4096];
};

static int name_files(const char *cert, struct names *n, struct err *e) {
    const char *slash = strrchr(cert, '/');
    size_t len = strlen(cert);

    if (len < 4 || len > sizeof(n->dir) - 16 || strcmp(cert + len - 4, ".crt") != 0) {
        return err_set(e, -EINVAL, "%s: not the name of a certificate", cert);
    }
    (void)snprintf(n->crt, sizeof(n->crt), "%s", cert);
    (void)snprintf(n->next_crt, sizeof(n->next_crt), "%s.next", cert);
    (void)snprintf(n->key, sizeof(n->key), "%.*s.key", (int)len - 4, cert);
    (void)snprintf(n->next_key, sizeof(n->next_key), "%.*s.key.next", (int)len - 4, cert);
    (void)snprintf(n->dir, sizeof(n->dir), "%.*s", slash ? (int)(slash - cert) : 1,
                   slash ? cert : ".");
    return 0;
}

static int tls_announce(struct ctl *k, const struct names *n, const struct roster_entry *own,
                        struct err *e) {
    struct hash next;
    int r = access(n->next_crt, F_OK) == 0 ? 0 : make_next(k, n->dir, e);

    r = r < 0 ? r : ctl_cert_spki(n->next_crt, &next, e);
    r = r < 0 ? r : ctl_announce_at(&k->p, own->address, own->n_addresses, &own->tls, &next, e);
    if (r == 0) {
        (void)printf("announced tls %s\n"
                     "  clients learn it by: proximo-client node refresh\n"
                     "  then here: pveagentctl rotate tls --switch\n",
                     HASH_STR(&next));
    }
    return r;
}

/* The key first: the front end makes the certificate anew for a key that it does not fit. */
static int tls_switch(struct ctl *k, const struct names *n, const struct roster_entry *own,
                      struct err *e) {
    struct hash now;
    int r;

    if (!own->has_tls_next) {
        (void)err_set(e, -EINVAL, "no next TLS key is announced");
        return err_hint(e, "run: pveagentctl rotate tls");
    }
    if ((rename(n->next_key, n->key) < 0 && errno != ENOENT) ||
        (rename(n->next_crt, n->crt) < 0 && errno != ENOENT)) {
        return err_set(e, -errno, "%s: %s", n->dir, strerror(errno));
    }
    r = dir_sync(AT_FDCWD, n->dir);
    r = r < 0 ? err_set(e, r, "%s: %s", n->dir, strerror(-r)) : ctl_cert_spki(n->crt, &now, e);
    if (r == 0 && !hash_eq(&now, &own->tls_next)) {
        r = err_set(e, -EBADMSG, "%s is not the certificate of the key that was announced", n->crt);
    }
    r = r < 0 ? r : ctl_announce_at(&k->p, own->address, own->n_addresses, &now, NULL, e);
    if (r == 0) {
        (void)printf("in use    tls %s\n", HASH_STR(&now));
    }
    return r;
}

static int rotate_tls(struct ctl *k, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry own = {.node = NULL};
    CLEANUP(freep) struct names *n = calloc(1, sizeof(*n));
    int r = n ? name_files(k->tls_cert, n, e) : err_set(e, -ENOMEM, "out of memory");

    r = r < 0 ? r : roster_own(&k->p, &own, e);
    if (r == -ENOENT) {
        (void)err_set(e, r, "this node is not announced, so nobody would learn its next key");
        return err_hint(e, "run: pveagentctl announce --address HOST:PORT");
    }
    return r < 0 ? r : (k->do_switch ? tls_switch : tls_announce)(k, n, &own, e);
}

/* What one that was killed while it wrote a key left: it may hold a seed. The roster's lock is
 * held, so nobody is writing one now. */
static void sweep_halves(const struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, ".");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        if (strncmp(name, "receipt.", 8) == 0 && strstr(name, ".tmp.")) {
            (void)unlinkat(p->state_fd, name, 0);
        }
    }
}

static int key_next(const struct priv *p, struct skey *ret, struct err *e) {
    int r = priv_key_read(p, "receipt.next", ret, e);

    if (r == -ENOENT) {
        r = priv_key_make(p, "receipt.next", "receipt", "ed25519", e);
        r = r < 0 ? r : priv_key_read(p, "receipt.next", ret, e);
    }
    return r;
}

static int arm_next(struct priv *p, const struct skey *next, struct err *e) {
    CLEANUP(buf_done) struct buf id = BUF_INIT(64);
    char was[sizeof(p->receipt_id)];
    char hex[2 * sizeof(next->v.id) + 1];
    int r = priv_armed(p) ? file_read(p->state_fd, "journal/id", &id, e)
                          : err_tag(e, -EPERM, "not_armed", "this node is not armed");

    hex_encode(next->v.id, sizeof(next->v.id), hex);
    memcpy(was, p->receipt_id, sizeof(was));
    r = r < 0 ? r
              : fields_save(&priv_arm_form, p->state_fd, "armed",
                            &(struct armed){{was, hex}, buf_str(&id)}, e);
    if (r == 0 && renameat(p->state_fd, "receipt.next", p->state_fd, "receipt.key") < 0) {
        r = err_set(e, -errno, "receipt.next: %s", strerror(errno));
    }
    r = r < 0 ? r : dir_sync(p->state_fd, ".");
    r = r < 0 ? r : priv_read_keys(p, e);
    return r < 0 ? r
                 : fields_save(&priv_arm_form, p->state_fd, "armed",
                               &(struct armed){{p->receipt_id}, buf_str(&id)}, e);
}

static int new_witness(struct priv *p, struct err *e) {
    int r = priv_key_make(p, "witness.key", "witness", "cosign", e);

    return r < 0 ? r : priv_read_keys(p, e);
}

/* The successor is on disk, and signed for, before the key that signed goes. */
static int hand_over(struct priv *p, struct roster_entry *r, const struct vkey *next,
                     struct err *e) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_LINE);
    int x = roster_succession(p->node, &p->receipt, next, &note, e);
    size_t drop = r->n_former == ROSTER_FORMER;

    if (x < 0 || (r->n_former && strcmp(r->former[r->n_former - 1], buf_str(&note)) == 0)) {
        return x;
    }
    memmove(r->former, r->former + drop, (r->n_former - drop) * sizeof(*r->former));
    r->n_former -= drop;
    r->former[r->n_former++] = buf_str(&note);
    return roster_put(p, r, true, e);
}

int ctl_rotate_receipt(struct priv *p, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    CLEANUP(closep) int lock = -1;
    struct skey next = {0};
    int x = roster_lock(p, &lock, e);

    if (x == 0) {
        sweep_halves(p);
    }
    x = x < 0 ? x : roster_own(p, &r, e);
    x = x < 0 ? x : key_next(p, &next, e);
    x = x < 0 ? x : hand_over(p, &r, &next.v, e);
    x = x < 0 ? x : arm_next(p, &next, e);
    skey_done(&next);
    if (x < 0) {
        return x;
    }
    closep(&lock);
    return roster_refresh(p, e);
}

static int rotate_witness(struct ctl *k, struct err *e) {
    int r = new_witness(&k->p, e);

    r = r < 0 ? r : roster_refresh(&k->p, e);
    if (r == 0) {
        (void)printf("witness   another key; clients learn it by: proximo-client node refresh\n");
    }
    return r;
}

static int rotate_receipt(struct ctl *k, struct err *e) {
    int r = ctl_rotate_receipt(&k->p, e);

    if (r == 0) {
        (void)printf("receipts  key %s; clients learn it by: proximo-client node refresh\n",
                     k->p.receipt_id);
    }
    return r;
}

int ctl_rotate(struct ctl *k) {
    struct err e = {0};
    const char *what = k->n_args == 1 ? k->args[0] : "";
    int (*fn)(struct ctl * k, struct err * e) = strcmp(what, "tls") == 0       ? rotate_tls
                                                : strcmp(what, "witness") == 0 ? rotate_witness
                                                : strcmp(what, "receipt") == 0 ? rotate_receipt
                                                                               : NULL;

    if (!fn || (k->do_switch && fn != rotate_tls)) {
        return ctl_usage();
    }
    if (!priv_armed(&k->p)) {
        (void)err_set(&e, -EPERM, "this node is not armed");
        (void)err_hint(&e, "run: pveagentctl arm");
        return ctl_fail(&e);
    }
    return fn(k, &e) < 0 ? ctl_fail(&e) : EXIT_SUCCESS;
}
