/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolled clients: one small file each, clients/NAME (runs as root, in children and pveagentctl).
 * A client is its TLS key's hash and its log's key; the name is for people and for the policy. A
 * file that does not parse is no client. */
#include <errno.h>
#include <string.h>

#include "common/argv_rule.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fields.h"
#include "common/ident.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/share.h"

static const struct field fields[] = {FIELD(struct client, name, F_NAME, true),
                                      FIELD(struct client, spki, F_HASH, true),
                                      FIELD(struct client, log, F_VKEY, true),
                                      FIELD(struct client, rights, F_NAME, true),
                                      FIELD(struct client, joined, F_TIME, true),
                                      FIELD_AS("next-spki", struct client, next, F_HASH, false),
                                      FIELD(struct client, changed, F_TIME, false)};
const struct form priv_client_form = {"proximo-client/v1", fields, ARRAY_LEN(fields)};

int client_read(int dirfd, const char *name, struct client *ret, struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    struct client c;
    int r = ident_is_client(name) ? fields_load(&priv_client_form, dirfd, name, &l, &c, e)
                                  : err_set(e, -EINVAL, "not a client's name");

    if (r == 0 && strcmp(c.name, name) != 0) {
        r = err_set(e, -EBADMSG, "clients/%s is damaged", name);
    }
    if (r == 0) {
        *ret = c;
    }
    return r;
}

int client_by_name(const struct priv *p, const char *name, struct client *ret, struct err *e) {
    CLEANUP(closep)
    int d = openat(p->state_fd, "clients", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    return d < 0 ? err_set(e, -EIO, "clients: %s", strerror(errno)) : client_read(d, name, ret, e);
}

int client_here(const struct priv *p, const struct hash *spki, const char *origin,
                struct client *ret) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "clients");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        struct client c;

        if (client_read(dirfd(d), name, &c, NULL) == 0 &&
            (origin ? strcmp(origin, c.log.name) == 0
                    : hash_eq(spki, &c.spki) || hash_eq(spki, &c.next))) {
            *ret = c;
            return 0;
        }
    }
    return d ? -ENOENT : -EIO;
}

/* Another node may have enrolled it a moment ago. */
static int client_find(const struct priv *p, const struct hash *spki, const char *origin,
                       struct client *ret, struct err *e) {
    int r = client_here(p, spki, origin, ret);

    if (r == -ENOENT && share_import(p) > 0) {
        r = client_here(p, spki, origin, ret);
    }
    return r < 0 ? err_tag(e, r, "client_unknown", "no enrolled client has this %s",
                           spki ? "key" : "log")
                 : 0;
}

int client_by_spki(const struct priv *p, const struct hash *spki, struct client *ret,
                   struct err *e) {
    int r = client_find(p, spki, NULL, ret, e);

    if (r == -ENOENT && priv_revoked(p, spki)) { /* its record went with the revocation */
        return err_tag(e, -EPERM, "client_revoked", "this client was revoked");
    }
    if (r == 0 && hash_eq(spki, &ret->next)) { /* whoever uses it has it: the one before is over */
        ret->spki = ret->next;
        ret->next = (struct hash){0};
        ret->changed++;
        r = share_keep(p, ret, e);
    }
    return r;
}

int client_by_origin(const struct priv *p, const char *origin, struct client *ret, struct err *e) {
    return client_find(p, NULL, origin, ret, e);
}

int client_store(const struct priv *p, const struct client *c, struct err *e) {
    return fields_save(&priv_client_form, p->state_fd, UNDER("clients", c->name), c, e);
}

bool client_may(const struct client *c, const char *right) {
    return word_in(c->rights, ' ', right, strlen(right));
}
