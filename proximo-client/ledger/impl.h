/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/impl.h - what the files of this folder share and nobody else includes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/limits.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/ledger/seg.h"

struct err;
struct index;

#define RESERVE_BYTES (1024 * 1024) /* outcomes of several operations and their checkpoints */
#define LOCK_WAIT_MS  10000
#define LEDGER_HEAD   "proximo-ledger/v1"
#define KEY_HEAD      "proximo-log-key/v1"
#define BODY_HEAD     "proximo-body/v1\n"
#define BODY_MAX      (64u * 1024 * 1024) /* the largest output a node request may ask for */
#define BODY_FILE_MAX                                                                              \
    (BODY_MAX + BODY_MAX / 1000 + 1024) /* what does not compress grows a little */

struct ledger {
    char *path;
    int dir;
    int lock_fd;
    unsigned int locked; /* depth: reading functions called by a guard do not lock again */
    char origin[ORIGIN_MAX + 1];
    struct vkey vkey;
    struct skey key;
    bool has_key;
    bool failed; /* a write or sync failed: this process appends nothing more */
    bool damaged;
    char damage[320];

    struct merkle_edge edge; /* edge.size entries are known to be sound and in the level files */
    uint64_t seg;            /* the segment the next entry goes to, */
    int seg_fd;              /* -1 until it exists */
    uint64_t seg_end;
    int level_fd[64];
    int offset_fd; /* derived, one u32 an entry; never trusted */
    int reserve_fd;
    int users_fd;          /* shared by all who have it open; alone for who replaces it */
    uint64_t dirty_levels; /* a bit a level file written since the last sync */
    bool dirty_seg;
    bool dirty_dirs;
    uint64_t cut, rehashed; /* recovered, not yet recorded */

    struct buf note; /* the stored checkpoint as last read, already checked */
    struct checkpoint head;

    ledger_ask_fn *ask; /* before signing, or NULL */
    void *ask_ctx;
    bool asked; /* once with a good end */

    uint64_t read_seg; /* the segment read_fd belongs to */
    int read_fd;
    struct index *index;
};

/* lock.c */
int lock_take(struct ledger *l, struct err *e);
void lock_drop(struct ledger *l);
static inline void lock_dropp(struct ledger **l) {
    if (*l) {
        lock_drop(*l);
    }
}

/* tree.c: level files and the tail segment */
int tree_read(void *ctx, unsigned int level, uint64_t index, struct hash *ret); /* merkle_read_fn */
int tree_level(struct ledger *l, unsigned int level, bool make); /* descriptor or -errno */
int tree_put(struct ledger *l, const void *entry, size_t len, struct ledger_pos *ret);
int tree_sync(struct ledger *l);
int tree_trim(struct ledger *l, uint64_t size); /* cuts level files to `size` leaves */
int tree_open_tail(struct ledger *l, bool make);

/* recover.c */
int recover_sound(const struct ledger *l, struct err *e); /* "ledger_damaged" when it is not */
int recover_damage(struct ledger *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int recover_open(struct ledger *l, struct err *e);     /* the state at the stored checkpoint */
int recover_catch_up(struct ledger *l, struct err *e); /* lock held */
int recover_refresh(struct ledger *l, struct err *e);  /* for readers: locks only if it must */
int recover_head(struct ledger *l, struct err *e);     /* reads the stored checkpoint */

/* append.c */
int append_recovery(struct ledger *l, struct err *e); /* lock held; after opening */
int append_sign(struct ledger *l, struct err *e);
int append_recovery_entry(struct buf *b, uint64_t cut, uint64_t rehashed, const char *summary,
                          struct err *e);                           /* summary may be NULL */
int append_summary(struct buf *b, const char *text, struct err *e); /* ends an entry; NULL: {} */
int append_write_note(struct ledger *l, const struct buf *note, struct err *e); /* `checkpoint` */
int append_may(const struct ledger *l, struct err *e); /* sound, not failed, with its key */
int append_first(struct ledger *l, const void *entry, size_t len, struct err *e);

/* read.c */
int read_entry(struct ledger *l, uint64_t index, struct buf *ret, struct err *e); /* no refresh */
int read_each(struct ledger *l, uint64_t from, uint64_t to, ledger_each_fn *fn, void *ctx,
              struct err *e);
int read_end_of(struct ledger *l, uint64_t index, uint64_t *ret_end);

/* index.c */
void index_free(struct index *ix);

/* ahead.c */
int ahead_check(struct ledger *l, struct err *e); /* lock held, caught up; "ledger_behind" */

/* care.c: names of directories, or descriptors of them. */
#define CARE_PATH 4352
int care_alone(struct ledger *l, struct err *e);                             /* "ledger_busy" */
int care_beside(const char *dir, char ret[static CARE_PATH], struct err *e); /* a free name */
int care_swap(const char *dir, const char *made, struct err *e);             /* one step */
void care_discard(const char *made);
void care_sweep(const struct ledger *l); /* secrets of the copies beside a ledger that is open */
int care_link_taint(int from, int to);
int care_link_all(int from, int to); /* identity, taint, bodies, secrets */
int care_copy_bodies(int from, int to);
int care_sync_all(int dirfd, struct err *e);

/* find.c */
int find_rules(struct ledger *l, const struct entry *en, struct err *e); /* lock held */

/* create.c */
int create_skeleton(const char *dir, struct ledger **ret, struct err *e); /* empty folders */
int create_use_identity(struct ledger *l, struct err *e); /* opens what a skeleton got */
int create_no_key(const struct ledger *l, struct err *e); /* says so: "ledger_key" */
int create_read_identity(struct ledger *l, struct err *e);
void dir_remove(int dirfd, const char *name, unsigned int depth); /* `depth` levels of folders */
/* Gives r back; a full disk gets its code and hint. */
int store_space(int r, const char *what, struct err *e);
