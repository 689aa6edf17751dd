/* SPDX-License-Identifier: Apache-2.0 */
/* The resident process (root): accepts, forks a child a request, keeps time. It reads no message
 * itself, so nothing that a request does can change it; before each fork it reads what other
 * children wrote to the journals. A child that dies leaves its action to be found and said. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/ident.h"
#include "common/lean.h"
#include "common/own.h"
#include "common/peer.h"
#include "pveagentd/priv/actor.h"
#include "pveagentd/priv/later.h"
#include "pveagentd/priv/serve.h"
#include "pveagentd/priv/share.h"

#define CHILDREN_MAX  64
#define CHORES_MS     60000
#define TICK_MS       1000  /* of revert timers */
#define TICK_AGAIN_MS 10000 /* when what is due could not be ended */
#define OPS_KEPT_S    86400
#define PRUNE_ABOVE   ((uint64_t)4 * 1024 * 1024)
#define PRUNE_AFTER_S ((int64_t)8 * 86400)

struct server {
    struct priv *p;
    const struct gate_row *rows;
    size_t n_rows;
    int sock, sig;
    size_t children;
    bool stop, orphans;
    int64_t chores_at, watchdog_ms, watchdog_at, tick_at;
    pid_t ticker; /* one at a time, 0: none */
};

/* Forks; in the child: 0. must: although many run; a full house is no way to hold off a revert. */
static pid_t fork_child(struct server *s, bool must) {
    sigset_t none;
    pid_t pid = must || s->children < CHILDREN_MAX ? fork() : -1;

    if (pid == 0) {
        closep(&s->sock);
        closep(&s->sig);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
    } else if (pid > 0) {
        s->children++;
    }
    return pid;
}

static void on_connection(struct server *s) {
    CLEANUP(closep) int c = accept4(s->sock, NULL, NULL, SOCK_CLOEXEC);
    struct err e = {0};

    if (c < 0) {
        return;
    }
    (void)journal_replay_all(s->p, &e);
    if (priv_read_keys(s->p, &e) < 0) {
        log_event(LOG_L_ERR, "keys cannot be read", "REASON", e.msg, NULL);
        return;
    }
    if (fork_child(s, false) == 0) {
        _exit(handle(s->p, c, s->rows, s->n_rows) < 0);
    }
}

/* Outputs of old operations; marks of dead actions. */
static void clean(const struct priv *p, const char *dir, int64_t age) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, dir);
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        struct running run;
        struct stat st;

        if (fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime + age < clock_unix() &&
            !(ident_is_hex(name, 64) && running_find(p, name, &run))) {
            (void)unlinkat(dirfd(d), name, 0);
        }
    }
}

/* Forgets what nothing can refer to any more: an intent lasts 15 minutes and an approval a week. */
static void prune(struct priv *p, struct origin *o) {
    CLEANUP(closep) int lock = -1;
    int64_t now = clock_unix();
    uint64_t floor = 0;
    struct err e = {0};

    if (o->damaged || o->replayed < PRUNE_ABOVE || origin_lock(p, o, &lock, &e) < 0) {
        return;
    }
    for (size_t i = 0; i < o->n_acts; i++) {
        if (o->act[i].started < now - PRUNE_AFTER_S && o->act[i].index >= floor) {
            floor = o->act[i].index + 1;
        }
    }
    if (floor > o->floor && journal_prune(p, o, floor, now, &e) == 0) {
        log_event(LOG_L_INFO, "a journal was pruned", "ORIGIN", o->name, NULL);
    }
}

static void chores(struct server *s) {
    struct err e = {0};

    (void)journal_replay_all(s->p, &e);
    if (fork_child(s, false) != 0) {
        return;
    }
    if (priv_armed(s->p) && heads_publish(s->p, &e) < 0) {
        log_event(LOG_L_WARN, "heads cannot be published", "REASON", e.msg, NULL);
    }
    for (struct origin *o = s->p->origins; o; o = o->next) {
        prune(s->p, o);
    }
    share_chores(s->p);
    points_sweep(s->p);
    clean(s->p, "ops", OPS_KEPT_S);
    clean(s->p, "running", OPS_KEPT_S);
    _exit(0);
}

static void reap(struct server *s) {
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        s->children -= s->children > 0; /* process 1 inherits others' as well */
        if (pid == s->ticker) {
            s->ticker = 0;
            s->tick_at = clock_mono_ms() + (status ? TICK_AGAIN_MS : TICK_MS);
        }
        s->orphans = s->orphans || status;
    }
}

static void on_signal(struct server *s) {
    struct signalfd_siginfo si;

    while (read(s->sig, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT) {
            s->stop = true;
        }
    }
    reap(s);
}

static void tick(struct server *s, int64_t now) {
    pid_t pid;

    if (s->ticker || now < s->tick_at || !timers_waiting(s->p)) {
        return;
    }
    pid = fork_child(s, true);
    if (pid == 0) {
        (void)priv_read_keys(s->p, NULL); /* without one the files go back, the receipt waits */
        _exit(timers_tick(s->p) < 0);
    }
    s->ticker = pid > 0 ? pid : 0;
    s->tick_at = now + TICK_MS;
}

