/* SPDX-License-Identifier: Apache-2.0 */
/* The witness (root, request child, under the origin's lock). Invariant: of two checkpoints of one
 * log that this node signed, the later is proved to extend the earlier; the signature leaves the
 * process only after the head is on disk. */
#include "pveagentd/priv/witness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/own.h"
#include "common/submission.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/priv.h"

#define CHECKPOINT_MAX 8192 /* the journal keeps it, percent-encoded, in one record */

static int fail(struct err *e, unsigned int status, unsigned int *ret, const char *tag,
                const char *what) {
    *ret = status;
    return err_tag(e, -EBADMSG, tag, "%s", what);
}

int witness_check(const struct origin *o, const struct witness_in *in, struct checkpoint *ret,
                  unsigned int *ret_status, struct err *e) {
    uint64_t known = o->has_head ? o->size : 0;
    struct checkpoint c;
    struct note n;
    struct hash empty;

    if (in->len > CHECKPOINT_MAX ||
        checkpoint_open(in->checkpoint, in->len, in->log, &n, &c, e) < 0 ||
        strcmp(c.origin, o->name) != 0) {
        return fail(e, 403, ret_status, "witness_bad_signature",
                    "the checkpoint is not signed by this client's log");
    }
    if (in->old > c.size) {
        return fail(e, 400, ret_status, "witness_bad_proof", "the old size is above the new one");
    }
    if (in->old != known) {
        return fail(e, 409, ret_status, "witness_conflict",
                    "this node last cosigned another size of this log");
    }
    merkle_empty(&empty);
    if ((c.size == 0 && !hash_eq(&c.root, &empty)) ||
        (o->has_head ? merkle_check_consistency(in->old, c.size, in->proof, in->n_proof, &o->root,
                                                &c.root) < 0
                     : in->n_proof != 0)) {
        return fail(e, 422, ret_status, "witness_inconsistent",
                    "the checkpoint does not extend the one this node cosigned");
    }
    *ret = c;
    *ret_status = 200;
    return 0;
}

int witness_cosign(const struct priv *p, const struct witness_in *in, int64_t now, struct buf *line,
                   struct buf *note, struct err *e) {
    struct note n;
    int r = note_parse(in->checkpoint, in->len, &n, e);

    r = r < 0 ? r : note_sig_line(n.text, n.text_len, &p->witness, (uint64_t)now, line, e);
    r = r < 0 ? r : buf_add(note, n.text, n.text_len);
    r = r < 0 ? r : buf_addc(note, '\n');
    for (size_t i = 0; r == 0 && i < n.n_sigs; i++) {
        if (strcmp(n.sig[i].name, in->log->name) == 0) {
            r = buf_add(note, n.sig[i].line, n.sig[i].line_len);
        }
    }
    r = r < 0 ? r : buf_add(note, line->data, line->len);
    return r < 0 ? err_set(e, r, "cosign: %s", strerror(-r)) : 0;
}

static int persist(struct priv *p, struct origin *o, const struct witness_in *in, struct buf *ret,
                   struct err *e) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    int64_t now = clock_unix();
    int r = witness_cosign(p, in, now, ret, &note, e);

    return r < 0 ? r : journal_head(p, o, buf_str(&note), now, e);
}

int witness_post(struct priv *p, const char *body, size_t len, unsigned int *ret_status,
                 struct buf *ret, struct err *e) {
    CLEANUP(closep) int lock = -1;
    struct submission s;
    struct witness_in in;
    struct checkpoint c;
    struct client client;
    struct origin *o;
    struct note n;
    int r;

    if (submission_parse(body, len, &s) < 0 || note_parse(s.note, s.note_len, &n, e) < 0 ||
        checkpoint_parse(n.text, n.text_len, &c, e) < 0) {
        return fail(e, 400, ret_status, "bad_request", "not an add-checkpoint request");
    }
    if (client_by_origin(p, c.origin, &client, e) < 0) {
        return fail(e, 404, ret_status, "client_unknown", "no client here has this log");
    }
    in = (struct witness_in){&client.log, s.old, s.proof, s.n_proof, s.note, s.note_len};
    o = origin_get(p, c.origin);
    *ret_status = 500;
    r = o ? origin_lock(p, o, &lock, e) : err_set(e, -ENOMEM, "out of memory");
    r = r < 0 ? r : witness_check(o, &in, &c, ret_status, e);
    if (r < 0 && *ret_status == 409) {
        (void)buf_addf(ret, "%llu\n", (unsigned long long)o->size);
    }
    if (r < 0) {
        return r;
    }
    *ret_status = 503;
    r = heads_check(p, o, &in, &c, e);
    r = r < 0 ? r : persist(p, o, &in, ret, e);
    if (r == 0) {
        *ret_status = 200;
    }
    return r;
}
