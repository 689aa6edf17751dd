/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolled clients: one small file each, clients/NAME (runs as root, in children and pveagentctl).
 * A client is its TLS key's hash and its log's key; the name is for people and for the policy. A
 * file that does not parse is no client. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/lines.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"

#define CLIENT_HEAD "proximo-client/v1"

static const struct line_key keys[] = {{"name", false, true},
                                       {"spki", false, true},
                                       {"log", false, true},
                                       {"rights", false, true},
                                       {"joined", false, true}};

static void dir_closep(DIR **d) {
    if (*d) {
        (void)closedir(*d);
    }
}

int client_by_name(const struct priv *p, const char *name, struct client *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    CLEANUP(lines_done) struct lines l = {0};
    struct client c = {0};
    char path[64];
    int r;

    if (!ident_is_client(name)) {
        return err_set(e, -EINVAL, "not a client's name");
    }
    (void)snprintf(path, sizeof(path), "clients/%s", name);
    r = file_read(p->state_fd, path, &b, e);
    r = r < 0 ? r : lines_parse(buf_str(&b), b.len, CLIENT_HEAD, keys, ARRAY_LEN(keys), &l, e);
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

int client_each(const struct priv *p, int (*fn)(void *ctx, const struct client *c), void *ctx) {
    int fd = openat(p->state_fd, "clients", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(dir_closep) DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *de;

    if (!d) {
        closep(&fd);
        return -EIO;
    }
    while ((de = readdir(d)) != NULL) {
        struct client c;
        int r;

        if (client_by_name(p, de->d_name, &c, NULL) < 0) {
            continue;
        }
        r = fn(ctx, &c);
        if (r) {
            return r;
        }
    }
    return 0;
}

struct wanted {
    const struct hash *spki;
    const char *origin;
    struct client *ret;
};

static int is_wanted(void *ctx, const struct client *c) {
    const struct wanted *w = ctx;

    if (w->spki ? !hash_eq(w->spki, &c->spki) : strcmp(w->origin, c->log.name) != 0) {
        return 0;
    }
    *w->ret = *c;
    return 1;
}

int client_by_spki(const struct priv *p, const struct hash *spki, struct client *ret,
                   struct err *e) {
    struct wanted w = {.spki = spki, .ret = ret};
    int r = client_each(p, is_wanted, &w);

    return r == 1 ? 0
                  : err_tag(e, r < 0 ? r : -ENOENT, "client_unknown",
                            "this key belongs to no enrolled client");
}

int client_by_origin(const struct priv *p, const char *origin, struct client *ret, struct err *e) {
    struct wanted w = {.origin = origin, .ret = ret};
    int r = client_each(p, is_wanted, &w);

    return r == 1 ? 0 : err_set(e, r < 0 ? r : -ENOENT, "no client has the log %s", origin);
}

int client_store(const struct priv *p, const struct client *c, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    CLEANUP(buf_done) struct buf vkey = BUF_INIT(512);
    char hash[HASH_HEX_LEN + 1];
    char path[64];
    int r = vkey_text(&c->log, &vkey);

    hash_text(&c->spki, hash);
    r = r < 0 ? r : buf_adds(&b, CLIENT_HEAD "\n");
    r = r < 0 ? r : lines_put(&b, "name", c->name);
    r = r < 0 ? r : lines_put(&b, "spki", hash);
    r = r < 0 ? r : lines_put(&b, "log", buf_str(&vkey));
    r = r < 0 ? r : lines_put(&b, "rights", c->rights);
    r = r < 0 ? r : lines_putf(&b, "joined", "%lld", (long long)c->joined);
    if (r < 0) {
        return err_set(e, r, "client does not fit");
    }
    (void)snprintf(path, sizeof(path), "clients/%s", c->name);
    return file_replace(p->state_fd, path, b.data, b.len, 0600, e);
}

bool client_may(const struct client *c, const char *right) {
    size_t n = strlen(right);

    for (const char *s = c->rights; *s;) {
        size_t k = strcspn(s, " ");

        if (k == n && memcmp(s, right, n) == 0) {
            return true;
        }
        s += k + (s[k] == ' ');
    }
    return false;
}
