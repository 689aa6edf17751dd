/* SPDX-License-Identifier: Apache-2.0 */
/* Appending. The invariant: nothing is signed over bytes that are not on the disk, a signed
 * checkpoint is durable before anybody gets it, and when a write or sync fails for another reason
 * than space this process appends nothing more. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/canon.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/js.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"

static bool no_space(int r) {
    return r == -ENOSPC || r == -EDQUOT;
}

static int say_space(struct err *e) {
    (void)err_tag(e, -ENOSPC, "ledger_space", "no space for the ledger");
    return err_hint(e, "free space on the ledger's file system; nothing was changed");
}

static int fail(struct ledger *l, int r, const char *what, struct err *e) {
    l->failed = true;
    (void)err_tag(e, r, "ledger_failed", "%s the ledger: %s", what, strerror(-r));
    return err_hint(e, "the log is closed in this process; see to the disk, then start it again");
}

/* The reserve is refilled before anything may begin that will have to be finished. */
static int reserve_ready(struct ledger *l, struct err *e) {
    struct stat st;
    int r;

    if (fstat(l->reserve_fd, &st) == 0 && st.st_size >= RESERVE_BYTES) {
        return 0;
    }
    r = posix_fallocate(l->reserve_fd, 0, RESERVE_BYTES);
    if (r != 0) {
        if (ftruncate(l->reserve_fd, 0) < 0) {
            return err_set(e, -errno, "ledger reserve: %s", strerror(errno));
        }
        return no_space(-r) ? say_space(e) : err_set(e, -r, "ledger reserve: %s", strerror(r));
    }
    return 0;
}

static bool reserve_release(struct ledger *l) {
    struct stat st;

    return fstat(l->reserve_fd, &st) == 0 && st.st_size > 0 && ftruncate(l->reserve_fd, 0) == 0;
}

static int put(struct ledger *l, const void *entry, size_t len, bool use_reserve,
               struct ledger_pos *ret, struct err *e) {
    int r = tree_put(l, entry, len, ret);

    if (no_space(r) && use_reserve && !l->failed && reserve_release(l)) {
        r = tree_put(l, entry, len, ret);
    }
    if (no_space(r) && !l->failed) {
        return say_space(e);
    }
    return r < 0 ? fail(l, r, "write", e) : 0;
}

int append_write_note(struct ledger *l, const struct buf *note, struct err *e) {
    int r = file_replace(l->dir, "checkpoint", buf_str(note), note->len, 0600, e);

    if (no_space(r) && reserve_release(l)) {
        r = file_replace(l->dir, "checkpoint", buf_str(note), note->len, 0600, e);
    }
    return r;
}

int append_sign(struct ledger *l, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct checkpoint c = {.size = l->edge.size};
    int r = tree_sync(l);

    if (r < 0) {
        return fail(l, r, "sync", e);
    }
    memcpy(c.origin, l->origin, sizeof(c.origin));
    merkle_edge_root(&l->edge, &c.root);
    r = checkpoint_text(&c, &text);
    r = r < 0 ? r : note_sign(buf_str(&text), text.len, &l->key, &note, e);
    r = r < 0 ? r : append_write_note(l, &note, e);
    if (r < 0) {
        /* The entry is there and stays: it was never signed, the next start takes it up. */
        return fail(l, r, "sign", e);
    }
    buf_done(&l->note);
    l->note = note;
    note = (struct buf){0};
    l->head = c;
    return 0;
}

int append_summary(struct buf *b, const char *text, struct err *e) {
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *o = NULL;
    int r;

    if (!text) {
        return entry_end(b, "{}", e);
    }
    o = js_object();
    js_add(o, "summary", js_str(text));
    js_add(o, "v", js_int(1));
    r = canon_write(o, &body, e);
    return r < 0 ? r : entry_end(b, buf_str(&body), e);
}

int append_recovery_entry(struct buf *b, uint64_t cut, uint64_t rehashed, const char *summary,
                          struct err *e) {
    int r = entry_begin(b, ENTRY_RECOVERY, clock_unix(), "proximo");

    r = r < 0 ? r : lines_putf(b, "cut", "%llu", (unsigned long long)cut);
    r = r < 0 ? r : lines_putf(b, "rehashed", "%llu", (unsigned long long)rehashed);
    return r < 0 ? r : append_summary(b, summary, e);
}