static void on_time(struct server *s) {
    int64_t now = clock_mono_ms();

    tick(s, now);
    if (s->orphans && fork_child(s, false) == 0) {
        (void)resolve_orphans(s->p);
        _exit(0);
    }
    s->orphans = false;
    if (now >= s->chores_at) {
        s->chores_at = now + CHORES_MS;
        chores(s);
    }
    if (s->watchdog_ms && now >= s->watchdog_at) {
        s->watchdog_at = now + s->watchdog_ms;
        notify_send("WATCHDOG=1");
    }
}

static void loop(struct server *s) {
    while (!s->stop) {
        struct pollfd f[2] = {{.fd = s->sock, .events = POLLIN}, {.fd = s->sig, .events = POLLIN}};
        int64_t until =
            s->watchdog_ms && s->watchdog_at < s->chores_at ? s->watchdog_at : s->chores_at;
        int64_t left;

        if (!s->ticker && s->tick_at < until && timers_waiting(s->p)) {
            until = s->tick_at;
        }
        left = until - clock_mono_ms();
        if (poll(f, 2, left < 0 ? 0 : left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR) {
            return;
        }
        if (f[1].revents) {
            on_signal(s);
        }
        if (f[0].revents && !s->stop) {
            on_connection(s);
        }
        on_time(s);
    }
}

int serve(struct priv *p, const struct gate_row *rows, size_t n, struct err *e) {
    struct server s = {
        .p = p, .rows = rows, .n_rows = n, .sock = -1, .sig = -1, .watchdog_ms = watchdog_ms()};
    sigset_t set;
    int r = actor_open(p, e);

    r = r < 0 ? r : peer_listen(p->socket_path, SOCK_SEQPACKET | SOCK_NONBLOCK, 0600, &s.sock, e);

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    s.sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    r = r < 0 || chown(p->socket_path, p->peer_uid, (gid_t)-1) == 0
            ? r
            : err_set(e, -errno, "%s: %s", p->socket_path, strerror(errno));
    r = r < 0 ? r : resolve_orphans(p);
    if (r < 0 || s.sig < 0) {
        return r < 0 ? r : err_set(e, -errno, "signalfd: %s", strerror(errno));
    }
    notify_send("READY=1\nSTATUS=waiting for the front end");
    lean_pages();
    loop(&s);
    notify_send("STOPPING=1");
    closep(&s.sock);
    closep(&s.sig);
    closep(&p->act_fd);
    return 0; /* children go on: what was started belongs to the node and gets its receipt */
}

static const char usage[] =
    "Usage: pveagentd-priv [options]\n"
    "The root half of the Proxmox VE node daemon. Started by its unit; decides.\n\n"
    "  --socket PATH       where the front end connects [/run/pveagentd/priv.sock]\n"
    "  --state DIR         keys, journal, clients [/var/lib/pveagentd-priv]\n"
    "  --cluster-fs DIR    the cluster file system [" CLUSTER_FS "]\n"
    "  --network-dir DIR   where the node's interfaces are configured [" NETWORK_DIR "]\n"
    "  --policy FILE       local policy [/etc/pveagentd/policy.ini]\n"
    "  --node NAME         this node's name [the host name]\n"
    "  --lxc-path DIR      where liblxc keeps its containers [" CT_DEFAULT_LXC_PATH "]\n"
    "  --act PATH          the program that acts [" LIBEXECDIR "/" PACKAGE "/pveagentd-act]\n"
    "  --peer-user NAME    who may connect [pveagentd]\n"
    "  --peer-uid N        the same by number\n"
    "  --foreground        accepted; the process never goes to the background\n"
    "  --help, --version\n";

static int read_options(int argc, char **argv, struct priv *p) {
    static const struct option options[] = {PRIV_OPTIONS,
                                            {"socket", 1, NULL, 's'},
                                            {"peer-user", 1, NULL, 'u'},
                                            {"peer-uid", 1, NULL, 'U'},
                                            {"foreground", 0, NULL, 'f'},
                                            {"help", 0, NULL, 'h'},
                                            {"version", 0, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    const char *user = "pveagentd";
    const char *uid = NULL;
    struct err e = {0};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h' || c == 'v') {
            (void)fputs(c == 'h' ? usage : "pveagentd-priv " PACKAGE_VERSION "\n", stdout);
            return 1;
        }
        if (c == 's') {
            p->socket_path = optarg;
        } else if (c == 'u') {
            user = optarg;
        } else if (c == 'U') {
            uid = optarg;
        } else if (c != 'f' && priv_option(p, c, optarg) < 0) {
            return -EINVAL;
        }
    }
    if (peer_uid(user, uid, &p->peer_uid, &e) < 0) {
        (void)fprintf(stderr, "pveagentd-priv: %s\n", e.msg);
        return -EINVAL;
    }
    return optind == argc ? 0 : -EINVAL;
}

int priv_main(int argc, char **argv, const struct gate_row *rows, size_t n) {
    struct priv p = PRIV_DEFAULTS;
    struct err e = {0};
    int r;

    lean_crypto();
    peer_host_name(p.node, sizeof(p.node));
    r = read_options(argc, argv, &p);
    if (r) {
        return r > 0 ? EXIT_SUCCESS : 2;
    }
    if (!ident_is_node(p.node)) {
        (void)fprintf(stderr, "pveagentd-priv: not a node's name: use --node\n");
        return 2;
    }
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    r = priv_open(&p, &e);
    r = r < 0 ? r : serve(&p, rows, n, &e);
    if (r < 0) {
        log_event(LOG_L_ERR, "cannot serve", "REASON", e.msg, "HINT", e.hint, NULL);
    }
    priv_close(&p);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
