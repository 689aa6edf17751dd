/* SPDX-License-Identifier: Apache-2.0 */
/* The root half's directory: keys, arming, freeze, revocations (runs as root, in the resident, in
 * its children and in pveagentctl). Invariant: a denial is a file whose mere existence denies;
 * nothing has to parse for it to bite, and what cannot be looked up counts as denied. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/fields.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/priv.h"

struct key_text {
    const char *name, *type;
    uint8_t seed[NOTE_SEED_LEN];
};
static const struct field key_fields[] = {FIELD(struct key_text, name, F_TEXT, true),
                                          FIELD(struct key_text, type, F_TEXT, true),
                                          FIELD(struct key_text, seed, F_HEX, true)};
static const struct form key_form = {"proximo-key/v1", key_fields, ARRAY_LEN(key_fields)};

static const struct field arm_fields[] = {
    FIELD_AS("receipt-key", struct armed, receipt_key, F_LIST, true),
    FIELD(struct armed, journal, F_TEXT, true)};
const struct form priv_arm_form = {"proximo-armed/v1", arm_fields, ARRAY_LEN(arm_fields)};

int priv_option(struct priv *p, int c, const char *value) {
    const char **to = c == 'S'   ? &p->state_dir
                      : c == 'c' ? &p->cluster_fs
                      : c == 'p' ? &p->policy_file
                      : c == 'N' ? &p->network_dir
                      : c == 'l' ? &p->lxc_path
                      : c == 'A' ? &p->act_path
                                 : NULL;

    if (to) {
        *to = value;
    } else if (c == 'n') {
        (void)snprintf(p->node, sizeof(p->node), "%s", value);
    }
    return to || c == 'n' ? 0 : -EINVAL;
}

int state_lock(const struct priv *p, const char *file, int *ret, struct err *e) {
    int r;

    *ret = openat(p->state_fd, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    do {
        r = *ret < 0 || flock(*ret, LOCK_EX) < 0 ? -errno : 0;
    } while (r == -EINTR);
    return r < 0 ? err_set(e, r, "lock %s: %s", file, strerror(-r)) : 0;
}

int cluster_path(const struct priv *p, const char *dir, const char *name, char ret[static 4096],
                 struct err *e) {
    int n = snprintf(ret, 4096, "%s/%s%s%s", p->cluster_fs, dir, name ? "/" : "", name ? name : "");

    return n > 0 && n < 4096 ? 0 : err_set(e, -ENAMETOOLONG, "path too long");
}

int cluster_place(const struct priv *p, const char *dir, mode_t mode, const char *name,
                  char ret[static 4096], struct err *e) {
    int r = cluster_path(p, dir, NULL, ret, e);

    r = r < 0 ? r : dir_make(AT_FDCWD, ret, mode, e);
    return r < 0 ? r : cluster_path(p, dir, name, ret, e);
}

const char *under(const char *dir, const char *name, char ret[static UNDER_ROOM]) {
    (void)snprintf(ret, UNDER_ROOM, "%s/%.80s", dir, name);
    return ret;
}

DIR *cluster_dir(const struct priv *p, const char *dir) {
    char path[4096];

    return cluster_path(p, dir, NULL, path, NULL) < 0 ? NULL : dir_open(AT_FDCWD, path);
}

int priv_key_read(const struct priv *p, const char *file, struct skey *ret, struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    struct key_text k;
    int r = fields_load(&key_form, p->state_fd, file, &l, &k, e);

    if (r == 0 && skey_make(k.name, strcmp(k.type, "cosign") == 0 ? NOTE_COSIGN : NOTE_ED25519,
                            k.seed, ret) < 0) {
        r = err_set(e, -EBADMSG, "%s: not a key", file);
    }
    explicit_bzero(k.seed, sizeof(k.seed));
    return r;
}

/* A new key pair, named after the node and what it is for. */
int priv_key_make(const struct priv *p, const char *file, const char *role, const char *type,
                  struct err *e) {
    char name[80];
    struct key_text k = {.name = name, .type = type};
    int r;

    (void)snprintf(name, sizeof(name), "%s/%s", p->node, role);
    random_bytes(k.seed, sizeof(k.seed));
    r = fields_save(&key_form, p->state_fd, file, &k, e);
    explicit_bzero(k.seed, sizeof(k.seed));
    return r;
}

