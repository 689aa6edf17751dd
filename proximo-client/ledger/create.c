/* SPDX-License-Identifier: Apache-2.0 */
/* Making and opening a log. A log is made beside its place and moved there whole, so that no half
 * one is ever found; opening goes through no link and checks who can read the key. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/lines.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/genesis.h"

static const struct line_key identity_keys[] = {{"origin", false, true}, {"vkey", false, true}};
static const struct line_key seed_keys[] = {{"seed", false, true}};

static int newer(const char *what, struct err *e) {
    (void)err_wrap(e, "%s", what);
    return err_hint(e, "if it was written by a newer version: upgrade proximo-client");
}

static int read_seed(struct ledger *l, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_LINE);
    CLEANUP(lines_done) struct lines ln = {0};
    uint8_t seed[NOTE_SEED_LEN];
    const char *hex;
    int r = file_read_private(l->dir, "key", geteuid(), &b, e);

    if (r == -ENOENT) {
        return 0; /* it may live elsewhere: this log can be read, not continued */
    }
    if (r < 0) {
        return r;
    }
    r = lines_parse(buf_str(&b), b.len, KEY_HEAD, seed_keys, ARRAY_LEN(seed_keys), &ln, e);
    if (r < 0) {
        return newer("ledger key", e);
    }
    hex = lines_get(&ln, seed_keys, "seed");
    if (!ident_is_hex(hex, 2 * sizeof(seed)) || hex_decode(hex, 2 * sizeof(seed), seed) < 0) {
        return err_set(e, -EBADMSG, "ledger key: not a seed");
    }
    r = skey_make(l->origin, NOTE_ED25519, seed, &l->key);
    explicit_bzero(seed, sizeof(seed));
    explicit_bzero(ln.store, strlen(ln.store));
    if (r < 0 || !vkey_eq(&l->key.v, &l->vkey)) {
        return err_set(e, -EBADMSG, "ledger key: it is not the key of %s", l->origin);
    }
    l->has_key = true;
    return 0;
}

int create_read_identity(struct ledger *l, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    CLEANUP(lines_done) struct lines ln = {0};
    const char *origin;
    int r = file_read(l->dir, "origin", &b, e);

    if (r < 0) {
        return r;
    }
    r = lines_parse(buf_str(&b), b.len, LEDGER_HEAD, identity_keys, ARRAY_LEN(identity_keys), &ln,
                    e);
    if (r < 0) {
        return newer("ledger", e);
    }
    origin = lines_get(&ln, identity_keys, "origin");
    r = vkey_parse(lines_get(&ln, identity_keys, "vkey"), &l->vkey, e);
    if (r < 0 || origin_check(origin) < 0 || strcmp(origin, l->vkey.name) != 0 ||
        l->vkey.type != NOTE_ED25519) {
        return err_set(e, -EBADMSG, "ledger: its origin and its key do not belong together");
    }
    memcpy(l->origin, origin, strlen(origin) + 1);
    return 0;
}

