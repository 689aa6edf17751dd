/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that another node enrolled or revoked (root; request children, the resident's child and
 * pveagentctl). Invariants: a denial counts before anything else of a shared file is looked at;
 * what is enrolled here is not replaced by what another node says of that name, but for a newer TLS
 * key under the same log. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fields.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/gate.h"
#include "pveagentd/priv/share.h"

#define STATEMENT_S 900 /* as long as an intent */

static int share_client(const struct priv *p, const struct client *c, struct err *e) {
    char path[4096];
    int r = cluster_place(p, CLIENTS_DIR, 0700, c->name, path, e);

    return r < 0 ? r : fields_save(&priv_client_form, AT_FDCWD, path, c, e);
}

/* Whether the shared record is to be taken: 0 it is as it is here, 1 yes, -EEXIST it is not
 * believed, because name, key or log are another client's here. */
static int wanted(const struct priv *p, const struct client *c) {
    struct client have;

    if (priv_revoked(p, &c->spki) || priv_revoked(p, &c->next)) {
        return 0;
    }
    if (client_by_name(p, c->name, &have, NULL) == 0) {
        if (priv_revoked(p, &have.spki)) {
            return 1;
        }
        return !vkey_eq(&have.log, &c->log) ? -EEXIST : c->changed > have.changed;
    }
    return client_here(p, &c->spki, NULL, &have) == 0 ||
                   client_here(p, NULL, c->log.name, &have) == 0
               ? -EEXIST
               : 1;
}

int share_import(const struct priv *p) {
    CLEANUP(dir_closep) DIR *d = cluster_dir(p, CLIENTS_DIR);
    CLEANUP(closep) int lock = -1;
    const char *name;
    int n = 0;

    if (!d || state_lock(p, "clients.lock", &lock, NULL) < 0 || !priv_armed(p)) {
        return 0;
    }
    while ((name = dir_next(d)) != NULL) {
        struct client c;
        struct err e = {0};

        if (client_read(dirfd(d), name, &c, &e) < 0 || wanted(p, &c) <= 0) {
            continue;
        }
        if (client_store(p, &c, &e) == 0) {
            log_event(LOG_L_NOTE, "a client that another node enrolled is known here", "CLIENT",
                      c.name, "ORIGIN", c.log.name, NULL);
            n++;
        }
    }
    return n;
}

int share_rotate(const struct priv *p, struct client *c, const char *note, size_t len,
                 struct err *e) {
    struct client other;
    struct client_key k;
    int64_t now = clock_unix();

    if (client_key_open(note, len, &c->log, &k, e) < 0 || strcmp(k.client, c->name) != 0 ||
        k.time < c->changed || (k.time == c->changed && !hash_eq(&k.spki, &c->next)) ||
        k.time > now + STATEMENT_S || k.time < now - STATEMENT_S) {
        return err_tag(e, -EACCES, "rotate_refused",
                       "that is no new word of this client's log on its key");
    }
    if (priv_revoked(p, &k.spki) ||
        (client_here(p, &k.spki, NULL, &other) == 0 && strcmp(other.name, c->name) != 0)) {
        return err_tag(e, -EACCES, "rotate_refused", "that key was revoked, or is another's");
    }
    c->changed = k.time;
    c->next = k.spki; /* its own once more: the next use of it says that nothing changes */
    return share_keep(p, c, e);
}

int share_keep(const struct priv *p, const struct client *c, struct err *e) {
    struct err why = {0};
    int r = client_store(p, c, e);

    if (r == 0 && share_client(p, c, &why) < 0) { /* tried again by the chores */
        log_event(LOG_L_WARN, "other nodes do not know of this client yet", "CLIENT", c->name,
                  "REASON", why.msg, NULL);
    }
    return r;
}

/* What this node enrolled while the cluster file system could not be written. */
static void share_missing(const struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "clients");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        char path[4096];
        struct client c;

        if (client_read(dirfd(d), name, &c, NULL) == 0 && !priv_revoked(p, &c.spki) &&
            cluster_path(p, CLIENTS_DIR, name, path, NULL) == 0 && access(path, F_OK) < 0 &&
            errno == ENOENT) {
            (void)share_client(p, &c, NULL);
        }
    }
}

size_t client_end_running(struct priv *p, const struct client *c) {
    const struct origin *o = journal_replay_all(p, NULL) < 0 ? NULL : origin_get(p, c->log.name);
    size_t n = 0;

    for (size_t i = 0; o && i < o->n_acts; i++) {
        struct running run;

        /* the lock says that the process is the one that wrote its id */
        n += !o->act[i].seq && running_find(p, HEX_STR(&o->act[i].request), &run) && run.pid > 1 &&
             kill(run.pid, SIGUSR1) == 0;
    }
    return n;
}

/* Refuses here what another node revoked and ends what those clients run. */
static void share_revoke(struct priv *p) {
    CLEANUP(dir_closep) DIR *d = cluster_dir(p, "pveagentd/revoked");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        const char *path = UNDER("revoked", name);
        struct client c;
        struct hash h;

        if (!ident_is_hex(name, 2 * HASH_LEN) || hex_decode(name, 2 * HASH_LEN, h.b) < 0 ||
            faccessat(p->state_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
            continue;
        }
        if (file_replace(p->state_fd, path, "\n", 1, 0600, NULL) == 0 &&
            client_here(p, &h, NULL, &c) == 0) {
            (void)client_end_running(p, &c);
            (void)unlinkat(p->state_fd, UNDER("clients", c.name), 0);
            log_event(LOG_L_WARN, "a client was revoked on another node", "CLIENT", c.name, NULL);
        }
    }
}

void share_chores(struct priv *p) {
    struct err e = {0};

    share_revoke(p);
    (void)share_import(p);
    share_missing(p);
    if (roster_refresh(p, &e) < 0) {
        log_event(LOG_L_WARN, "the roster entry cannot be shown", "REASON", e.msg, NULL);
    }
}
