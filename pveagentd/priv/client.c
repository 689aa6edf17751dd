/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolled clients: one small file each, clients/NAME (runs as root, in children and pveagentctl).
 * A client is its TLS key's hash and its log's key; the name is for people and for the policy. A
 * file that does not parse is no client. */
#include <errno.h>
#include <string.h>

#include "common/dir.h"
#include "common/err.h"
#include "common/fields.h"
#include "common/ident.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"

static const struct field fields[] = {
    FIELD(struct client, name, F_NAME, true), FIELD(struct client, spki, F_HASH, true),
    FIELD(struct client, log, F_VKEY, true), FIELD(struct client, rights, F_NAME, true),
    FIELD(struct client, joined, F_TIME, true)};
static const struct form form = {"proximo-client/v1", fields, ARRAY_LEN(fields)};

static const char *client_path(const char *name, char ret[static 64]) {
    (void)snprintf(ret, 64, "clients/%.40s", name);
    return ret;
}

int client_by_name(const struct priv *p, const char *name, struct client *ret, struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    struct client c;
    char path[64];
    int r = ident_is_client(name)
                ? fields_load(&form, p->state_fd, client_path(name, path), &l, &c, e)
                : err_set(e, -EINVAL, "not a client's name");

    if (r == 0 && strcmp(c.name, name) != 0) {
        r = err_set(e, -EBADMSG, "clients/%s is damaged", name);
    }
    if (r == 0) {
        *ret = c;
    }
    return r;
}

/* By the hash of its key, else by its log's name. */
static int client_find(const struct priv *p, const struct hash *spki, const char *origin,
                       struct client *ret, struct err *e) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "clients");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        struct client c;

        if (client_by_name(p, name, &c, NULL) == 0 &&
            (origin ? strcmp(origin, c.log.name) == 0 : hash_eq(spki, &c.spki))) {
            *ret = c;
            return 0;
        }
    }
    return err_tag(e, d ? -ENOENT : -EIO, "client_unknown", "no enrolled client has this %s",
                   spki ? "key" : "log");
}

int client_by_spki(const struct priv *p, const struct hash *spki, struct client *ret,
                   struct err *e) {
    return client_find(p, spki, NULL, ret, e);
}

int client_by_origin(const struct priv *p, const char *origin, struct client *ret, struct err *e) {
    return client_find(p, NULL, origin, ret, e);
}

int client_store(const struct priv *p, const struct client *c, struct err *e) {
    char path[64];

    return fields_save(&form, p->state_fd, client_path(c->name, path), c, e);
}

bool client_may(const struct client *c, const char *right) {
    return word_in(c->rights, ' ', right, strlen(right));
}

bool word_in(const char *list, char sep, const char *word, size_t n) {
    const char seps[] = {sep, '\0'};

    for (const char *s = list; *(s += strspn(s, seps)); s += strcspn(s, seps)) {
        if (strcspn(s, seps) == n && memcmp(s, word, n) == 0) {
            return true;
        }
    }
    return false;
}
