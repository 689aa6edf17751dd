/* SPDX-License-Identifier: Apache-2.0 */
/* The journal (root; written by request children under the origin's lock, replayed by the
 * resident). Invariants: a record is whole or it is not there (length and hash in front, one write,
 * one sync); behind the last one is room, zeros, so that the next needs no other metadata; a torn
 * last record was never answered for, so it may be cut; a bad record before others means that
 * somebody else wrote here, and the origin is closed. */
#include "pveagentd/priv/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/priv.h"

#define RECORD_HEAD "proximo-journal/v1"
#define FRAME       12 /* u32 length, 8 bytes of the payload's hash */
#define RECORD_MAX  (LIM_NOTE + 8192)
#define RESERVE     (256 * 1024)
#define ROOM        (32 * 1024) /* zeros that the file has behind its last record */

static const struct line_key keys[] = {
    {"kind", false, true},     {"time", false, true},      {"note", false, false},
    {"plan", false, false},    {"request", false, false},  {"intent", false, false},
    {"index", false, false},   {"approval", false, false}, {"client", false, false},
    {"ct", false, false},      {"head", false, false},     {"seq", false, false},
    {"receipt", false, false}, {"acked", false, false},    {"released", false, false},
    {"floor", false, false},   {"last", false, false},     {"origin", false, false},
};

/* "" and 0 for what is not there: no hash and no name is empty. */
static const char *get(const struct lines *l, const char *name) {
    const char *s = lines_get(l, keys, name);

    return s ? s : "";
}

static uint64_t get_u64(const struct lines *l, const char *name) {
    uint64_t v = 0;

    return ident_u64(get(l, name), &v) == 0 ? v : 0;
}

static const char *journal_path(const struct origin *o, const char *tail, char ret[static 96]) {
    (void)snprintf(ret, 96, "journal/%s%s", o->id, tail);
    return ret;
}

struct origin *origin_by_id(struct priv *p, const char *id) {
    struct origin *o = p->origins;

    while (o && strcmp(o->id, id) != 0) {
        o = o->next;
    }
    return o;
}

static struct origin *origin_add(struct priv *p, const char *id) {
    struct origin *o = calloc(1, sizeof(*o));

    if (o) {
        (void)snprintf(o->id, sizeof(o->id), "%.*s", (int)sizeof(o->id) - 1, id);
        o->next = p->origins;
        p->origins = o;
    }
    return o;
}

struct origin *origin_get(struct priv *p, const char *name) {
    struct hash h;
    struct origin *o;

    sha256(name, strlen(name), &h);
    o = origin_by_id(p, HEX_STR(&h));
    if (!o && strlen(name) <= ORIGIN_MAX && (o = origin_add(p, HEX_STR(&h))) != NULL) {
        memcpy(o->name, name, strlen(name) + 1);
    }
    return o;
}

void journal_forget(struct priv *p) {
    while (p->origins) {
        struct origin *o = p->origins;

        p->origins = o->next;
        free(o->note);
        free(o->act);
        free(o);
    }
}

bool act_is_sweep(const struct act_rec *a) {
    static const struct hash none;

    return hash_eq(&a->plan, &none);
}

struct act_rec *journal_find(const struct origin *o, const struct hash *plan,
                             const struct hash *request) {
    for (size_t i = o->n_acts; i-- > 0;) {
        struct act_rec *a = &o->act[i];

        if (hash_eq(&a->request, request) && (plan ? hash_eq(&a->plan, plan) : !act_is_sweep(a))) {
            return a;
        }
    }
    return NULL;
}

size_t journal_open_receipts(const struct origin *o) {
    size_t n = 0;

    for (size_t i = 0; i < o->n_acts; i++) {
        n += !o->act[i].acked;
    }
    return n;
}

static int apply_head(struct origin *o, const char *text, int64_t time) {
    struct note n;
    struct checkpoint c;
    char *copy;

    if (note_parse(text, strlen(text), &n, NULL) < 0 ||
        checkpoint_parse(n.text, n.text_len, &c, NULL) < 0 || strcmp(c.origin, o->name) != 0) {
        return -EBADMSG;
    }
    copy = strdup(text);
    if (!copy) {
        return -ENOMEM;
    }
    free(o->note);
    o->note = copy;
    o->has_head = true;
    o->size = c.size;
    o->root = c.root;
    o->head_time = time;
    return 0;
}

