/* SPDX-License-Identifier: Apache-2.0 */
/* The root half's directory: keys, arming, freeze, revocations (runs as root, in the resident, in
 * its children and in pveagentctl). Invariant: a denial is a file whose mere existence denies;
 * nothing has to parse for it to bite, and what cannot be looked up counts as denied. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/lines.h"
#include "common/own.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/priv.h"

#define KEY_HEAD "proximo-key/v1"
#define ARM_HEAD "proximo-armed/v1"

static const struct line_key key_keys[] = {
    {"name", false, true}, {"type", false, true}, {"seed", false, true}};
static const struct line_key arm_keys[] = {{"receipt-key", false, true}, {"journal", false, true}};

bool path_join(char *ret, size_t size, const char *a, const char *b) {
    int n = snprintf(ret, size, "%s/%s", a, b);

    return n > 0 && (size_t)n < size;
}

static int key_read(const struct priv *p, const char *file, struct skey *ret, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(4096);
    CLEANUP(lines_done) struct lines l = {0};
    uint8_t seed[NOTE_SEED_LEN];
    const char *type;
    int r = file_read_private(p->state_fd, file, geteuid(), &b, e);

    r = r < 0 ? r : lines_parse(buf_str(&b), b.len, KEY_HEAD, key_keys, ARRAY_LEN(key_keys), &l, e);
    if (r < 0) {
        return r;
    }
    type = lines_get(&l, key_keys, "type");
    if (strlen(lines_get(&l, key_keys, "seed")) != (size_t)2 * NOTE_SEED_LEN ||
        hex_decode(lines_get(&l, key_keys, "seed"), (size_t)2 * NOTE_SEED_LEN, seed) < 0 ||
        skey_make(lines_get(&l, key_keys, "name"),
                  strcmp(type, "cosign") == 0 ? NOTE_COSIGN : NOTE_ED25519, seed, ret) < 0) {
        return err_set(e, -EBADMSG, "%s: not a key", file);
    }
    explicit_bzero(seed, sizeof(seed));
    return 0;
}

int priv_key_make(struct priv *p, const char *file, const char *name, uint8_t type, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(4096);
    uint8_t seed[NOTE_SEED_LEN];
    char hex[2 * NOTE_SEED_LEN + 1];
    int r;

    random_bytes(seed, sizeof(seed));
    hex_encode(seed, sizeof(seed), hex);
    r = buf_adds(&b, KEY_HEAD "\n");
    r = r < 0 ? r : lines_put(&b, "name", name);
    r = r < 0 ? r : lines_put(&b, "type", type == NOTE_COSIGN ? "cosign" : "ed25519");
    r = r < 0 ? r : lines_put(&b, "seed", hex);
    r = r < 0 ? err_set(e, r, "out of memory")
              : file_replace(p->state_fd, file, b.data, b.len, 0600, e);
    explicit_bzero(seed, sizeof(seed));
    explicit_bzero(hex, sizeof(hex));
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

int priv_read_keys(struct priv *p, struct err *e) {
    char name[NOTE_NAME_MAX + 1];
    struct stat st = {0};
    int r;

    (void)fstatat(p->state_fd, "receipt.key", &st, AT_SYMLINK_NOFOLLOW);
    if (p->has_keys && st.st_ino == p->keys_of.st_ino &&
        st.st_mtim.tv_sec == p->keys_of.st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == p->keys_of.st_mtim.tv_nsec) {
        return 0;
    }
    p->has_keys = false;
    r = key_read(p, "witness.key", &p->witness, e);
    if (r == -ENOENT) {
        (void)snprintf(name, sizeof(name), "%s/witness", p->node);
        r = priv_key_make(p, "witness.key", name, NOTE_COSIGN, e);
        r = r < 0 ? r : key_read(p, "witness.key", &p->witness, e);
    }
    r = r < 0 ? r : key_try(&p->witness, e);
    if (r < 0) {
        return r;
    }
    r = key_read(p, "receipt.key", &p->receipt, e);
    p->has_keys = r == 0 || r == -ENOENT;
    p->keys_of = st;
    p->has_receipt_key = r == 0;
    if (r == 0) {
        hex_encode(p->receipt.v.id, sizeof(p->receipt.v.id), p->receipt_id);
    }
    return r == -ENOENT ? 0 : r;
}

int priv_open(struct priv *p, struct err *e) {
    static const char *const dirs[] = {"journal", "clients", "revoked", "running",
                                       "ops",     "points",  "fork"};
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
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    CLEANUP(buf_done) struct buf id = BUF_INIT(64);
    CLEANUP(lines_done) struct lines l = {0};

    return p->has_receipt_key && file_read(p->state_fd, "armed", &b, NULL) == 0 &&
           lines_parse(buf_str(&b), b.len, ARM_HEAD, arm_keys, ARRAY_LEN(arm_keys), &l, NULL) ==
               0 &&
           file_read(p->state_fd, "journal/id", &id, NULL) == 0 &&
           strcmp(lines_get(&l, arm_keys, "receipt-key"), p->receipt_id) == 0 &&
           strcmp(lines_get(&l, arm_keys, "journal"), buf_str(&id)) == 0;
}

int priv_arm(struct priv *p, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    char name[NOTE_NAME_MAX + 1];
    uint8_t raw[16];
    char id[33];
    int r;

    (void)snprintf(name, sizeof(name), "%s/receipt", p->node);
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), id);
    r = priv_key_make(p, "receipt.key", name, NOTE_ED25519, e);
    r = r < 0 ? r : priv_read_keys(p, e);
    r = r < 0 ? r : file_replace(p->state_fd, "journal/id", id, strlen(id), 0600, e);
    if (r < 0) {
        return r;
    }
    r = buf_adds(&b, ARM_HEAD "\n");
    r = r < 0 ? r : lines_put(&b, "receipt-key", p->receipt_id);
    r = r < 0 ? r : lines_put(&b, "journal", id);
    return r < 0 ? err_set(e, r, "out of memory")
                 : file_replace(p->state_fd, "armed", b.data, b.len, 0600, e);
}

/* Anything but a clear "there is no such file" counts as being there. */
static bool denies(int dirfd, const char *path) {
    struct stat st;

    return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno != ENOENT && errno != ENOTDIR);
}