/* A key that signs what it cannot verify is not used. (It also leaves libcrypto's algorithms looked
 * up in the resident, so that no child has to.) */
static int key_try(const struct skey *k, struct err *e) {
    uint8_t sig[NOTE_SIG_LEN];

    return ed25519_sign(k->seed, "x", 1, sig) == 0 && ed25519_check(k->v.pub, "x", 1, sig) == 0
               ? 0
               : err_set(e, -EBADMSG, "the key %s does not work", k->v.name);
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int priv_read_keys(struct priv *p, struct err *e) {
    struct stat st[2] = {0};
    int r;

    (void)fstatat(p->state_fd, "receipt.key", &st[0], AT_SYMLINK_NOFOLLOW);
    (void)fstatat(p->state_fd, "witness.key", &st[1], AT_SYMLINK_NOFOLLOW);
    if (p->has_keys && same_file(&st[0], &p->keys_of[0]) && same_file(&st[1], &p->keys_of[1])) {
        return 0;
    }
    p->has_keys = false;
    r = priv_key_read(p, "witness.key", &p->witness, e);
    if (r == -ENOENT) {
        r = priv_key_make(p, "witness.key", "witness", "cosign", e);
        r = r < 0 ? r : priv_key_read(p, "witness.key", &p->witness, e);
    }
    r = r < 0 ? r : key_try(&p->witness, e);
    if (r < 0) {
        return r;
    }
    r = priv_key_read(p, "receipt.key", &p->receipt, e);
    p->has_keys = r == 0 || r == -ENOENT;
    memcpy(p->keys_of, st, sizeof(st));
    p->has_receipt_key = r == 0;
    if (r == 0) {
        hex_encode(p->receipt.v.id, sizeof(p->receipt.v.id), p->receipt_id);
    }
    return r == -ENOENT ? 0 : r;
}

int priv_open(struct priv *p, struct err *e) {
    static const char *const dirs[] = {"journal", "clients", "revoked", "running",
                                       "ops",     "points",  "fork",    "revert"};
    struct stat st;
    int r = dir_make(AT_FDCWD, p->state_dir, 0700, e);

    if (r < 0) {
        return r;
    }
    p->state_fd = open(p->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (p->state_fd < 0 || fstat(p->state_fd, &st) < 0) {
        return err_set(e, -errno, "open %s: %s", p->state_dir, strerror(errno));
    }
    if (st.st_uid != geteuid() || (st.st_mode & 077)) {
        (void)err_tag(e, -EPERM, "file_not_private", "%s is open to others", p->state_dir);
        return err_hint(e, "run: chown root %s && chmod 700 %s", p->state_dir, p->state_dir);
    }
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        r = dir_make(p->state_fd, dirs[i], 0700, e);
        if (r < 0) {
            return r;
        }
    }
    return priv_read_keys(p, e);
}

void priv_close(struct priv *p) {
    journal_forget(p);
    skey_done(&p->witness);
    skey_done(&p->receipt);
    closep(&p->state_fd);
}

/* "journal" carries an id that `armed` repeats: either of them alone (a restored key, a lost
 * journal) is not armed. */
bool priv_armed(const struct priv *p) {
    CLEANUP(buf_done) struct buf id = BUF_INIT(64);
    CLEANUP(lines_done) struct lines l = {0};
    struct armed a;

    return p->has_receipt_key &&
           fields_load(&priv_arm_form, p->state_fd, "armed", &l, &a, NULL) == 0 &&
           file_read(p->state_fd, "journal/id", &id, NULL) == 0 &&
           (strcmp(a.receipt_key[0], p->receipt_id) == 0 ||
            (a.receipt_key[1] && strcmp(a.receipt_key[1], p->receipt_id) == 0)) &&
           strcmp(a.journal, buf_str(&id)) == 0;
}

/* Anything but a clear "there is no such file" counts as being there. */
static bool denies(int dirfd, const char *path) {
    struct stat st;

    return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno != ENOENT && errno != ENOTDIR);
}

static bool denied(const struct priv *p, const char *name) {
    char path[4096];

    return denies(p->state_fd, name) || cluster_path(p, "pveagentd", name, path, NULL) < 0 ||
           denies(AT_FDCWD, path);
}

bool priv_frozen(const struct priv *p) {
    return denied(p, "freeze");
}

bool priv_revoked(const struct priv *p, const struct hash *spki) {
    return denied(p, UNDER("revoked", HEX_STR(spki)));
}
