/* SPDX-License-Identifier: Apache-2.0 */
/* pvesim: command line and life. Start: state and journal, orphaned tasks, tokens, certificate,
 * socket, and only then "ready". End by SIGTERM or SIGINT: the journal is folded into the state. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/pbs.h"

static const char help[] =
    "Usage: pvesim [OPTION]...\n"
    "       pvesim generate [--nodes N] [--guests N] [--snapshots N [--every K]] [--seed N] > "
    "STATE\n"
    "       pvesim import DIR|FILE > STATE\n"
    "\n"
    "A simulated Proxmox VE cluster behind the real REST interface over HTTPS. Without a state\n"
    "it starts a built-in demo cluster. Nothing it does touches a real hypervisor.\n"
    "\n"
    "  --listen ADDR:PORT    where to serve [127.0.0.1:8006]; port 0 takes a free one\n"
    "  --also NODE=ADDR:PORT that node's own address; may be given more than once\n"
    "  --dir DIR             certificate, key, token files, state\n"
    "                        [$XDG_STATE_HOME/pvesim or ~/.local/state/pvesim]\n"
    "  --state FILE          the cluster [DIR/state.json]; FILE.journal beside it\n"
    "  --pbs                 a Proxmox Backup Server in place of the cluster [127.0.0.1:8007]\n"
    "  --tree DIR            keep the cluster's /etc/pve as files in DIR\n"
    "  --task-ms N           how long a task runs [50]\n"
    "  --latency-ms N        added to every answer [0]\n"
    "  --auth-delay-ms N     delay of a 401 [3000]\n"
    "  --clock UNIX          start the clock here; it moves one second with each change\n"
    "  --seed N              of made-up identifiers [1]\n"
    "  --fault SPEC          make calls fail: KIND[=VALUE] [METHOD] PATHGLOB [xCOUNT] with KIND\n"
    "                        latency=MS, status=CODE[:TEXT], drop-before, drop-after,\n"
    "                        task-fail[=TEXT], task-hang, task-warn; may be given more\n"
    "                        than once\n"
    "  --check               start without serving, say what the state holds, and exit\n"
    "  --help, --version\n"
    "\n"
    "On standard output, one `key value` a line: listen, url, fingerprint, token-file,\n"
    "audit-token-file, state, also, tree, then the line `ready`. See pvesim(1).\n";

enum {
    O_LISTEN = 256,
    O_ALSO,
    O_DIR,
    O_STATE,
    O_TREE,
    O_PBS,
    O_TASK_MS,
    O_LATENCY,
    O_AUTH_DELAY,
    O_CLOCK,
    O_SEED,
    O_FAULT,
    O_CHECK,
    O_HELP,
    O_VERSION,
    O_NODES,
    O_GUESTS,
    O_SNAPSHOTS,
    O_EVERY
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, O_LISTEN},
    {"also", required_argument, NULL, O_ALSO},
    {"dir", required_argument, NULL, O_DIR},
    {"state", required_argument, NULL, O_STATE},
    {"tree", required_argument, NULL, O_TREE},
    {"pbs", no_argument, NULL, O_PBS},
    {"task-ms", required_argument, NULL, O_TASK_MS},
    {"latency-ms", required_argument, NULL, O_LATENCY},
    {"auth-delay-ms", required_argument, NULL, O_AUTH_DELAY},
    {"clock", required_argument, NULL, O_CLOCK},
    {"seed", required_argument, NULL, O_SEED},
    {"fault", required_argument, NULL, O_FAULT},
    {"check", no_argument, NULL, O_CHECK},
    {"help", no_argument, NULL, O_HELP},
    {"version", no_argument, NULL, O_VERSION},
    {"nodes", required_argument, NULL, O_NODES},
    {"guests", required_argument, NULL, O_GUESTS},
    {"snapshots", required_argument, NULL, O_SNAPSHOTS},
    {"every", required_argument, NULL, O_EVERY},
    {NULL, 0, NULL, 0},
};

#define MAX_FAULTS 64
struct args {
    struct sim_options o;
    struct generate g;
    const char *fault[MAX_FAULTS];
    size_t n_faults;
    bool check;
};

static int complain(const struct err *e) {
    (void)fprintf(stderr, "pvesim: %s\n", e->msg);
    if (e->hint[0]) {
        (void)fprintf(stderr, "pvesim: hint: %s\n", e->hint);
    }
    return 1;
}

static bool number(const char *option, const char *text, uint64_t min, uint64_t max,
                   uint64_t *ret) {
    if (ident_u64(text, ret) < 0 || *ret < min || *ret > max) {
        (void)fprintf(stderr, "pvesim: %s wants a number from %llu to %llu, not '%s'\n", option,
                      (unsigned long long)min, (unsigned long long)max, text);
        return false;
    }
    return true;
}

/* 0 go on, 1 wrong, 2 done. */
static int one_option(struct args *a, int opt, const char *arg) {
    uint64_t n = 0;

    switch (opt) {
    case O_LISTEN:
        a->o.listen = arg;
        return 0;
    case O_ALSO:
        if (a->o.n_also == SIM_ALSO_MAX) {
            (void)fprintf(stderr, "pvesim: more than %d addresses beside the first\n",
                          SIM_ALSO_MAX);
            return 1;
        }
        a->o.also[a->o.n_also++] = arg;
        return 0;
    case O_DIR:
        a->o.dir = arg;
        return 0;
    case O_STATE:
        a->o.state_file = arg;
        return 0;
    case O_TREE:
        a->o.tree = arg;
        return 0;
    case O_PBS:
        a->o.pbs = true;
        return 0;
    case O_FAULT:
        if (a->n_faults == MAX_FAULTS) {
            (void)fprintf(stderr, "pvesim: more than %d faults\n", MAX_FAULTS);
            return 1;
        }
        a->fault[a->n_faults++] = arg;
        return 0;
    case O_CHECK:
        a->check = true;
        return 0;
    case O_HELP:
        (void)fputs(help, stdout);
        return 2;
    case O_VERSION:
        (void)puts("pvesim " PACKAGE_VERSION);
        return 2;
    case O_TASK_MS:
        if (!number("--task-ms", arg, 0, 3600000, &n)) {
            return 1;
        }
        a->o.task_ms = (int64_t)n;
        return 0;
    case O_LATENCY:
        if (!number("--latency-ms", arg, 0, 600000, &n)) {
            return 1;
        }
        a->o.latency_ms = (int64_t)n;
        return 0;
    case O_AUTH_DELAY:
        if (!number("--auth-delay-ms", arg, 0, 600000, &n)) {
            return 1;
        }
        a->o.auth_delay_ms = (int64_t)n;
        return 0;
    case O_CLOCK:
        if (!number("--clock", arg, 0, UINT32_MAX, &n)) {
            return 1;
        }
        a->o.clock = a->g.now = (int64_t)n;
        return 0;
    case O_SEED:
        if (!number("--seed", arg, 0, UINT64_MAX, &n)) {
            return 1;
        }
        a->o.seed = a->g.seed = n;
        return 0;
    case O_NODES:
        if (!number("--nodes", arg, 1, 32, &n)) {
            return 1;
        }
        a->g.nodes = (unsigned int)n;
        return 0;
    case O_GUESTS:
        if (!number("--guests", arg, 0, 100000, &n)) {
            return 1;
        }
        a->g.guests = (unsigned int)n;
        return 0;
    case O_SNAPSHOTS:
        if (!number("--snapshots", arg, 0, 99, &n)) {
            return 1;
        }
        a->g.snapshots = (unsigned int)n;
        return 0;
    case O_EVERY:
        if (!number("--every", arg, 1, 100000, &n)) {
            return 1;
        }
        a->g.every = (unsigned int)n;
        return 0;
    default:
        (void)fputs("pvesim: try `pvesim --help`\n", stderr);
        return 1;
    }
}