static int open_derived(struct ledger *l, struct err *e) {
    l->lock_fd = openat(l->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    l->reserve_fd = openat(l->dir, "reserve", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    l->users_fd = openat(l->dir, "users", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock_fd < 0 || l->reserve_fd < 0 || l->users_fd < 0) {
        return err_set(e, -errno, "open ledger %s: %s", l->path, strerror(errno));
    }
    if (flock(l->users_fd, LOCK_SH | LOCK_NB) < 0) {
        (void)err_tag(e, -EBUSY, "ledger_busy", "the ledger is being recovered or restarted");
        return err_hint(e, "wait for that process");
    }
    if (mkdirat(l->dir, "index", 0700) < 0 && errno != EEXIST && errno != ENOSPC) {
        return err_set(e, -errno, "open ledger %s: %s", l->path, strerror(errno));
    }
    l->offset_fd = openat(l->dir, "index/offset", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return 0; /* without the offsets every read scans its segment: slow, not wrong */
}

static struct ledger *ledger_new(void) {
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l) {
        return NULL;
    }
    l->users_fd = l->dir = l->lock_fd = l->seg_fd = l->offset_fd = l->reserve_fd = l->read_fd = -1;
    for (size_t i = 0; i < ARRAY_LEN(l->level_fd); i++) {
        l->level_fd[i] = -1;
    }
    l->note.max = LIM_NOTE;
    return l;
}

void ledger_close(struct ledger *l) {
    if (!l) {
        return;
    }
    index_free(l->index);
    skey_done(&l->key);
    for (size_t i = 0; i < ARRAY_LEN(l->level_fd); i++) {
        closep(&l->level_fd[i]);
    }
    closep(&l->seg_fd);
    closep(&l->read_fd);
    closep(&l->offset_fd);
    closep(&l->reserve_fd);
    closep(&l->users_fd);
    closep(&l->lock_fd);
    closep(&l->dir);
    buf_done(&l->note);
    free(l->path);
    free(l);
}

static int open_dir(struct ledger *l, const char *dir, struct err *e) {
    struct stat st;

    l->path = strdup(dir);
    if (!l->path) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (l->dir < 0) {
        return err_set(e, -errno, "open ledger %s: %s", dir, strerror(errno));
    }
    if (fstat(l->dir, &st) < 0) {
        return err_set(e, -errno, "stat ledger %s: %s", dir, strerror(errno));
    }
    if (st.st_uid != geteuid() || (st.st_mode & 077)) {
        (void)err_tag(e, -EPERM, "file_not_private", "ledger %s is open to others", dir);
        return err_hint(e, "chown it to its user and run: chmod 700 %s", dir);
    }
    return 0;
}

int ledger_open(const char *dir, struct ledger **ret, struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = ledger_new();
    CLEANUP(lock_dropp) struct ledger *held = NULL;
    int r;

    if (!l) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = open_dir(l, dir, e);
    r = r < 0 ? r : create_use_identity(l, e);
    r = r < 0 ? r : lock_take(l, e);
    if (r < 0) {
        return r;
    }
    held = l;
    r = recover_open(l, e);
    r = r < 0 ? r : append_recovery(l, e);
    if (r < 0) {
        return r;
    }
    lock_dropp(&held);
    held = NULL;
    care_sweep(l);
    *ret = TAKE(l);
    return 0;
}

const char *ledger_damage(const struct ledger *l) {
    return l->damaged ? l->damage : NULL;
}

int create_no_key(const struct ledger *l, struct err *e) {
    (void)err_tag(e, -ENOKEY, "ledger_key", "the ledger's signing key is not in %s", l->path);
    return err_hint(e, "put the key file back, or append where it is");
}

bool ledger_has_key(const struct ledger *l) {
    return l->has_key;
}

const char *ledger_dir(const struct ledger *l) {
    return l->path;
}

const char *ledger_origin(const struct ledger *l) {
    return l->origin;
}

const struct vkey *ledger_vkey(const struct ledger *l) {
    return &l->vkey;
}

int ledger_sign(struct ledger *l, const char *text, size_t len, struct buf *ret, struct err *e) {
    size_t n = strlen(l->origin);

    if (!ledger_has_key(l) || (len >= n && memcmp(text, l->origin, n) == 0)) {
        return err_set(e, -EINVAL, "the log's key does not sign that");
    }
    return note_sign(text, len, &l->key, ret, e);
}

uint64_t ledger_size(struct ledger *l) {
    (void)recover_refresh(l, NULL);
    return l->edge.size;
}

/* Origin and keys: the name of the key is the origin, and the origin names the key's hash. */
static int make_key(const struct ledger_genesis *g, struct skey *ret, struct err *e) {
    uint8_t pub[NOTE_PUB_LEN];
    uint8_t seed[NOTE_SEED_LEN];
    char origin[ORIGIN_MAX + 1];
    struct hash h;
    char hex[17];
    int r;

    if (g->seed) {
        memcpy(seed, g->seed, sizeof(seed));
    } else {
        random_bytes(seed, sizeof(seed));
    }
    r = ed25519_public(seed, pub);
    if (r == 0) {
        sha256(pub, sizeof(pub), &h);
        hex_encode(h.b, 8, hex);
        (void)snprintf(origin, sizeof(origin), "proximo/%s/%s", g->cluster, hex);
        r = skey_make(origin, NOTE_ED25519, seed, ret);
    }
    explicit_bzero(seed, sizeof(seed));
    return r < 0 ? err_set(e, r, "make the ledger's key: %s", strerror(-r)) : 0;
}

static int write_identity(int dir, const struct skey *key, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_LINE);
    CLEANUP(buf_done) struct buf vk = BUF_INIT(LIM_LINE);
    char hex[2 * NOTE_SEED_LEN + 1];
    int r = vkey_text(&key->v, &vk);

    hex_encode(key->seed, NOTE_SEED_LEN, hex);
    r = r < 0 ? r : buf_adds(&b, KEY_HEAD "\n");
    r = r < 0 ? r : lines_put(&b, "seed", hex);
    explicit_bzero(hex, sizeof(hex));
    r = r < 0 ? r : file_replace(dir, "key", buf_str(&b), b.len, 0600, e);
    buf_wipe(&b);
    r = r < 0 ? r : buf_adds(&b, LEDGER_HEAD "\n");
    r = r < 0 ? r : lines_put(&b, "origin", key->v.name);
    r = r < 0 ? r : lines_put(&b, "vkey", buf_str(&vk));
    return r < 0 ? r : file_replace(dir, "origin", buf_str(&b), b.len, 0600, e);
}

static int write_genesis(struct ledger *l, const struct ledger_genesis *g, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf vk = BUF_INIT(LIM_LINE);
    char policy[HASH_HEX_LEN + 1];
    int r = vkey_text(&l->vkey, &vk);

    hash_text(g->policy, policy);
    r = r < 0 ? r : entry_begin(&b, ENTRY_GENESIS, clock_unix(), "proximo");
    r = r < 0 ? r : lines_put(&b, "origin", l->origin);
    r = r < 0 ? r : lines_put(&b, "vkey", buf_str(&vk));
    r = r < 0 ? r : lines_put(&b, "policy", policy);
    for (size_t i = 0; r == 0 && i < g->n_continues; i++) {
        r = lines_put(&b, "continues", g->continues[i]);
    }
    if (r < 0) {
        return err_set(e, r, "genesis entry: %s", strerror(-r));
    }
    r = append_summary(&b, g->reason, e);
    return r < 0 ? r : append_first(l, buf_str(&b), b.len, e);
}

int create_skeleton(const char *dir, struct ledger **ret, struct err *e) {
    static const char *const parts[] = {"entries", "level",   "bodies",
                                        "secrets", "running", "index"};
    CLEANUP(ledger_closep) struct ledger *l = ledger_new();
    int r;

    if (mkdir(dir, 0700) < 0) {
        return err_set(e, -errno, "make %s: %s", dir, strerror(errno));
    }
    r = l ? open_dir(l, dir, e) : err_set(e, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
        r = dir_make(l->dir, parts[i], 0700, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = TAKE(l);
    return 0;
}

int create_use_identity(struct ledger *l, struct err *e) {
    int r = create_read_identity(l, e);

    r = r < 0 ? r : read_seed(l, e);
    return r < 0 ? r : open_derived(l, e);
}

static int fill(const char *dir, const struct ledger_genesis *g, struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    struct skey key;
    int r = create_skeleton(dir, &l, e);

    r = r < 0 ? r : make_key(g, &key, e);
    if (r < 0) {
        return r;
    }
    r = write_identity(l->dir, &key, e);
    skey_done(&key);
    r = r < 0 ? r : create_use_identity(l, e);
    r = r < 0 ? r : write_genesis(l, g, e);
    return r < 0 ? r : dir_sync(l->dir, ".");
}

void dir_remove(int dirfd, const char *name, unsigned int depth) {
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;

    while (d && (de = readdir(d))) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(fd, de->d_name, 0) < 0 && depth) {
            dir_remove(fd, de->d_name, depth - 1);
        }
    }
    if (d) {
        (void)closedir(d);
    }
    (void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

static int make_parent(const char *dir, char *parent, size_t size, struct err *e) {
    const char *slash = strrchr(dir, '/');

    if (!slash || slash == dir) {
        (void)snprintf(parent, size, "%s", slash ? "/" : ".");
        return 0;
    }
    (void)snprintf(parent, size, "%.*s", (int)(slash - dir), dir);
    return dir_make(AT_FDCWD, parent, 0700, e);
}

int ledger_create_from(const char *dir, const struct ledger_genesis *g, struct err *e) {
    char tmp[4096];
    char parent[4096];
    struct stat st;
    int r;

    if (!ident_is_cluster(g->cluster)) {
        return err_set(e, -EINVAL, "\"%s\" cannot be a cluster's name", g->cluster);
    }
    if (strlen(dir) + 32 > sizeof(tmp) || !*dir || dir[strlen(dir) - 1] == '/') {
        return err_set(e, -ENAMETOOLONG, "ledger directory: bad name");
    }
    if (lstat(dir, &st) == 0) {
        return err_set(e, -EEXIST, "%s is there already", dir);
    }
    r = make_parent(dir, parent, sizeof(parent), e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(tmp, sizeof(tmp), "%s.new.%d", dir, (int)getpid());
    dir_remove(AT_FDCWD, tmp, 2); /* of a dead process that had our id */
    r = fill(tmp, g, e);
    /* Two may try at once: the second finds the first one's directory not empty. */
    if (r == 0 && rename(tmp, dir) < 0) {
        r = errno == ENOTEMPTY ? -EEXIST : -errno;
        (void)err_set(e, r, "make %s: %s", dir, strerror(-r));
    }
    if (r < 0) {
        dir_remove(AT_FDCWD, tmp, 2);
        return store_space(r, "a new ledger", e);
    }
    r = dir_sync(AT_FDCWD, parent);
    return r < 0 ? err_set(e, r, "sync %s: %s", parent, strerror(-r)) : 0;
}

int ledger_create(const char *dir, const char *cluster, const struct hash *policy, struct err *e) {
    struct ledger_genesis g = {.cluster = cluster, .policy = policy};

    return ledger_create_from(dir, &g, e);
}
