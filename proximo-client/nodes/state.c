/* SPDX-License-Identifier: Apache-2.0 */
/* The list of enrolled nodes, nodes/<cluster>.ini. It decides whom we believe, so it is ours alone
 * (0600), replaced as a whole, and changed only under a lock and after reading what another process
 * may have written meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes_int.h"

/* 2: former receipt keys. 3: what the roster told. An older file is one without. */
#define FORMAT 3

static const struct conf_rule rules[] = {
    {"proximo-nodes", false, "version", false, true},
    {"node", true, "address", false, true},
    {"node", true, "spki", false, true},
    {"node", true, "witness", false, true},
    {"node", true, "receipt", false, true},
    {"node", true, "former", true, false},
    {"node", true, "trusted", false, true},
    {"node", true, "client", false, true},
    {"node", true, "former-witness", true, false},
    {"node", true, "next-spki", false, false},
    {"node", true, "serial", false, false},
    {"node", true, "from", false, false},
};

struct node *node_get(struct nodes *n, const char *name) {
    for (size_t i = 0; name && i < n->n; i++) {
        if (strcmp(n->v[i].name, name) == 0) {
            return &n->v[i];
        }
    }
    return NULL;
}

static void node_done(struct node *d) {
    if (d->curl) {
        curl_easy_cleanup(d->curl);
    }
}

static void list_done(struct nodes *n) {
    for (size_t i = 0; i < n->n; i++) {
        node_done(&n->v[i]);
    }
    free(n->v);
    n->v = NULL;
    n->n = 0;
}

static void point(struct node *d) {
    d->i.name = d->name;
    d->i.address = d->address;
    d->i.client = d->client;
    d->i.from = d->from;
}

static bool fits(const char *s, size_t size) {
    return s && *s && strlen(s) < size;
}

int state_put(struct nodes *n, const struct node_info *i, struct err *e) {
    struct node *d = node_get(n, i->name);
    size_t at = 0;

    if ((i->from && strlen(i->from) >= sizeof(d->from)) || !fits(i->name, sizeof(d->name)) ||
        !fits(i->address, sizeof(d->address)) || !fits(i->client, sizeof(d->client)) ||
        strpbrk(i->address, " \t\r\n/@?#;")) {
        return err_set(e, -EINVAL, "a node's name, address or client name is not usable");
    }
    if (!d) {
        struct node *v = reallocarray(n->v, n->n + 1, sizeof(*v));

        if (!v) {
            return err_set(e, -ENOMEM, "out of memory");
        }
        while (at < n->n && strcmp(v[at].name, i->name) < 0) {
            at++;
        }
        memmove(v + at + 1, v + at, (n->n - at) * sizeof(*v));
        n->v = v;
        n->n++;
        d = &v[at];
        memset(d, 0, sizeof(*d));
    } else {
        node_done(d); /* its pin may be another now: no old connection may outlive that */
        d->curl = NULL;
    }
    d->i = *i;
    (void)snprintf(d->name, sizeof(d->name), "%s", i->name);
    (void)snprintf(d->address, sizeof(d->address), "%s", i->address);
    (void)snprintf(d->client, sizeof(d->client), "%s", i->client);
    (void)snprintf(d->from, sizeof(d->from), "%s", i->from ? i->from : "");
    for (size_t k = 0; k < n->n; k++) { /* moved ones too */
        point(&n->v[k]);
    }
    return 0;
}

int state_drop(struct nodes *n, const char *name) {
    struct node *d = node_get(n, name);
    size_t at;

    if (!d) {
        return -ENOENT;
    }
    at = (size_t)(d - n->v);
    node_done(d);
    memmove(d, d + 1, (n->n - at - 1) * sizeof(*d));
    n->n--;
    for (size_t k = 0; k < n->n; k++) {
        point(&n->v[k]);
    }
    return 0;
}

static int read_former(const struct conf_section *s, const char *key, struct vkey *ret, size_t *n) {
    for (size_t k = 0; k < s->n; k++) {
        if (strcmp(s->entry[k].key, key) == 0 &&
            (*n == NODE_FORMER || vkey_parse(s->entry[k].value, &ret[(*n)++], NULL) < 0)) {
            return -EBADMSG;
        }
    }
    return 0;
}

static int read_roster(const struct conf_section *s, struct node_info *i) {
    const char *next = conf_get(s, "next-spki");
    const char *serial = conf_get(s, "serial");

    i->has_next = next != NULL;
    i->from = conf_get(s, "from");
    return (next && hash_parse(next, &i->next) < 0) ||
                   (serial && ident_u64(serial, &i->serial) < 0) ||
                   (i->from && !ident_is_node(i->from)) ||
                   read_former(s, "former-witness", i->former_witness, &i->n_former_witness) < 0
               ? -EBADMSG
               : 0;
}

