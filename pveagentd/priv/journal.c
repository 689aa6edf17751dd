/* SPDX-License-Identifier: Apache-2.0 */
/* The journal (root; written by request children under the origin's lock, replayed by the
 * resident). Invariants: a record is whole or it is not there (common/records.h); a bad record
 * before others means that somebody else wrote here, and the origin is closed. */
#include "pveagentd/priv/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/fields.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"
#include "common/records.h"
#include "pveagentd/priv/priv.h"

#define RECORD_HEAD "proximo-journal/v1"
#define RECORD_MAX  (LIM_NOTE + 8192)
#define RESERVE     (256 * 1024)

struct record {
    const char *kind, *note, *receipt, *released, *origin;
    int64_t time;
    struct act_rec act;
    uint64_t acked, floor;
    struct hash last;
};

#define OWN(member, kind) FIELD(struct record, member, kind, false)
#define ACT(member, kind) FIELD_AS(#member, struct record, act.member, kind, false)
static const struct field fields[] = {FIELD(struct record, kind, F_TEXT, true),
                                      FIELD(struct record, time, F_TIME, true),
                                      OWN(note, F_TEXT),
                                      ACT(plan, F_HASH),
                                      ACT(request, F_HASH),
                                      ACT(intent, F_HASH),
                                      ACT(index, F_U64),
                                      ACT(approval, F_NAME),
                                      ACT(client, F_NAME),
                                      ACT(ct, F_U32),
                                      ACT(head, F_U64),
                                      ACT(seq, F_U64),
                                      OWN(receipt, F_TEXT),
                                      OWN(acked, F_U64),
                                      OWN(released, F_TEXT),
                                      OWN(floor, F_U64),
                                      OWN(last, F_HASH),
                                      OWN(origin, F_TEXT)};
static const struct form form = {RECORD_HEAD, fields, ARRAY_LEN(fields)};

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

static int apply_head(struct origin *o, const char *text) {
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
    return 0;
}

static int apply_start(struct origin *o, const struct record *x) {
    struct act_rec *v = reallocarray(o->act, o->n_acts + 1, sizeof(*v));

    if (!v) {
        return -ENOMEM;
    }
    o->act = v;
    v += o->n_acts++;
    *v = x->act;
    v->started = x->time;
    v->acked = x->act.seq != 0; /* only in a pruned file */
    return 0;
}

static int apply_end(struct origin *o, const struct record *x, uint64_t at) {
    struct act_rec *a = journal_find(o, &x->act.plan, &x->act.request);

    if (!*x->receipt || !a) {
        return -EBADMSG;
    }
    o->seq = x->act.seq;
    sha256(x->receipt, strlen(x->receipt), &o->last);
    a->seq = o->seq;
    a->note_at = at;
    a->released = *x->released != '\0';
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

static int apply_floor(struct origin *o, const struct record *x) {
    o->floor = x->floor;
    o->seq = x->act.seq;
    o->acked = x->acked;
    o->last = x->last;
    return 0;
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
    struct record x;

    if (fields_read(&form, payload, len, &l, &x, NULL) < 0 || !is_of(o, x.origin) ||
        (*x.note && apply_head(o, x.note) < 0)) {
        return -EBADMSG;
    }
    o->mark = x.time > o->mark ? x.time : o->mark;
    return strcmp(x.kind, "head") == 0    ? 0
           : strcmp(x.kind, "start") == 0 ? apply_start(o, &x)
           : strcmp(x.kind, "end") == 0   ? apply_end(o, &x, at)
           : strcmp(x.kind, "ack") == 0   ? apply_ack(o, x.acked)
           : strcmp(x.kind, "floor") == 0 ? apply_floor(o, &x)
                                          : -EBADMSG;
}

static int add_record(struct buf *file, const struct origin *o, const struct record *x) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    struct record named = *x;
    int r;

    named.origin = o->name;
    r = fields_write(&form, &named, &b);
    return r < 0 ? r : record_add(file, buf_str(&b), b.len);
}

/* Applies the next record: 1; 0: there is none. */
static int replay_one(struct origin *o, int fd, uint64_t size, struct buf *b) {
    int r = record_at(fd, o->replayed, size, RECORD_MAX, b);

    if (r != 1) {
        return r < 0 ? r : record_tail(fd, o->replayed, size, RECORD_HEAD, RECORD_MAX, b);
    }
    if (apply(o, b->data, b->len, o->replayed) < 0) {
        return -EBADMSG;
    }
    if (!o->replayed) {
        record_frame(b->data, b->len, o->first);
    }
    o->replayed += RECORD_FRAME + b->len;
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
    uint8_t first[RECORD_FRAME];
    int r = o->replayed ? fd_pread_all(fd, first, RECORD_FRAME, 0) : 0;

    if (r == 0 && o->replayed && memcmp(first, o->first, RECORD_FRAME) != 0) {
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
        uint64_t size = 0;

        (void)catch_up(p, o, false, &fd, &size,
                       NULL); /* a damaged one is refused when it is asked for */
    }
    return d ? 0 : err_set(e, -EIO, "the journal directory cannot be read");
}

