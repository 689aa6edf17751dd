/* SPDX-License-Identifier: Apache-2.0 */
/* Cosignatures: beside the checkpoint while it is the stored one, and in `witnessed` after that. No
 * network here: whoever asked has let go of everything before. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/witnessed.h"

/* The stored note with `lines` in the place of older signatures of the same keys. */
static int with_lines(const struct note *n, const char *lines, struct buf *ret, struct err *e) {
    CLEANUP(freep) struct note *add = malloc(sizeof(*add));
    CLEANUP(buf_done) struct buf only = BUF_INIT(LIM_NOTE);
    int r = add ? buf_addf(&only, "x\n\n%s", lines) : -ENOMEM;

    if (r < 0 || note_parse(buf_str(&only), only.len, add, e) < 0) {
        return err_set(e, -EBADMSG, "not signature lines");
    }
    r = buf_add(ret, n->text, n->text_len);
    r = r < 0 ? r : buf_addc(ret, '\n');
    for (size_t i = 0; r == 0 && i < n->n_sigs; i++) {
        const struct note_sig *s = &n->sig[i];
        bool is_new = false;

        for (size_t k = 0; k < add->n_sigs; k++) {
            is_new = is_new || (strcmp(s->name, add->sig[k].name) == 0 &&
                                memcmp(s->id, add->sig[k].id, sizeof(s->id)) == 0);
        }
        r = is_new ? 0 : buf_add(ret, s->line, s->line_len);
    }
    r = r < 0 ? r : buf_adds(ret, lines);
    return r < 0 ? err_set(e, r, "checkpoint: too many cosignatures") : 0;
}

/* A file that cannot be read is begun anew: the witnesses say it again, and verification has said
 * that it was spoilt. */
static int keep(struct ledger *l, const char *note, size_t len, const char *lines, struct err *e) {
    CLEANUP(witnessed_done) struct witnessed w = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    int r;

    (void)witnessed_read(l->dir, &l->vkey, &w, NULL);
    r = witnessed_add(&w, &l->vkey, note, len, lines, &b, e);
    return r < 0 ? r : file_replace(l->dir, WITNESSED_FILE, buf_str(&b), b.len, 0600, e);
}

static int on_stored(struct ledger *l, const char *lines, struct err *e) {
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    int r =
        n ? note_parse(buf_str(&l->note), l->note.len, n, e) : err_set(e, -ENOMEM, "out of memory");

    r = r < 0 ? r : with_lines(n, lines, &b, e);
    r = r < 0 ? r : checkpoint_open(buf_str(&b), b.len, &l->vkey, n, &c, e); /* still ours */
    r = r < 0 ? r : append_write_note(l, &b, e);
    return r < 0 ? r : recover_head(l, e);
}

int ledger_cosignature(struct ledger *l, const char *note, size_t len, const char *lines,
                       struct err *e) {
    CLEANUP(lock_dropp) struct ledger *held = NULL;
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct checkpoint c;
    int r = n ? append_may(l, e) : err_set(e, -ENOMEM, "out of memory");

    r = r < 0 ? r : checkpoint_open(note, len, &l->vkey, n, &c, e);
    r = r < 0 ? r : lock_take(l, e);
    if (r < 0) {
        return r;
    }
    held = l;
    r = recover_head(l, e);
    if (r == 0 && l->head.size == c.size && hash_eq(&l->head.root, &c.root)) {
        r = on_stored(l, lines, e);
    }
    return r < 0 ? r : keep(l, note, len, lines, e);
}
