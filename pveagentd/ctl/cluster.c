/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentctl announce, roster, revoke: what the nodes of one cluster know of each other (root,
 * from a terminal). A revocation holds here first, then everywhere, and which nodes have said so is
 * printed: what nobody confirmed is never called done. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/share.h"

#define PORT      "8643"
#define CONFIRM_S 30
#define LOOK_MS   500

static bool is_loopback(const struct sockaddr *sa) {
    const struct sockaddr_in6 *v6 = (const void *)sa;
    const struct sockaddr_in *v4 = (const void *)sa;

    return sa->sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
                                     : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

/* What the node's own name leads to, as Proxmox VE wants it to. */
static void find_addresses(struct ctl *k, char text[CTL_ADDRESSES][80]) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char host[INET6_ADDRSTRLEN + 1];

    if (getaddrinfo(k->p.node, PORT, &hints, &list) != 0) {
        return;
    }
    for (const struct addrinfo *a = list; a && k->n_addresses < CTL_ADDRESSES; a = a->ai_next) {
        bool v6 = a->ai_family == AF_INET6;

        if (!is_loopback(a->ai_addr) &&
            getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) ==
                0 &&
            !strchr(host, '%')) {
            char *to = text[k->n_addresses];

            (void)snprintf(to, 80, v6 ? "[%s]:" PORT : "%s:" PORT, host);
            k->address[k->n_addresses++] = to;
        }
    }
    freeaddrinfo(list);
}

static void print_entry(const struct roster_entry *r) {
    struct hash witness, receipt;

    (void)printf("%-9s tls     %s\n", r->node, HASH_STR(&r->tls));
    if (vkey_digest(&r->witness, &witness) == 0 && vkey_digest(&r->receipt, &receipt) == 0) {
        (void)printf("  witness     %s\n  receipt     %s\n", HASH_STR(&witness),
                     HASH_STR(&receipt));
    }
    if (r->has_tls_next) {
        (void)printf("  next tls    %s\n", HASH_STR(&r->tls_next));
    }
    for (size_t i = 0; i < r->n_addresses; i++) {
        (void)printf("  at          %s\n", r->address[i]);
    }
}

int ctl_announce_at(struct priv *p, const char *const *address, size_t n, const struct hash *tls,
                    const struct hash *tls_next, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    CLEANUP(closep) int lock = -1;
    int x = roster_lock(p, &lock, e);

    if (x < 0 || !n || n > ROSTER_ADDRESSES || !p->has_receipt_key) {
        return x < 0 ? x
                     : err_set(e, -EINVAL, "1 to %d addresses of an armed node", ROSTER_ADDRESSES);
    }
    (void)roster_own(p, &r, NULL); /* its successions and its serial stay */
    memcpy(r.address, address, n * sizeof(*address));
    r.n_addresses = n;
    r.tls = *tls;
    r.has_tls_next = tls_next != NULL;
    if (tls_next) {
        r.tls_next = *tls_next;
    }
    return roster_put(p, &r, true, e);
}

static int announce(struct ctl *k, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    struct hash tls;
    int x = ctl_cert_spki(k->tls_cert, &tls, e);

    x = x < 0 ? x : ctl_announce_at(&k->p, k->address, k->n_addresses, &tls, NULL, e);
    x = x < 0 ? x : roster_own(&k->p, &r, e);
    if (x == 0) {
        print_entry(&r);
    }
    return x;
}

int ctl_announce(struct ctl *k) {
    struct err e = {0};

    if (k->n_args || !k->n_addresses) {
        return ctl_usage();
    }
    if (!priv_armed(&k->p)) {
        (void)err_set(&e, -EPERM, "this node is not armed");
        (void)err_hint(&e, "run: pveagentctl arm");
        return ctl_fail(&e);
    }
    return announce(k, &e) < 0 ? ctl_fail(&e) : EXIT_SUCCESS;
}