static int print_state(js *root) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(STATE_MAX);
    int r = js_print_pretty(root, &b);

    js_freep(&root);
    if (r < 0 || fwrite(buf_str(&b), 1, b.len, stdout) != b.len || putchar('\n') == EOF ||
        fflush(stdout) != 0) {
        (void)fprintf(stderr, "pvesim: cannot write the state: %s\n", strerror(errno));
        return 1;
    }
    return 0;
}

static void on_signal(evutil_socket_t sig, short what, void *arg) {
    struct sim *s = arg;

    (void)what;
    if (sig == SIGCHLD) {
        tasks_child(s);
        return;
    }
    s->stopping = true;
    (void)event_base_loopbreak(s->base);
}

static int default_dir(struct args *a, struct buf *store, struct err *e) {
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (!a->o.dir) {
        if (xdg && *xdg == '/') {
            (void)buf_addf(store, "%s/pvesim", xdg);
        } else if (home && *home == '/') {
            (void)buf_addf(store, "%s/.local/state/pvesim", home);
        } else {
            return err_set(e, -EINVAL, "no --dir given, and HOME is not set");
        }
        a->o.dir = store->data;
    }
    return dir_make(AT_FDCWD, a->o.dir, 0700, e);
}

static int open_cluster(struct sim *s, struct args *a, struct buf *store, struct err *e) {
    int r;

    if (!a->o.state_file) {
        (void)buf_addf(store, "%s/state.json", a->o.dir);
        a->o.state_file = store->data;
    }
    sim_open(s, &a->o,
             (a->o.pbs ? pbs_demo : demo_cluster)(a->o.clock ? a->o.clock : clock_unix()));
    s->o.state_file = a->o.state_file;
    r = state_attach(&s->st, a->o.state_file, e);
    if (r < 0) {
        return r;
    }
    r = sim_check(s->st.root, e);
    if (r < 0) {
        return err_wrap(e, "state %s", a->o.state_file);
    }
    if ((strcmp(js_str_or(s->st.root, "product", ""), "pbs") == 0) != a->o.pbs) {
        return err_set(e, -EINVAL, "%s is the state of %s: start it %s --pbs", a->o.state_file,
                       a->o.pbs ? "a cluster" : "a backup server", a->o.pbs ? "without" : "with");
    }
    /* identifiers made before must not come again */
    s->random ^= (uint64_t)js_int_or(s->st.root, "starts", 0) << 32;
    state_set(&s->st, js_int(js_int_or(s->st.root, "starts", 0) + 1), "starts", NULL);
    s->started = sim_now(s);
    tasks_orphans(s);
    r = state_commit(&s->st, e);
    r = r ? r
          : auth_token_file(s, "root.token", "root@pam", "proximo", a->o.pbs ? "Admin" : NULL, e);
    r = r ? r
          : auth_token_file(s, "audit.token", a->o.pbs ? "auditor@pbs" : "auditor@pve", "ro",
                            a->o.pbs ? "Audit" : "PVEAuditor", e);
    for (size_t i = 0; i < a->n_faults && r == 0; i++) {
        r = fault_add(s, a->fault[i], e);
    }
    return r;
}

