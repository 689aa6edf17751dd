/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment (root; request child and control requests). Invariants: a secret is used for one client
 * once, for ten minutes, and withstands thirty wrong proofs; the key that is stored is the key that
 * made the connection the proof is bound to; failures are counted on disk before they are told. */
#include "pveagentd/priv/join.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/fields.h"
#include "common/ident.h"
#include "common/note.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/share.h"

static const struct field fields[] = {FIELD(struct invitation, name, F_TEXT, true),
                                      FIELD(struct invitation, secret, F_HEX, true),
                                      FIELD(struct invitation, rights, F_TEXT, true),
                                      FIELD(struct invitation, expires, F_TIME, true),
                                      FIELD(struct invitation, failures, F_U32, true),
                                      FIELD(struct invitation, address, F_LIST, false)};
static const struct form form = {"proximo-invitation/v1", fields, ARRAY_LEN(fields)};

void invitation_done(struct invitation *v) {
    lines_done(&v->l);
    explicit_bzero(v->secret, sizeof(v->secret));
}

static int invite_read(const struct priv *p, const char *name, struct invitation *v) {
    return ident_is_client(name)
               ? fields_load(&form, p->state_fd, UNDER("invites", name), &v->l, v, NULL)
               : -ENOENT;
}

int invite_write(const struct priv *p, const struct invitation *v, struct err *e) {
    return fields_save(&form, p->state_fd, UNDER("invites", v->name), v, e);
}

int invite_addresses(const struct invitation *v, struct buf *b) {
    int r = 0;

    for (size_t i = 0; r == 0 && v->address[i]; i++) {
        r = lines_put(b, "address", v->address[i]);
    }
    return r;
}

int64_t join_open_until(struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "invites");
    int64_t until = 0;
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        CLEANUP(invitation_done) struct invitation v = {0};

        if (invite_read(p, name, &v) < 0) {
            continue;
        }
        if (v.expires < clock_unix()) {
            (void)unlinkat(dirfd(d), name, 0);
        } else if (v.expires > until) {
            until = v.expires;
        }
    }
    return until;
}

static int refuse(struct priv *p, struct invitation *v, struct err *e) {
    /* a failure that cannot be counted burns it as well */
    if (++v->failures >= INVITE_FAILURES || invite_write(p, v, e) < 0) {
        (void)unlinkat(p->state_fd, UNDER("invites", v->name), 0);
        log_event(LOG_L_WARN, "an invitation was burnt by wrong proofs", "CLIENT", v->name, NULL);
    }
    return err_tag(e, -EACCES, "join_refused", "the proof does not fit the invitation");
}

static int answer(struct priv *p, const struct join_in *in, const struct invitation *v,
                  struct buf *text, struct hash *mac, struct err *e) {
    int r = lines_put(text, "node", p->node);

    r = r < 0 ? r : invite_addresses(v, text);
    r = r < 0 ? r : lines_put_vkey(text, "witness-key", &p->witness.v);
    r = r < 0 ? r : lines_put_vkey(text, "receipt-key", &p->receipt.v);
    r = r < 0 ? r : lines_put(text, "rights", v->rights);
    r = r < 0 ? r : enrol_answer(v->secret, in->exporter, text->data, text->len, mac);
    return r < 0 ? err_set(e, r, "the answer is too long") : 0;
}

/* A name or a log that somebody else has is not given away by an invitation. */
static int check_free(const struct priv *p, const struct client *c, struct err *e) {
    struct client other;

    if ((client_by_name(p, c->name, &other, NULL) == 0 ||
         client_by_spki(p, &c->spki, &other, NULL) == 0 ||
         client_by_origin(p, c->log.name, &other, NULL) == 0) &&
        !(strcmp(other.name, c->name) == 0 && hash_eq(&other.spki, &c->spki) &&
          vkey_eq(&other.log, &c->log))) {
        return err_tag(e, -EEXIST, "join_refused",
                       "name, key or log belong to another client (pveagentctl list, revoke)");
    }
    if (priv_revoked(p, &c->spki)) {
        return err_tag(e, -EPERM, "client_revoked", "this key was revoked: use a new one");
    }
    return 0;
}

static int make_client(const struct join_in *in, const struct invitation *v, struct client *c,
                       struct err *e) {
    struct hash spki;

    enrol_spki(in->pub, &spki);
    if (!hash_eq(&spki, &in->spki) || vkey_parse(in->vkey, &c->log, e) < 0 ||
        c->log.type != NOTE_ED25519) {
        return err_tag(e, -EBADMSG, "join_refused", "key or log key are not what was proved");
    }
    (void)snprintf(c->name, sizeof(c->name), "%s", in->name);
    (void)snprintf(c->rights, sizeof(c->rights), "%s", v->rights);
    c->spki = in->spki;
    c->joined = clock_unix();
    return 0;
}

int join_accept(struct priv *p, const struct join_in *in, struct buf *ret_text,
                struct hash *ret_mac, struct err *e) {
    CLEANUP(invitation_done) struct invitation v = {0};
    CLEANUP(closep) int lock = -1;
    struct client c = {0};
    struct hash want;
    int r;

    if (!priv_armed(p)) {
        return err_tag(e, -EPERM, "not_armed", "this node is not armed");
    }
    /* one at a time: else two right proofs would make two clients of one secret */
    if (state_lock(p, "join.lock", &lock, e) < 0) {
        return e->code;
    }
    if (invite_read(p, in->name, &v) < 0 || v.expires < clock_unix()) {
        return err_tag(e, -EACCES, "join_closed", "there is no open invitation of that name");
    }
    if (enrol_proof(v.secret, in->exporter, &in->spki, in->vkey, in->name, &want) < 0 ||
        !hash_eq(&want, &in->proof)) {
        return refuse(p, &v, e);
    }
    r = make_client(in, &v, &c, e);
    r = r < 0 ? r : check_free(p, &c, e);
    r = r < 0 ? r : answer(p, in, &v, ret_text, ret_mac, e);
    if (r < 0) {
        return r;
    }
    if (unlinkat(p->state_fd, UNDER("invites", in->name), 0) < 0 ||
        dir_sync(p->state_fd, "invites") < 0) {
        return err_set(e, -EIO, "the invitation cannot be burnt");
    }
    r = share_keep(p, &c, e);
    if (r == 0) {
        log_event(LOG_L_NOTE, "a client has joined", "CLIENT", c.name, "ORIGIN", c.log.name, NULL);
    }
    return r;
}
