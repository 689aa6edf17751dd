/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of this log that others hold. The invariant: once a signed one is seen that our
 * history does not lead to, no process signs anything new until a person has seen to it; the note
 * itself lies in `ahead`, so that the brake proves itself and cannot be pulled by a mere number. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/care.h"
#include "proximo-client/ledger/impl.h"

/* 1: our history leads to it; 0: it does not. */
static int leads_to(struct ledger *l, const struct checkpoint *c, struct err *e) {
    struct hash root;
    int r;

    if (c->size > l->edge.size) {
        return 0;
    }
    r = merkle_root_at(c->size, tree_read, l, &root);
    return r < 0 ? err_set(e, r, "root at %llu: %s", (unsigned long long)c->size, strerror(-r))
                 : hash_eq(&root, &c->root);
}

static int say_ahead(const struct ledger *l, const struct checkpoint *c, const char *who,
                     struct err *e) {
    if (c->size > l->edge.size) {
        (void)err_tag(e, -EILSEQ, "ledger_behind",
                      "%s has seen %llu entries of this ledger, which has %llu", who,
                      (unsigned long long)c->size, (unsigned long long)l->edge.size);
    } else {
        (void)err_tag(e, -EILSEQ, "ledger_behind",
                      "%s has seen another history of this ledger (%llu entries)", who,
                      (unsigned long long)c->size);
    }
    return err_hint(e, "the ledger was restored from an older copy: no change runs; on a terminal: "
                       "proximo-client ledger recover");
}

int ledger_meet(struct ledger *l, const char *note, size_t len, const char *who, struct err *e) {
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct checkpoint c;
    int r =
        n ? checkpoint_open(note, len, &l->vkey, n, &c, e) : err_set(e, -ENOMEM, "out of memory");

    r = r < 0 ? r : recover_refresh(l, e);
    r = r < 0 || l->damaged ? r : leads_to(l, &c, e);
    if (r != 0 || l->damaged) {
        return r < 0 ? r : 0; /* a damaged log appends nothing anyway */
    }
    r = file_replace(l->dir, "ahead", note, len, 0600, e);
    return r < 0 ? r : say_ahead(l, &c, who, e);
}

int ahead_check(struct ledger *l, struct err *e) {
    CLEANUP(freep) struct note *n = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    int r;

    if (faccessat(l->dir, "ahead", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0;
    }
    n = malloc(sizeof(*n));
    r = n ? file_read(l->dir, "ahead", &b, e) : err_set(e, -ENOMEM, "out of memory");
    if (r < 0) {
        return r;
    }
    r = checkpoint_open(buf_str(&b), b.len, &l->vkey, n, &c, NULL);
    r = r < 0 ? 1 : leads_to(l, &c, e); /* what the log did not sign stops nothing */
    if (r < 0) {
        return r;
    }
    if (r == 0) {
        return say_ahead(l, &c, "a node", e);
    }
    (void)unlinkat(l->dir, "ahead", 0);
    return 0;
}