/* What recovery did is an entry of its own. */
static int record_recovery(struct ledger *l, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct ledger_pos pos;
    int r;

    if (!l->cut && !l->rehashed) {
        return 0;
    }
    r = append_recovery_entry(&b, l->cut, l->rehashed, NULL, e);
    r = r < 0 ? r : put(l, buf_str(&b), b.len, true, &pos, e);
    if (r == 0) {
        l->cut = 0;
        l->rehashed = 0;
    }
    return r;
}

int append_recovery(struct ledger *l, struct err *e) {
    int r;

    if (l->damaged || (!l->cut && !l->rehashed) ||
        faccessat(l->dir, "ahead", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    /* Not signed here: this may be a copy from an old backup, and what nobody signed can still be
     * cut. The next entry that must be durable signs it, after the nodes were asked. */
    r = record_recovery(l, e);
    return no_space(r) ? 0 : r; /* on a full disk it waits for the next append */
}

int append_first(struct ledger *l, const void *entry, size_t len, struct err *e) {
    struct ledger_pos pos;
    int r = reserve_ready(l, e);

    r = r < 0 ? r : put(l, entry, len, false, &pos, e);
    return r < 0 ? r : append_sign(l, e);
}

int append_may(const struct ledger *l, struct err *e) {
    if (l->damaged) {
        return recover_sound(l, e);
    }
    if (l->failed) {
        (void)err_tag(e, -EIO, "ledger_failed", "an earlier write to the ledger failed");
        return err_hint(e, "see to the disk, then start the program again");
    }
    return l->has_key ? 0 : create_no_key(l, e);
}

static int append_locked(struct ledger *l, const void *entry, size_t len, unsigned int flags,
                         const struct entry *en, ledger_guard_fn *guard, void *ctx,
                         struct ledger_pos *ret, struct err *e) {
    bool use_reserve = flags & LEDGER_RESERVE;
    struct ledger_pos pos;
    int r = recover_catch_up(l, e);

    if (r == 0 && !use_reserve) { /* the end of what runs is recorded even so */
        r = ahead_check(l, e);
    }
    r = r < 0 ? r : record_recovery(l, e);
    if (r == 0 && !use_reserve) {
        r = reserve_ready(l, e);
    }
    if (r == 0) {
        r = find_rules(l, en, e);
    }
    if (r == 0 && guard) {
        r = guard(l, ctx, e);
    }
    r = r < 0 ? r : put(l, entry, len, use_reserve, &pos, e);
    if (r == 0 && (flags & LEDGER_SYNC)) {
        r = append_sign(l, e);
    }
    if (r < 0) {
        return r;
    }
    if (ret) {
        *ret = pos;
    }
    return 0;
}

void ledger_before_signing(struct ledger *l, ledger_ask_fn *fn, void *ctx) {
    l->ask = fn;
    l->ask_ctx = ctx;
}

static int ask_first(struct ledger *l, unsigned int flags, struct err *e) {
    int r;

    if (!l->ask || !(flags & LEDGER_SYNC) || (flags & LEDGER_RESERVE && l->asked)) {
        return 0;
    }
    r = l->ask(l, l->ask_ctx, e);
    l->asked = l->asked || r == 0;
    return r < 0 ? r : 0;
}

int ledger_append(struct ledger *l, const void *entry, size_t len, unsigned int flags,
                  ledger_guard_fn *guard, void *ctx, struct ledger_pos *ret, struct err *e) {
    CLEANUP(lock_dropp) struct ledger *held = NULL;
    CLEANUP(entry_done) struct entry en = {0};
    int r = append_may(l, e);

    if (r < 0) {
        return r;
    }
    r = entry_parse(entry, len, &en, e);
    if (r < 0) {
        return err_wrap(e, "append to the ledger");
    }
    if (en.kind == ENTRY_GENESIS && l->edge.size) {
        return err_set(e, -EINVAL, "a log begins once");
    }
    r = l->locked ? 0 : ask_first(l, flags, e); /* under the lock nobody waits for an answer */
    r = r < 0 ? r : lock_take(l, e);
    if (r < 0) {
        return r;
    }
    held = l;
    return append_locked(l, entry, len, flags, &en, guard, ctx, ret, e);
}

int ledger_checkpoint(struct ledger *l, struct buf *ret_note, struct checkpoint *ret,
                      struct err *e) {
    int r = recover_head(l, e);

    if (r < 0) {
        return r;
    }
    if (ret_note) {
        r = buf_add(ret_note, buf_str(&l->note), l->note.len);
        if (r < 0) {
            return err_set(e, r, "checkpoint: %s", strerror(-r));
        }
    }
    if (ret) {
        *ret = l->head;
    }
    return 0;
}