/* What a client needs to reach this one, to be copied as its proximo.ini. */
static int write_client(const struct sim *s, struct err *e) {
    CLEANUP(freep) char *dir = realpath(s->o.dir, NULL);
    CLEANUP(freep) char *path = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
    int r = dir ? 0 : -errno;

    r = r < 0 ? r
              : buf_addf(
                    &b,
                    "# The %s that pvesim simulates: for rehearsing.\n"
                    "[proximo]\nversion = 1\n\n[%s rehearsal]\nurl = https://%s\nfingerprint = %s\n"
                    "token = %s/root.token\n",
                    s->o.pbs ? "backup server" : "cluster", s->o.pbs ? "pbs" : "cluster", s->addr,
                    s->fingerprint, dir);
    if (r == 0 && asprintf(&path, "%s/proximo.ini", dir) < 0) {
        path = NULL;
        r = -ENOMEM;
    }
    return r < 0 ? err_set(e, r, "client configuration in %s: %s", s->o.dir, strerror(-r))
                 : file_replace(AT_FDCWD, path, buf_str(&b), b.len, 0600, e);
}

static void announce(struct sim *s) {
    (void)printf("listen %s\nurl https://%s\nfingerprint %s\ntoken-file %s/root.token\n"
                 "audit-token-file %s/audit.token\nstate %s\n",
                 s->addr, s->addr, s->fingerprint, s->o.dir, s->o.dir, s->o.state_file);
    for (size_t i = 0; i < s->o.n_also; i++) {
        (void)printf("%shttps://%s%s", i ? " " : "also ", s->also[i],
                     i + 1 == s->o.n_also ? "\n" : "");
    }
    if (s->o.tree) {
        (void)printf("tree %s\n", s->o.tree);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
}

/* The loop's usual clock steps by 4 ms, so that 5 ms on an answer were 8. */
static struct event_base *precise_loop(void) {
    struct event_config *c = event_config_new();
    struct event_base *base = NULL;

    if (c && event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
        base = event_base_new_with_config(c);
    }
    if (c) {
        event_config_free(c);
    }
    return base;
}

static int serve(struct sim *s, struct err *e) {
    static const int signals[] = {SIGTERM, SIGINT, SIGCHLD};
    struct event *ev[ARRAY_LEN(signals)] = {NULL};
    int r;

    (void)signal(SIGPIPE, SIG_IGN);
    s->base = precise_loop();
    if (!s->base) {
        return err_set(e, -ENOMEM, "no event loop");
    }
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        ev[i] = evsignal_new(s->base, signals[i], on_signal, s);
        if (!ev[i] || event_add(ev[i], NULL) < 0) {
            return err_set(e, -ENOMEM, "no signal handler");
        }
    }
    if (s->o.tree) {
        r = tree_write(s, e);
        if (r < 0) {
            return r;
        }
        s->st.touched = tree_touched;
        s->st.touched_ctx = s;
    }
    r = http_start(s, e);
    r = r < 0 ? r : write_client(s, e);
    if (r < 0) {
        return r;
    }
    announce(s);
    ha_round(s); /* what was asked for before the last end */
    while (!s->stopping && event_base_dispatch(s->base) == 0) {
        if (event_base_got_break(s->base)) {
            break;
        }
    }
    http_stop(s);
    tasks_stop(s);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        event_free(ev[i]);
    }
    event_base_free(s->base);
    return state_fold(&s->st, e);
}

