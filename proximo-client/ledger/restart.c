/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a log and the beginning of the next. The invariant: the new one says for ever, in its
 * first entry, where each log before it ended as far as anybody had witnessed it; without one such
 * note there is no restart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/ledger/care.h"
#include "proximo-client/ledger/genesis.h"
#include "proximo-client/ledger/impl.h"

#define NOTES_MAX                                                                                  \
    (4 * LIM_NODES) /* several restarts of a whole cluster; an entry holds about 100 */

struct notes {
    char *v[NOTES_MAX];
    size_t n;
};

static void notes_done(struct notes *t) {
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i]);
    }
}

static int add(struct notes *t, const char *text, struct err *e) {
    if (t->n == NOTES_MAX) {
        return err_set(e, -E2BIG, "too many notes of earlier logs");
    }
    t->v[t->n] = strdup(text);
    if (!t->v[t->n]) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    t->n++;
    return 0;
}

/* What the log before had itself continued. */
static int add_earlier(struct ledger *old, struct notes *t, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    int r = 0;

    if (read_entry(old, 0, &b, NULL) < 0 || entry_parse(buf_str(&b), b.len, &en, NULL) < 0 ||
        en.kind != ENTRY_GENESIS) {
        return 0; /* gone with the log: the heads still tell where that one ended */
    }
    for (size_t i = 0; r == 0 && i < entry_count(&en, "continues"); i++) {
        r = add(t, entry_nth(&en, "continues", i), e);
    }
    return r;
}

static int collect(struct ledger *old, const struct ledger_restart *in, struct notes *t,
                   struct err *e) {
    int r = old ? add_earlier(old, t, e) : 0;

    for (size_t i = 0; r == 0 && i < in->n_heads; i++) {
        r = add(t, in->head[i].note, e);
    }
    if (r == 0 && !in->n_heads && old && old->note.len) {
        r = add(t, buf_str(&old->note), e);
    }
    if (r == 0 && !t->n) {
        (void)err_tag(
            e, -ENOENT, "ledger_damaged",
            "no checkpoint of the log before is to be had, so a new one could not say what "
            "it follows");
        return err_hint(e, "reach a node that witnessed it, or restore any copy of its checkpoint");
    }
    return r;
}

static int swap_in(const char *dir, struct ledger *old, struct ledger_restarted *ret,
                   struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    int r = ledger_open(ret->kept, &l, e);

    if (r == 0) {
        ret->log = l->vkey;
        r = old ? care_link_taint(old->dir, l->dir) : 0;
        r = r < 0 ? err_set(e, r, "copy the taint: %s", strerror(-r)) : care_sync_all(l->dir, e);
    }
    return r < 0 ? r : care_swap(dir, ret->kept, e);
}

int ledger_restart(const char *dir, const struct ledger_restart *in, struct ledger_restarted *ret,
                   struct err *e) {
    CLEANUP(ledger_closep) struct ledger *old = NULL;
    CLEANUP(notes_done) struct notes t = {.n = 0};
    struct ledger_genesis g = {.cluster = in->cluster, .policy = in->policy, .reason = in->reason};
    int r = ledger_open(dir, &old, e);

    memset(ret, 0, sizeof(*ret));
    if (r == -EBUSY || r == -ENOENT) {
        return r;
    }
    if (r == 0) { /* else it cannot even be opened: the heads have to do */
        memcpy(ret->old_origin, old->origin, strlen(old->origin) + 1);
        r = care_alone(old, e);
        if (r < 0) {
            return r;
        }
    }
    r = collect(old, in, &t, e);
    r = r < 0 ? r : care_beside(dir, ret->kept, e);
    if (r < 0) {
        return r;
    }
    g.continues = (const char *const *)t.v;
    g.n_continues = t.n;
    r = ledger_create_from(ret->kept, &g, e);
    r = r < 0 ? r : swap_in(dir, old, ret, e);
    if (r < 0) {
        care_discard(ret->kept);
    }
    return r;
}
