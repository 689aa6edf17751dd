/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolled clients: one small file each, clients/NAME (runs as root, in children and pveagentctl).
 * A client is its TLS key's hash and its log's key; the name is for people and for the policy. A
 * file that does not parse is no client. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/priv.h"

#define CLIENT_HEAD "proximo-client/v1"

static const struct line_key keys[] = {{"name", false, true},
                                       {"spki", false, true},
                                       {"log", false, true},
                                       {"rights", false, true},
                                       {"joined", false, true}};

int client_by_name(const struct priv *p, const char *name, struct client *ret, struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    struct client c = {0};
    char path[64];
    int r;

    if (!ident_is_client(name)) {
        return err_set(e, -EINVAL, "not a client's name");
    }
    (void)snprintf(path, sizeof(path), "clients/%s", name);
    r = lines_file(p->state_fd, path, CLIENT_HEAD, keys, ARRAY_LEN(keys), &l, e);
    r = r < 0 ? r : form_no_nul(&l, keys, e);
    if (r < 0) {
        return r;
    }
    if (strcmp(lines_get(&l, keys, "name"), name) != 0 ||
        hash_parse(lines_get(&l, keys, "spki"), &c.spki) < 0 ||
        vkey_parse(lines_get(&l, keys, "log"), &c.log, e) < 0 ||
        form_time(lines_get(&l, keys, "joined"), &c.joined) < 0 ||
        strlen(lines_get(&l, keys, "rights")) >= sizeof(c.rights)) {
        return err_set(e, -EBADMSG, "clients/%s is damaged", name);
    }
    (void)snprintf(c.name, sizeof(c.name), "%s", name);
    (void)snprintf(c.rights, sizeof(c.rights), "%s", lines_get(&l, keys, "rights"));
    *ret = c;
    return 0;
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
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    char path[64];
    int r = buf_adds(&b, CLIENT_HEAD "\n");

    r = r < 0 ? r : lines_puts(&b, "name", c->name, "spki", HASH_STR(&c->spki), NULL);
    r = r < 0 ? r : lines_put_vkey(&b, "log", &c->log);
    r = r < 0 ? r : lines_puts(&b, "rights", c->rights, "joined", NUM_STR(c->joined), NULL);
    (void)snprintf(path, sizeof(path), "clients/%s", c->name);
    return r < 0 ? err_set(e, r, "client does not fit")
                 : file_replace(p->state_fd, path, b.data, b.len, 0600, e);
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