int origin_lock(struct priv *p, struct origin *o, int *ret_fd, struct err *e) {
    CLEANUP(closep) int lock = -1;
    CLEANUP(closep) int fd = -1;
    uint64_t size = 0;
    char path[96];
    int r = state_lock(p, journal_path(o, ".lock", path), &lock, e);

    if (r < 0) {
        return err_retag(r, r == -ENOSPC ? "journal_full" : "journal_failed", e);
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

/* Writes one record and applies it. */
static int append(struct priv *p, struct origin *o, const struct record *x, bool use_reserve,
                  struct err *e) {
    CLEANUP(buf_done) struct buf file = BUF_INIT(RECORD_MAX + RECORD_FRAME + RECORD_ROOM);
    CLEANUP(buf_done) struct buf back = BUF_INIT(RECORD_MAX);
    CLEANUP(closep) int fd = -1;
    uint64_t size = 0;
    int r = add_record(&file, o, x);

    if (r < 0) {
        return err_set(e, r, "journal record too long");
    }
    r = catch_up(p, o, true, &fd, &size, e);
    if (r < 0) {
        return r;
    }
    r = record_write(fd, o->replayed, size, &file);
    if (r == -ENOSPC && use_reserve && unlinkat(p->state_fd, "reserve", 0) == 0) {
        r = record_write(fd, o->replayed, o->replayed, &file);
    }
    if (r < 0) {
        return err_tag(e, r, r == -ENOSPC || r == -EDQUOT ? "journal_full" : "journal_failed",
                       "this node cannot write its journal: %s", strerror(-r));
    }
    r = replay_one(o, fd, o->replayed + file.len, &back);
    p->mark = o->mark > p->mark ? o->mark : p->mark;
    return r == 1 ? 0 : err_set(e, -EBADMSG, "journal record does not read back");
}

int journal_head(struct priv *p, struct origin *o, const char *note, int64_t now, struct err *e) {
    return append(p, o, &(struct record){.kind = "head", .time = now, .note = note}, false, e);
}

int journal_start(struct priv *p, struct origin *o, const char *note, const struct act_rec *a,
                  int64_t now, struct err *e) {
    struct record x = {.kind = "start", .time = now, .note = note, .act = *a};

    return append(p, o, &x, false, e);
}

int journal_end(struct priv *p, struct origin *o, const struct hash *request,
                const struct hash *plan, const char *receipt, bool release, int64_t now,
                struct err *e) {
    const struct act_rec *a = journal_find(o, plan, request);
    struct record x = {.kind = "end",
                       .time = now,
                       .act = {.plan = *plan, .request = *request, .seq = o->seq + 1},
                       .receipt = receipt,
                       .released = release ? "yes" : ""};

    return !a || a->seq ? err_set(e, -EINVAL, "an end without its start") /* it would not replay */
                        : append(p, o, &x, true, e);
}

int journal_ack(struct priv *p, struct origin *o, uint64_t upto, int64_t now, struct err *e) {
    return append(p, o, &(struct record){.kind = "ack", .time = now, .acked = upto}, true, e);
}

int journal_receipt(const struct priv *p, const struct origin *o, const struct act_rec *a,
                    struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(RECORD_MAX);
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(closep) int fd = -1;
    struct record x;
    char path[96];

    fd = openat(p->state_fd, journal_path(o, "", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return !a->seq || fd < 0 || record_at(fd, a->note_at, o->replayed, RECORD_MAX, &b) != 1 ||
                   fields_read(&form, b.data, b.len, &l, &x, e) < 0 || !*x.receipt
               ? err_set(e, -ENOENT, "no receipt")
               : buf_adds(ret, x.receipt);
}

/* The pruned file: floor and head, then the spent marks that stay. Receipts that stay open keep the
 * whole file as it is, because their bytes are in it. */
int journal_prune(struct priv *p, struct origin *o, uint64_t floor, int64_t now, struct err *e) {
    CLEANUP(buf_done) struct buf file = BUF_INIT((size_t)64 * 1024 * 1024);
    struct record x = {.kind = "floor",
                       .time = now,
                       .note = o->note,
                       .act.seq = o->seq,
                       .acked = o->acked,
                       .floor = floor > o->floor ? floor : o->floor,
                       .last = o->last};
    char path[96];
    int r;

    if (journal_open_receipts(o)) {
        return err_set(e, -EBUSY, "receipts are open");
    }
    r = add_record(&file, o, &x);
    for (size_t i = 0; r == 0 && i < o->n_acts; i++) {
        if (o->act[i].index >= floor) {
            x = (struct record){.kind = "start", .time = o->act[i].started, .act = o->act[i]};
            r = add_record(&file, o, &x);
        }
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
