/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentctl: what root does on a node (runs as root, from a terminal). It works on the root
 * half's own files, under the same locks, so that it also works when the daemon does not run. Each
 * command prints what it did; denials (freeze, revoke) need nothing to parse. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/peer.h"
#include "common/put.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/gate.h"
#include "pveagentd/priv/join.h"
#include "pveagentd/priv/actor.h"
#include "pveagentd/priv/later.h"
#include "pveagentd/priv/share.h"
#include "pveagentd/priv/witness.h"

static const char usage[] =
    "Usage: pveagentctl [options] COMMAND\n\n"
    "  arm [--address HOST:PORT…]  make this node act and witness; a new receipt key\n"
    "  announce --address HOST:PORT…\n"
    "                              where clients of the cluster reach this node\n"
    "  roster                      what the nodes of the cluster announce\n"
    "  invite NAME [--address HOST:PORT…] [--rights \"R…\"]\n"
    "                              print one line for proximo-client join; ten minutes, once;\n"
    "                              rights: evidence witness, inventory only when it is named\n"
    "  list                        the enrolled clients\n"
    "  revoke NAME                 refuse a client for good, on every node, and end what it runs\n"
    "  rotate receipt|witness      another key; the one before vouches for it\n"
    "  rotate tls [--switch]       announce the next TLS key; then, when clients know it, use it\n"
    "  continue NAME VKEY          accept that the client's log was restarted with this key\n"
    "  freeze on|off               refuse every action, here and on nodes that share the files\n"
    "  status                      keys, arming, policy, heads, what runs, revert timers\n"
    "  check [FILE]                does the policy parse; what should one know about it\n"
    "  edit [--shared]             change the policy with $EDITOR; checked before it replaces\n"
    "  explain FILE                what the policy says to the node request in FILE\n\n"
    "  --state DIR         [/var/lib/pveagentd-priv]\n"
    "  --cluster-fs DIR    [" CLUSTER_FS "]\n"
    "  --network-dir DIR   [" NETWORK_DIR "]\n"
    "  --policy FILE       [/etc/pveagentd/policy.ini]\n"
    "  --node NAME         [the host name]\n"
    "  --lxc-path DIR      [" CT_DEFAULT_LXC_PATH "]\n"
    "  --act PATH          the program that acts [" LIBEXECDIR "/" PACKAGE "/pveagentd-act]\n"
    "  --tls-cert FILE     the front end's certificate [/var/lib/pveagentd/tls.crt]\n"
    "  --daemon FILE       the front end's program [" SBINDIR "/pveagentd]\n"
    "  --help, --version\n";

int ctl_fail(const struct err *e) {
    (void)fprintf(stderr, "pveagentctl: %s\n", e->msg);
    if (e->hint[0]) {
        (void)fprintf(stderr, "  %s\n", e->hint);
    }
    return EXIT_FAILURE;
}

static int client_each(const struct priv *p, int (*fn)(void *ctx, const struct client *c),
                       void *ctx) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "clients");
    const char *name;
    int r = d ? 0 : -EIO;

    while (r == 0 && (name = dir_next(d)) != NULL) {
        struct client c;

        r = client_by_name(p, name, &c, NULL) < 0 ? 0 : fn(ctx, &c);
    }
    return r;
}

struct largest {
    struct buf note;
    struct checkpoint c;
};

static int keep_largest(void *ctx, const struct head *h) {
    struct largest *l = ctx;

    if (l->note.len && h->c.size <= l->c.size) {
        return 0;
    }
    l->c = h->c;
    buf_reset(&l->note);
    return buf_adds(&l->note, h->note);
}

/* What a peer has cosigned of this log and this node has not: without it, a node that lost its
 * journal would cosign a second history. */
static int adopt(void *ctx, const struct client *c) {
    struct ctl *k = ctx;
    struct largest l = {.note = BUF_INIT(LIM_NOTE)};
    CLEANUP(closep) int lock = -1;
    struct origin *o = origin_get(&k->p, c->log.name);
    struct err e = {0};
    int r = o ? heads_each(&k->p, &c->log, keep_largest, &l) : -ENOMEM;

    if (r == 0 && l.note.len) {
        r = origin_lock(&k->p, o, &lock, &e);
        if (r == 0 && (!o->has_head || l.c.size > o->size)) {
            r = journal_head(&k->p, o, buf_str(&l.note), clock_unix(), &e);
        }
    }
    buf_done(&l.note);
    if (r < 0) {
        (void)ctl_fail(&e);
        return -1;
    }
    if (lock < 0) {
        return 0;
    }
    (void)printf("adopted   %s at size %llu\n", c->log.name, (unsigned long long)o->size);
    return 0;
}