static int read_node(struct nodes *n, const struct conf_section *s, struct err *e) {
    const char *trusted = conf_get(s, "trusted");
    struct node_info i = {.name = s->name,
                          .address = conf_get(s, "address"),
                          .client = conf_get(s, "client"),
                          .trusted = strcmp(trusted, "yes") == 0};

    if (!ident_is_node(s->name) || (!i.trusted && strcmp(trusted, "no") != 0) ||
        hash_parse(conf_get(s, "spki"), &i.spki) < 0 ||
        vkey_parse(conf_get(s, "witness"), &i.witness, NULL) < 0 ||
        vkey_parse(conf_get(s, "receipt"), &i.receipt, NULL) < 0 ||
        read_former(s, "former", i.former, &i.n_former) < 0 || read_roster(s, &i) < 0) {
        return err_set(e, -EBADMSG, "line %zu: [node %s] has a value that is malformed", s->line,
                       s->name);
    }
    return state_put(n, &i, e);
}

static int check_version(const struct conf *c, struct err *e) {
    int version = conf_version(c, "proximo-nodes", FORMAT, e);

    if (version == 0) {
        return err_set(e, -EBADMSG, "no [proximo-nodes] with its version");
    }
    return version < 0 ? version : 0;
}

int state_read(struct nodes *n, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(conf_done) struct conf c = {0};
    int r;

    if (access(n->file, F_OK) < 0 && errno == ENOENT) {
        list_done(n);
        return 0;
    }
    r = file_read_private(AT_FDCWD, n->file, geteuid(), &b, e);
    if (r == 0) {
        r = conf_parse(buf_str(&b), b.len, &c, e);
    }
    if (r == 0) {
        r = check_version(&c, e);
    }
    if (r == 0) {
        r = conf_check(&c, rules, ARRAY_LEN(rules), e);
    }
    if (r == 0) {
        list_done(n);
    }
    for (size_t i = 0; r == 0 && i < c.n; i++) {
        if (strcmp(c.section[i].kind, "node") == 0) {
            r = read_node(n, &c.section[i], e);
        }
    }
    return r < 0 ? err_wrap(e, "%s: ", n->file) : 0;
}

static int put_key(struct buf *b, const char *name, const struct vkey *k) {
    int r = buf_addf(b, "%s = ", name);

    r = r < 0 ? r : vkey_text(k, b);
    return r < 0 ? r : buf_addc(b, '\n');
}

static int write_node(struct buf *b, const struct node *d) {
    char spki[HASH_HEX_LEN + 1];
    int r;

    hash_text(&d->i.spki, spki);
    r = buf_addf(b, "\n[node %s]\naddress = %s\nspki = %s\n", d->name, d->address, spki);
    r = r < 0 ? r : put_key(b, "witness", &d->i.witness);
    r = r < 0 ? r : put_key(b, "receipt", &d->i.receipt);
    for (size_t i = 0; r == 0 && i < d->i.n_former; i++) {
        r = put_key(b, "former", &d->i.former[i]);
    }
    for (size_t i = 0; r == 0 && i < d->i.n_former_witness; i++) {
        r = put_key(b, "former-witness", &d->i.former_witness[i]);
    }
    r = r < 0 ? r
              : buf_addf(b, "trusted = %s\nclient = %s\n", d->i.trusted ? "yes" : "no", d->client);
    if (r == 0 && d->i.has_next) {
        hash_text(&d->i.next, spki);
        r = buf_addf(b, "next-spki = %s\n", spki);
    }
    if (r == 0 && d->i.serial) {
        r = buf_addf(b, "serial = %llu\n", (unsigned long long)d->i.serial);
    }
    return r < 0 || !d->from[0] ? r : buf_addf(b, "from = %s\n", d->from);
}

static int write_all(const struct nodes *n, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    int r = buf_addf(&b,
                     "; enrolled nodes; written by `proximo-client node`\n"
                     "[proximo-nodes]\nversion = %d\n",
                     FORMAT);

    for (size_t i = 0; r == 0 && i < n->n; i++) {
        r = write_node(&b, &n->v[i]);
    }
    return r < 0 ? err_set(e, r, "too many nodes")
                 : file_replace(AT_FDCWD, n->file, b.data, b.len, 0600, e);
}

int state_change(struct nodes *n, state_fn *fn, void *ctx, struct err *e) {
    CLEANUP(buf_done) struct buf lock = BUF_INIT(4096);
    CLEANUP(freep) char *path = strdup(n->file);
    CLEANUP(closep) int fd = -1;
    int r;

    if (!path || buf_addf(&lock, "%s.lock", n->file) < 0) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = dir_make(AT_FDCWD, dirname(path), 0700, e);
    if (r < 0) {
        return r;
    }
    fd = open(buf_str(&lock), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        return err_set(e, -errno, "lock %s: %s", buf_str(&lock), strerror(errno));
    }
    r = state_read(n, e);
    if (r == 0) {
        r = fn(n, ctx, e);
    }
    return r < 0 ? r : write_all(n, e);
}