static int apply_start(struct origin *o, const struct lines *l, int64_t time) {
    struct act_rec a = {.started = time};
    struct act_rec *v;

    if (hash_parse(get(l, "plan"), &a.plan) < 0 || hash_parse(get(l, "request"), &a.request) < 0 ||
        hash_parse(get(l, "intent"), &a.intent) < 0) {
        return -EBADMSG;
    }
    a.index = get_u64(l, "index");
    a.ct = (uint32_t)get_u64(l, "ct");
    a.head = get_u64(l, "head");
    a.seq = get_u64(l, "seq"); /* only in a pruned file */
    a.acked = a.seq != 0;
    (void)snprintf(a.approval, sizeof(a.approval), "%s", get(l, "approval"));
    (void)snprintf(a.client, sizeof(a.client), "%s", get(l, "client"));
    v = reallocarray(o->act, o->n_acts + 1, sizeof(*v));
    if (!v) {
        return -ENOMEM;
    }
    o->act = v;
    o->act[o->n_acts++] = a;
    return 0;
}

static int apply_end(struct origin *o, const struct lines *l, uint64_t at) {
    struct hash plan;
    struct hash request;
    struct act_rec *a;

    if (!*get(l, "receipt") || hash_parse(get(l, "plan"), &plan) < 0 ||
        hash_parse(get(l, "request"), &request) < 0 || !(a = journal_find(o, &plan, &request))) {
        return -EBADMSG;
    }
    o->seq = get_u64(l, "seq");
    sha256(get(l, "receipt"), strlen(get(l, "receipt")), &o->last);
    a->seq = o->seq;
    a->note_at = at;
    a->released = *get(l, "released") != '\0';
    return 0;
}

static int apply_ack(struct origin *o, uint64_t upto) {
    o->acked = upto > o->acked ? upto : o->acked;
    for (size_t i = 0; i < o->n_acts; i++) {
        if (o->act[i].seq && o->act[i].seq <= o->acked) {
            o->act[i].acked = true;
        }
    }
    return 0;
}

static int apply_floor(struct origin *o, const struct lines *l) {
    o->floor = get_u64(l, "floor");
    o->seq = get_u64(l, "seq");
    o->acked = get_u64(l, "acked");
    return *get(l, "last") && hash_parse(get(l, "last"), &o->last) < 0 ? -EBADMSG : 0;
}

/* A journal found on disk says whose it is; the file's name must agree. */
static bool is_of(struct origin *o, const char *name) {
    struct hash h;

    if (!o->name[0] && strlen(name) <= ORIGIN_MAX) {
        sha256(name, strlen(name), &h);
        if (strcmp(HEX_STR(&h), o->id) == 0) {
            memcpy(o->name, name, strlen(name) + 1);
        }
    }
    return o->name[0] && strcmp(o->name, name) == 0;
}

static int apply(struct origin *o, const char *payload, size_t len, uint64_t at) {
    CLEANUP(lines_done) struct lines l = {0};
    const char *kind;
    int64_t time;
    int r = lines_parse(payload, len, RECORD_HEAD, keys, ARRAY_LEN(keys), &l, NULL);

    if (r < 0 || form_no_nul(&l, keys, NULL) < 0 || form_time(get(&l, "time"), &time) < 0 ||
        !is_of(o, get(&l, "origin")) ||
        (*get(&l, "note") && apply_head(o, get(&l, "note"), time) < 0)) {
        return -EBADMSG;
    }
    o->mark = time > o->mark ? time : o->mark;
    kind = get(&l, "kind");
    return strcmp(kind, "head") == 0    ? 0
           : strcmp(kind, "start") == 0 ? apply_start(o, &l, time)
           : strcmp(kind, "end") == 0   ? apply_end(o, &l, at)
           : strcmp(kind, "ack") == 0   ? apply_ack(o, get_u64(&l, "acked"))
           : strcmp(kind, "floor") == 0 ? apply_floor(o, &l)
                                        : -EBADMSG;
}

static uint32_t frame_len(const uint8_t *f) {
    return (uint32_t)f[0] | (uint32_t)f[1] << 8 | (uint32_t)f[2] << 16 | (uint32_t)f[3] << 24;
}

static void frame_make(const char *payload, size_t len, uint8_t ret[static FRAME]) {
    struct hash h;

    sha256(payload, len, &h);
    for (size_t i = 0; i < 4; i++) {
        ret[i] = (uint8_t)(len >> (8 * i));
    }
    memcpy(ret + 4, h.b, 8);
}