static int cmd_arm(struct ctl *k) {
    struct err e = {0};

    if (client_each(&k->p, adopt, k) < 0 || ctl_arm(&k->p, &e) < 0) {
        return e.msg[0] ? ctl_fail(&e) : EXIT_FAILURE;
    }
    (void)printf("armed     node %s, receipt key %s\n", k->p.node, k->p.receipt_id);
    ctl_announce_armed(k);
    return EXIT_SUCCESS;
}

static int cmd_invite(struct ctl *k) {
    CLEANUP(roster_entry_done) struct roster_entry own = {.node = NULL};
    CLEANUP(buf_wipe) struct buf line = BUF_INIT(2 * LIM_LINE);
    struct hash tls;
    struct err e = {0};

    if (k->n_args != 1) {
        return ctl_usage();
    }
    if (!priv_armed(&k->p)) {
        (void)err_set(&e, -EPERM, "this node is not armed");
        (void)err_hint(&e, "run: pveagentctl arm");
        return ctl_fail(&e);
    }
    if (k->n_addresses == 0) { /* where it is, is announced already */
        (void)roster_own(&k->p, &own, NULL);
        memcpy(k->address, own.address, own.n_addresses * sizeof(*k->address));
        k->n_addresses = own.n_addresses;
    }
    if (ctl_cert_spki(k->tls_cert, &tls, &e) < 0 ||
        ctl_invitation(&k->p, k->args[0], k->rights, k->address, k->n_addresses, &tls, &line, &e) <
            0) {
        return ctl_fail(&e);
    }
    (void)printf("%s\n", buf_str(&line));
    (void)fprintf(stderr,
                  "rights: %s\nvalid for %d minutes, once; on the workstation:\n"
                  "  proximo-client join --name %s LINE\n",
                  k->rights, INVITE_S / 60, k->args[0]);
    return EXIT_SUCCESS;
}

static int print_client(void *ctx, const struct client *c) {
    struct ctl *k = ctx;
    char spki[HASH_HEX_LEN + 1];

    hash_text(&c->spki, spki);
    (void)printf("%-20s %s%s\n  log    %s\n  rights %s\n", c->name, spki,
                 priv_revoked(&k->p, &c->spki) ? "  REVOKED" : "", c->log.name,
                 c->rights[0] ? c->rights : "-");
    return 0;
}

static int cmd_list(struct ctl *k) {
    (void)share_import(&k->p);
    return client_each(&k->p, print_client, k) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int cmd_continue(struct ctl *k) {
    struct client c;
    struct client other;
    struct vkey log;
    struct err e = {0};

    if (k->n_args != 2) {
        return ctl_usage();
    }
    if (client_by_name(&k->p, k->args[0], &c, &e) < 0 || vkey_parse(k->args[1], &log, &e) < 0) {
        return ctl_fail(&e);
    }
    if (log.type != NOTE_ED25519 || client_by_origin(&k->p, log.name, &other, NULL) == 0) {
        (void)err_set(&e, -EINVAL, "that is no new log's key");
        return ctl_fail(&e);
    }
    (void)printf("until now %s\nfrom now  %s\n", c.log.name, log.name);
    c.log = log;
    return share_keep(&k->p, &c, &e) < 0 ? ctl_fail(&e) : EXIT_SUCCESS;
}

static int cmd_freeze(struct ctl *k) {
    struct err e = {0};
    bool on = k->n_args == 1 && strcmp(k->args[0], "on") == 0;

    if (!on && (k->n_args != 1 || strcmp(k->args[0], "off") != 0)) {
        return ctl_usage();
    }
    if (ctl_freeze(&k->p, on, &e) < 0) {
        return ctl_fail(&e);
    }
    (void)printf(on ? "frozen\n" : "not frozen\n");
    return EXIT_SUCCESS;
}

static int print_timer(void *ctx, const struct due *t) {
    int64_t left = (int64_t)t->deadline - clock_unix();

    (void)ctx;
    (void)printf("timer     of %s over %s", t->client, t->sets);
    if (t->ct) {
        (void)printf(" %u", t->ct);
    }
    (void)printf(": reverts in %lld s, %s\n", (long long)(left < 0 ? 0 : left),
                 t->changed ? "something was changed" : "nothing was changed yet");
    return 0;
}

/* Copies of timers that are no more: another hand had changed the file, so it was left. */
static void print_kept(const struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "revert");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        struct hash h;

        if (strlen(name) > 65 && name[64] == '.' && hex_decode(name, 64, h.b) == 0 &&
            !timer_pending(p, &h)) {
            (void)printf("kept      %s/revert/%s\n", p->state_dir, name);
        }
    }
}