void ctl_announce_armed(struct ctl *k) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    char text[CTL_ADDRESSES][80];
    struct err e = {0};
    int x;

    if (k->n_addresses == 0 && roster_own(&k->p, &r, NULL) == 0) {
        x = roster_refresh(&k->p, &e); /* where it is stays; the receipt key is another */
    } else {
        if (k->n_addresses == 0) {
            find_addresses(k, text);
        }
        x = k->n_addresses ? announce(k, &e)
                           : err_set(&e, -ENOENT, "the name %s leads to no address", k->p.node);
    }
    if (x < 0) {
        (void)fprintf(stderr,
                      "not announced to the cluster: %s\n  run: pveagentctl announce --address "
                      "HOST:PORT\n",
                      e.msg);
    }
}

static int show(void *ctx, const struct roster_entry *r, const char *note) {
    (void)ctx;
    (void)note;
    print_entry(r);
    return 0;
}

int ctl_roster(struct ctl *k) {
    return k->n_args                            ? ctl_usage()
           : roster_each(&k->p, show, NULL) < 0 ? EXIT_FAILURE
                                                : EXIT_SUCCESS;
}

struct confirm {
    const struct ctl *k;
    const struct hash *spki;
    size_t missing;
    bool tell; /* the last look */
};

static int has_confirmed(void *ctx, const struct roster_entry *r, const char *note) {
    struct confirm *c = ctx;
    bool yes = false;

    (void)note;
    if (strcmp(r->node, c->k->p.node) == 0) {
        return 0;
    }
    for (size_t i = 0; i < r->n_revoked; i++) {
        yes = yes || hash_eq(&r->revoked[i], c->spki);
    }
    c->missing += !yes;
    if (c->tell) {
        (void)printf(yes ? "confirmed %s\n"
                         : "NOT YET   %s: it has not said so; it refuses once it sees the shared "
                           "list\n",
                     r->node);
    }
    return 0;
}

/* Waits until all announced nodes have said that they refuse the key; how many have not. */
static size_t wait_for_nodes(const struct ctl *k, const struct hash *spki) {
    struct confirm c = {.k = k, .spki = spki};
    int64_t until = clock_mono_ms() + (int64_t)CONFIRM_S * 1000;

    for (;;) {
        c.missing = 0;
        if (roster_each(&k->p, has_confirmed, &c) < 0 || c.tell) {
            return c.missing;
        }
        c.tell = !c.missing || clock_mono_ms() >= until;
        if (!c.tell) {
            clock_sleep_ms(LOOK_MS);
        }
    }
}

static int unshare_client(const struct priv *p, const char *name, struct err *e) {
    char path[4096];
    int r = cluster_path(p, CLIENTS_DIR, name, path, e);

    return r < 0 ? r
           : unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR
               ? err_set(e, -errno, "remove %s: %s", path, strerror(errno))
               : 0;
}

int ctl_revoke(struct ctl *k) {
    static const struct hash none;
    struct client c;
    struct err e = {0};
    char path[64];
    bool everywhere;
    size_t n;
    int r;

    if (k->n_args != 1) {
        return ctl_usage();
    }
    (void)share_import(&k->p);
    r = client_by_name(&k->p, k->args[0], &c, &e);
    if (r == -ENOENT) {
        (void)err_set(&e, r, "no client has the name %.80s", k->args[0]);
        (void)err_hint(&e, "pveagentctl list shows them");
    }
    if (r < 0) {
        return ctl_fail(&e);
    }
    everywhere = ctl_deny_key(&k->p, &c.spki, &e) == 0 &&
                 (hash_eq(&c.next, &none) || ctl_deny_key(&k->p, &c.next, &e) == 0) &&
                 unshare_client(&k->p, c.name, &e) == 0;
    (void)printf("revoked   %s\n", c.name);
    n = client_end_running(&k->p, &c);
    if (n) {
        (void)printf("ended     %zu commands on this node\n", n);
    }
    (void)snprintf(path, sizeof(path), "clients/%s", c.name);
    if (unlinkat(k->p.state_fd, path, 0) < 0) {
        (void)err_set(&e, -errno, "%s: %s", path, strerror(errno));
        everywhere = false;
    }
    if (!everywhere) {
        (void)ctl_fail(&e); /* the local denial came first and holds */
        (void)fprintf(stderr, "  refused on this node; the other nodes do not know of it\n");
        return EXIT_FAILURE;
    }
    (void)roster_refresh(&k->p, NULL);
    return wait_for_nodes(k, &c.spki) ? EXIT_FAILURE : EXIT_SUCCESS;
}