static int add_record(struct buf *file, const struct buf *payload) {
    uint8_t frame[FRAME];
    int r;

    frame_make(payload->data, payload->len, frame);
    r = buf_add(file, frame, FRAME);
    return r < 0 ? r : buf_add(file, payload->data, payload->len);
}

/* The whole record at that place of a file of `size` bytes, its payload into b: 1, 0 none. */
static int record_at(int fd, uint64_t at, uint64_t size, struct buf *b) {
    uint8_t frame[FRAME];
    uint8_t made[FRAME];
    uint32_t len;

    if (at > size || size - at < FRAME) {
        return 0;
    }
    if (fd_pread_all(fd, frame, FRAME, at) < 0) {
        return -EIO;
    }
    len = frame_len(frame);
    if (!len || len > RECORD_MAX || len > size - at - FRAME) {
        return 0;
    }
    buf_reset(b);
    if (buf_reserve(b, len) < 0 || fd_pread_all(fd, b->data, len, at + FRAME) < 0) {
        return -EIO;
    }
    b->len = len;
    frame_make(b->data, len, made);
    return memcmp(made, frame, FRAME) == 0;
}

/* What follows the last whole record: room (zeros), or a write that was cut off, which was never
 * answered for. A whole record in it means that the one before was changed: -EBADMSG. */
static int check_tail(const struct origin *o, int fd, uint64_t size, struct buf *b) {
    CLEANUP(buf_done) struct buf tail = BUF_INIT(RECORD_MAX + FRAME + ROOM);
    uint64_t n = size - o->replayed;
    const char *s;
    int r = 0;

    if (n > tail.max) { /* more than one write leaves */
        return -EBADMSG;
    }
    if (buf_reserve(&tail, n) < 0 || fd_pread_all(fd, tail.data, n, o->replayed) < 0) {
        return -EIO;
    }
    for (s = tail.data; n && r == 0; s++) {
        s = memmem(s, n - (size_t)(s - tail.data), RECORD_HEAD, strlen(RECORD_HEAD));
        if (!s) {
            return 0;
        }
        if (s - tail.data >= FRAME) {
            r = record_at(fd, o->replayed + (size_t)(s - tail.data) - FRAME, size, b);
        }
    }
    return r == 1 ? -EBADMSG : r;
}

/* Applies the next record: 1; 0: there is none. */
static int replay_one(struct origin *o, int fd, uint64_t size, struct buf *b) {
    int r = record_at(fd, o->replayed, size, b);

    if (r != 1) {
        return r < 0 ? r : check_tail(o, fd, size, b);
    }
    if (apply(o, b->data, b->len, o->replayed) < 0) {
        return -EBADMSG;
    }
    if (!o->replayed) {
        frame_make(b->data, b->len, o->first);
    }
    o->replayed += FRAME + b->len;
    return 1;
}

static void forget_acts(struct origin *o) {
    free(o->act);
    o->act = NULL;
    o->n_acts = 0;
    o->replayed = 0;
}

/* A pruned journal is another file under the same name: what was replayed of the old one goes. */
static int check_rewritten(struct origin *o, int fd) {
    uint8_t first[FRAME];
    int r = o->replayed ? fd_pread_all(fd, first, FRAME, 0) : 0;

    if (r == 0 && o->replayed && memcmp(first, o->first, FRAME) != 0) {
        forget_acts(o);
    }
    return r;
}

/* Opens the file and applies what is new in it. Without the lock somebody may be writing: then what
 * is not whole yet is no damage. */
static int catch_up(struct priv *p, struct origin *o, bool locked, int *ret_fd, uint64_t *ret_size,
                    struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    char path[96];
    struct stat st;
    int r = 1;

    *ret_fd = openat(p->state_fd, journal_path(o, "", path),
                     O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0) {
        r = -errno;
        return err_tag(e, r, r == -ENOSPC ? "journal_full" : "journal_failed", "open %s: %s", path,
                       strerror(-r));
    }
    if (check_rewritten(o, *ret_fd) < 0 || (uint64_t)st.st_size < o->replayed) {
        o->damaged = true; /* what we acted on is gone */
    }
    *ret_size = (uint64_t)st.st_size;
    while (!o->damaged && r == 1) {
        r = replay_one(o, *ret_fd, *ret_size, &b);
    }
    o->damaged = o->damaged || (r == -EBADMSG && locked);
    p->mark = o->mark > p->mark ? o->mark : p->mark;
    if (o->damaged) {
        (void)err_tag(e, -EBADMSG, "journal_damaged", "this node's journal of %s is damaged",
                      o->name[0] ? o->name : o->id);
        return err_hint(e, "as root on the node: look into %s, then pveagentctl arm", path);
    }
    return r < 0 ? err_set(e, r, "journal %.16s cannot be read", o->id) : 0;
}