static int cmd_status(struct ctl *k) {
    CLEANUP(policy_done) struct policy pol = {0};
    CLEANUP(buf_done) struct buf key = BUF_INIT(512);
    char hash[HASH_HEX_LEN + 1];
    struct err e = {0};

    (void)printf("node      %s\narmed     %s\nfrozen    %s\n", k->p.node,
                 priv_armed(&k->p) ? "yes" : "no", priv_frozen(&k->p) ? "yes" : "no");
    if (vkey_text(&k->p.witness.v, &key) == 0) {
        (void)printf("witness   %s\n", buf_str(&key));
    }
    buf_reset(&key);
    if (k->p.has_receipt_key && vkey_text(&k->p.receipt.v, &key) == 0) {
        (void)printf("receipts  %s\n", buf_str(&key));
    }
    if (policy_load(&k->p, &pol, &e) == 0) {
        hash_text(&pol.digest, hash);
        (void)printf("policy    %s, %zu rules\n", hash, pol.n_rules);
    } else {
        (void)printf("policy    unreadable: %s\n", e.msg);
    }
    (void)printf("clock     %s\n",
                 clock_check(&k->p, clock_unix(), pol.any_clock, &e) < 0 ? e.msg : "ok");
    if (journal_replay_all(&k->p, &e) == 0) {
        for (struct origin *o = k->p.origins; o; o = o->next) {
            CLEANUP(closep) int lock = -1;
            bool bad = origin_lock(&k->p, o, &lock, &e) < 0;

            (void)printf("log       %s size %llu, %zu actions, %zu receipts open%s\n", o->name,
                         (unsigned long long)o->size, o->n_acts, journal_open_receipts(o),
                         bad ? ", DAMAGED" : "");
        }
    }
    (void)printf("running   %zu\n", running_count(&k->p, 0, NULL));
    if (timers_waiting(&k->p) &&
        (actor_open(&k->p, &e) < 0 || timers_each(&k->p, "", print_timer, NULL) < 0)) {
        (void)printf("timers    cannot be read %s\n", e.msg);
    }
    print_kept(&k->p);
    return EXIT_SUCCESS;
}

static const struct {
    const char *name;
    int (*fn)(struct ctl *k);
} commands[] = {{"arm", cmd_arm},         {"invite", cmd_invite},     {"list", cmd_list},
                {"revoke", ctl_revoke},   {"continue", cmd_continue}, {"freeze", cmd_freeze},
                {"status", cmd_status},   {"check", ctl_check},       {"edit", ctl_edit},
                {"explain", ctl_explain}, {"announce", ctl_announce}, {"roster", ctl_roster},
                {"rotate", ctl_rotate}};

int ctl_usage(void) {
    (void)fputs(usage, stderr);
    return 2;
}

static int on_option(struct ctl *k, int c) {
    switch (c) {
    case 't':
        k->tls_cert = optarg;
        return 0;
    case 'r':
        k->rights = optarg;
        return 0;
    case 's':
        k->shared = true;
        return 0;
    case 'w':
        k->do_switch = true;
        return 0;
    case 'd':
        k->daemon = optarg;
        return 0;
    case 'a':
        if (k->n_addresses == CTL_ADDRESSES) {
            return -1;
        }
        k->address[k->n_addresses++] = optarg;
        return 0;
    case 'h':
        (void)fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    case 'v':
        (void)puts("pveagentctl " PACKAGE_VERSION);
        exit(EXIT_SUCCESS);
    default:
        return priv_option(&k->p, c, optarg);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {PRIV_OPTIONS,
                                            {"tls-cert", 1, NULL, 't'},
                                            {"rights", 1, NULL, 'r'},
                                            {"address", 1, NULL, 'a'},
                                            {"shared", 0, NULL, 's'},
                                            {"switch", 0, NULL, 'w'},
                                            {"daemon", 1, NULL, 'd'},
                                            {"help", 0, NULL, 'h'},
                                            {"version", 0, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    struct ctl k = {.p = PRIV_DEFAULTS,
                    .rights = "evidence witness",
                    .daemon = SBINDIR "/pveagentd",
                    .tls_cert = "/var/lib/pveagentd/tls.crt"};
    struct err e = {0};
    int status = -1;
    int c;

    peer_host_name(k.p.node, sizeof(k.p.node));
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (on_option(&k, c) < 0) {
            return ctl_usage();
        }
    }
    if (optind == argc || !ident_is_node(k.p.node)) {
        return ctl_usage();
    }
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    k.args = argv + optind + 1;
    k.n_args = (size_t)(argc - optind - 1);
    for (size_t i = 0; status < 0 && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[optind], commands[i].name) == 0) {
            status = priv_open(&k.p, &e) < 0 ? ctl_fail(&e) : commands[i].fn(&k);
        }
    }
    priv_close(&k.p);
    return status < 0 ? ctl_usage() : status;
}