static int run_server(struct args *a) {
    CLEANUP(buf_done) struct buf dir = BUF_INIT(4096);
    CLEANUP(buf_done) struct buf file = BUF_INIT(4200);
    struct err e = {0};
    struct sim s = {0};
    int r = default_dir(a, &dir, &e);

    if (r < 0) {
        return complain(&e);
    }
    r = open_cluster(&s, a, &file, &e);
    if (r == 0 && a->check && a->o.pbs) {
        (void)printf("datastores %d\n", js_members(state_get(&s.st, "datastores", NULL)));
    } else if (r == 0 && a->check) {
        (void)printf("nodes %d\nguests %d\n", js_members(state_get(&s.st, "nodes", NULL)),
                     js_members(state_get(&s.st, "guests", NULL)));
    } else if (r == 0) {
        r = serve(&s, &e);
    }
    sim_close(&s);
    return r < 0 ? complain(&e) : 0;
}

/* A directory is a copy of /etc/pve, a file a capture. */
static int import_any(const char *path) {
    js *root = NULL;
    struct err e = {0};
    struct stat st;
    bool is_file = stat(path, &st) == 0 && S_ISREG(st.st_mode);

    return (is_file ? import_capture(path, &root, &e) : import_tree(path, &root, &e)) < 0
               ? complain(&e)
               : print_state(root);
}

int main(int argc, char **argv) {
    struct args a = {
        .o = {.auth_delay_ms = 3000, .task_ms = 50, .seed = 1},
        .g = {.nodes = 3, .guests = 100, .snapshots = 0, .every = 1, .seed = 1, .now = 1790000000},
    };
    int opt, r;

    while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        r = one_option(&a, opt, optarg);
        if (r) {
            return r == 2 ? 0 : 2;
        }
    }
    if (!a.o.listen) {
        a.o.listen = a.o.pbs ? "127.0.0.1:8007" : "127.0.0.1:8006";
    }
    if (a.o.pbs && a.o.tree) {
        (void)fputs("pvesim: --tree is of a cluster, not of --pbs\n", stderr);
        return 2;
    }
    if (optind < argc && strcmp(argv[optind], "generate") == 0 && optind + 1 == argc) {
        return print_state(generate_cluster(&a.g));
    }
    if (optind < argc && strcmp(argv[optind], "import") == 0 && optind + 2 == argc) {
        return import_any(argv[optind + 1]);
    }
    if (optind < argc) {
        (void)fprintf(stderr, "pvesim: what is '%s'? try `pvesim --help`\n", argv[optind]);
        return 2;
    }
    return run_server(&a);
}