static bool denied(const struct priv *p, const char *name) {
    char path[4096];

    return denies(p->state_fd, name) ||
           !path_join(path, sizeof(path), p->cluster_fs, "pveagentd") ||
           !path_join(path + strlen(path), sizeof(path) - strlen(path), "", name) ||
           denies(AT_FDCWD, path);
}

bool priv_frozen(const struct priv *p) {
    return denied(p, "freeze");
}

static void revoked_name(const struct hash *spki, char ret[static 80]) {
    char hex[65];

    hex_encode(spki->b, HASH_LEN, hex);
    (void)snprintf(ret, 80, "revoked/%s", hex);
}

bool priv_revoked(const struct priv *p, const struct hash *spki) {
    char name[80];

    revoked_name(spki, name);
    return denied(p, name);
}

/* Writes (or removes) a denial in both places; the local one first, because it always can. */
static int deny_both(struct priv *p, const char *name, bool on, struct err *e) {
    char path[4096];
    char dir[4096];
    int r = 0;

    if (!path_join(dir, sizeof(dir), p->cluster_fs, "pveagentd") ||
        !path_join(path, sizeof(path), dir, name)) {
        return err_set(e, -ENAMETOOLONG, "path too long");
    }
    if (on) {
        r = file_replace(p->state_fd, name, "\n", 1, 0600, e);
        (void)dir_make(AT_FDCWD, dir, 0755, NULL);
        if (strchr(name, '/')) {
            (void)path_join(dir + strlen(dir), sizeof(dir) - strlen(dir), "", "revoked");
            (void)dir_make(AT_FDCWD, dir, 0755, NULL);
        }
        return r < 0 ? r : file_replace(AT_FDCWD, path, "\n", 1, 0644, e);
    }
    if (unlinkat(p->state_fd, name, 0) < 0 && errno != ENOENT) {
        r = err_set(e, -errno, "remove %s: %s", name, strerror(errno));
    }
    if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR) {
        r = err_set(e, -errno, "remove %s: %s", path, strerror(errno));
    }
    return r;
}

int priv_freeze(struct priv *p, bool on, struct err *e) {
    return deny_both(p, "freeze", on, e);
}

int priv_revoke(struct priv *p, const struct hash *spki, struct err *e) {
    char name[80];

    revoked_name(spki, name);
    return deny_both(p, name, true, e);
}