int journal_replay_all(struct priv *p, struct err *e) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "journal");
    const char *name;

    /* An entry for every file whose origin is not known yet; its records name it. */
    while ((name = dir_next(d)) != NULL) {
        if (ident_is_hex(name, 64) && !origin_by_id(p, name)) {
            (void)origin_add(p, name);
        }
    }
    for (struct origin *o = p->origins; d && o; o = o->next) {
        CLEANUP(closep) int fd = -1;
        uint64_t size;

        (void)catch_up(p, o, false, &fd, &size,
                       NULL); /* a damaged one is refused when it is asked for */
    }
    return d ? 0 : err_set(e, -EIO, "the journal directory cannot be read");
}

int origin_lock(struct priv *p, struct origin *o, int *ret_fd, struct err *e) {
    CLEANUP(closep) int lock = -1;
    CLEANUP(closep) int fd = -1;
    uint64_t size;
    char path[96];
    int r;

    lock = openat(p->state_fd, journal_path(o, ".lock", path),
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    do {
        r = lock < 0 || flock(lock, LOCK_EX) < 0 ? -errno : 0;
    } while (r == -EINTR);
    if (r < 0) {
        return err_tag(e, r, r == -ENOSPC ? "journal_full" : "journal_failed", "lock %s: %s", path,
                       strerror(-r));
    }
    r = catch_up(p, o, true, &fd, &size, e);
    if (r == 0) {
        *ret_fd = TAKE_FD(lock);
    }
    return r;
}

int journal_reserve(struct priv *p, struct err *e) {
    CLEANUP(closep)
    int fd = openat(p->state_fd, "reserve", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? errno : posix_fallocate(fd, 0, RESERVE);

    return r ? err_tag(e, -r, "journal_full", "no room for this node's records: %s", strerror(r))
             : 0;
}

/* One write, one sync. Where there is room the write changes nothing but the record's own bytes,
 * and the sync need not wait for the file system's journal; where there is none it makes some
 * behind the record. A failure is taken back so that the next record follows the last good one. */
static int write_synced(const struct priv *p, const struct origin *o, int fd, uint64_t size,
                        struct buf *b, bool use_reserve) {
    size_t len = b->len;
    int r = 0;

    if (o->replayed + len > size) {
        r = ftruncate(fd, (off_t)o->replayed) < 0 ? -errno : buf_reserve(b, ROOM);
        if (r == 0) {
            memset(b->data + len, 0, ROOM);
            b->len += ROOM;
        }
    }
    r = r < 0 ? r : fd_pwrite_all(fd, b->data, b->len, o->replayed);
    r = r < 0 ? r : fdatasync(fd) < 0 ? -errno : 0;
    b->len = len;
    if (r < 0) {
        (void)!ftruncate(fd, (off_t)o->replayed);
    }
    return r == -ENOSPC && use_reserve && unlinkat(p->state_fd, "reserve", 0) == 0
               ? write_synced(p, o, fd, o->replayed, b, false)
               : r;
}

/* Writes one record, unless it could not be put together (r), and applies it. */
static int append(struct priv *p, struct origin *o, struct buf *b, int r, bool use_reserve,
                  struct err *e) {
    CLEANUP(buf_done) struct buf file = BUF_INIT(RECORD_MAX + FRAME + ROOM);
    CLEANUP(buf_done) struct buf back = BUF_INIT(RECORD_MAX);
    CLEANUP(closep) int fd = -1;
    uint64_t size;

    r = r < 0 ? r : lines_put(b, "origin", o->name);
    r = r < 0 ? r : add_record(&file, b);
    if (r < 0) {
        return err_set(e, r, "journal record too long");
    }
    r = catch_up(p, o, true, &fd, &size, e);
    if (r < 0) {
        return r;
    }
    r = write_synced(p, o, fd, size, &file, use_reserve);
    if (r < 0) {
        return err_tag(e, r, r == -ENOSPC || r == -EDQUOT ? "journal_full" : "journal_failed",
                       "this node cannot write its journal: %s", strerror(-r));
    }
    r = replay_one(o, fd, o->replayed + file.len, &back);
    p->mark = o->mark > p->mark ? o->mark : p->mark;
    return r == 1 ? 0 : err_set(e, -EBADMSG, "journal record does not read back");
}

static int begin(struct buf *b, const char *kind, int64_t now, const char *note) {
    int r = buf_adds(b, RECORD_HEAD "\n");

    return r < 0 ? r : lines_puts(b, "kind", kind, "time", NUM_STR(now), "note", note, NULL);
}

int journal_head(struct priv *p, struct origin *o, const char *note, int64_t now, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);

    return append(p, o, &b, begin(&b, "head", now, note), false, e);
}

static int put_act(struct buf *b, const struct act_rec *a) {
    return lines_puts(b, "plan", HASH_STR(&a->plan), "request", HASH_STR(&a->request), "intent",
                      HASH_STR(&a->intent), "index", NUM_STR(a->index), "approval",
                      a->approval[0] ? a->approval : NULL, "client", a->client, "ct",
                      NUM_STR(a->ct), "head", NUM_STR(a->head), NULL);
}

int journal_start(struct priv *p, struct origin *o, const char *note, const struct act_rec *a,
                  int64_t now, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    int r = begin(&b, "start", now, note);

    return append(p, o, &b, r < 0 ? r : put_act(&b, a), false, e);
}

int journal_end(struct priv *p, struct origin *o, const struct hash *request,
                const struct hash *plan, const char *receipt, bool release, int64_t now,
                struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    const struct act_rec *a = journal_find(o, plan, request);
    int r = begin(&b, "end", now, NULL);

    if (!a || a->seq) { /* it would not replay */
        return err_set(e, -EINVAL, "an end without its start");
    }
    r = r < 0 ? r
              : lines_puts(&b, "plan", HASH_STR(plan), "request", HASH_STR(request), "seq",
                           NUM_STR(o->seq + 1), "receipt", receipt, "released",
                           release ? "yes" : NULL, NULL);
    return append(p, o, &b, r, true, e);
}

int journal_ack(struct priv *p, struct origin *o, uint64_t upto, int64_t now, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    int r = begin(&b, "ack", now, NULL);

    return append(p, o, &b, r < 0 ? r : lines_put(&b, "acked", NUM_STR(upto)), true, e);
}

int journal_receipt(const struct priv *p, const struct origin *o, const struct act_rec *a,
                    struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(closep) int fd = -1;
    char path[96];

    fd = openat(p->state_fd, journal_path(o, "", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!a->seq || fd < 0 || record_at(fd, a->note_at, o->replayed, &b) != 1 ||
        lines_parse(b.data, b.len, RECORD_HEAD, keys, ARRAY_LEN(keys), &l, e) < 0 ||
        !*get(&l, "receipt")) {
        return err_set(e, -ENOENT, "no receipt");
    }
    return buf_adds(ret, get(&l, "receipt"));
}

/* The pruned file: floor and head, then the spent marks that stay. Receipts that stay open keep the
 * whole file as it is, because their bytes are in it. */
int journal_prune(struct priv *p, struct origin *o, uint64_t floor, int64_t now, struct err *e) {
    CLEANUP(buf_done) struct buf file = BUF_INIT((size_t)64 * 1024 * 1024);
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    char path[96];
    int r;

    if (journal_open_receipts(o)) {
        return err_set(e, -EBUSY, "receipts are open");
    }
    r = begin(&b, "floor", now, o->note);
    r = r < 0 ? r
              : lines_puts(&b, "seq", NUM_STR(o->seq), "acked", NUM_STR(o->acked), "floor",
                           NUM_STR(floor > o->floor ? floor : o->floor), "last", HASH_STR(&o->last),
                           "origin", o->name, NULL);
    r = r < 0 ? r : add_record(&file, &b);
    for (size_t i = 0; r == 0 && i < o->n_acts; i++) {
        const struct act_rec *a = &o->act[i];

        if (a->index < floor) {
            continue;
        }
        buf_reset(&b);
        r = begin(&b, "start", a->started, NULL);
        r = r < 0 ? r : put_act(&b, a);
        r = r < 0 ? r : lines_puts(&b, "seq", NUM_STR(a->seq), "origin", o->name, NULL);
        r = r < 0 ? r : add_record(&file, &b);
    }
    if (r < 0) {
        return err_set(e, r, "journal cannot be pruned");
    }
    r = file_replace(p->state_fd, journal_path(o, "", path), file.data, file.len, 0600, e);
    if (r == 0) {
        forget_acts(o);
    }
    return r;
}
