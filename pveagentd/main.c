/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd, the network half of the node daemon: runs as its own user, without capabilities, one
 * event loop, no threads. It listens, speaks TLS and JSON, and passes messages to the root half,
 * which alone decides and acts. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "common/err.h"
#include "common/lean.h"
#include "common/own.h"
#include "common/systemd.h"
#include "pveagentd/agent.h"

#define DRAIN_S 5

static const char usage[] =
    "pveagentd: the network half of the Proxmox VE node daemon\n"
    "\n"
    "  --listen ADDR:PORT   address to open once a client is enrolled or invited; repeatable\n"
    "                       (default: 0.0.0.0:8643 and [::]:8643)\n"
    "  --priv-socket PATH   the root half's socket (default: /run/pveagentd/priv.sock)\n"
    "  --reader-socket PATH the reader's socket\n"
    "                       (default: /run/pveagentd-reader/reader.sock)\n"
    "  --state DIR          where tls.key and tls.crt are (default: /var/lib/pveagentd)\n"
    "  --init               make key and certificate if they are not there, and exit\n"
    "  --next               make the key and certificate that will follow, and exit\n"
    "  --check-config       check options, key and certificate, and exit\n"
    "  --version            print the version\n";

enum mode { MODE_RUN, MODE_INIT, MODE_NEXT, MODE_CHECK };

static int complain(const struct err *e) {
    (void)fprintf(stderr, "pveagentd: %s%s%s\n", e->msg, e->hint[0] ? "\n  " : "", e->hint);
    return 1;
}

static int add_listen(struct agent_opts *o, const char *text) {
    if (o->n_listen == AGENT_LISTEN_MAX || agent_parse_addr(text, &o->listen[o->n_listen]) < 0) {
        (void)fprintf(stderr, "pveagentd: --listen %s: not ADDRESS:PORT (IPv6 in brackets)\n",
                      text);
        return -EINVAL;
    }
    o->n_listen++;
    return 0;
}

/* 0, or the exit code + 1 when there is nothing to run. */
static int parse(int argc, char **argv, struct agent_opts *o, enum mode *ret_mode) {
    static const struct option longs[] = {
        {"listen", required_argument, NULL, 'l'},
        {"priv-socket", required_argument, NULL, 'p'},
        {"reader-socket", required_argument, NULL, 'r'},
        {"state", required_argument, NULL, 's'},
        {"init", no_argument, NULL, 'i'},
        {"next", no_argument, NULL, 'n'},
        {"check-config", no_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'l') {
            if (add_listen(o, optarg) < 0) {
                return 3;
            }
        } else if (c == 'p') {
            o->priv_socket = optarg;
        } else if (c == 'r') {
            o->reader_socket = optarg;
        } else if (c == 's') {
            o->state = optarg;
        } else if (c == 'i') {
            *ret_mode = MODE_INIT;
        } else if (c == 'n') {
            *ret_mode = MODE_NEXT;
        } else if (c == 'c') {
            *ret_mode = MODE_CHECK;
        } else if (c == 'V') {
            (void)puts("pveagentd " PACKAGE_VERSION);
            return 1;
        } else {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 1 : 3;
        }
    }
    if (optind < argc) {
        (void)fputs(usage, stderr);
        return 3;
    }
    if (o->n_listen == 0) {
        (void)add_listen(o, "0.0.0.0:8643");
        (void)add_listen(o, "[::]:8643");
    }
    return 0;
}

static void on_drained(evutil_socket_t fd, short what, void *arg) {
    struct agent *a = arg;

    (void)fd;
    (void)what;
    (void)event_base_loopbreak(a->base);
}

/* Commands belong to the node and go on; their streams get a few seconds to end by themselves. */
static void on_term(evutil_socket_t sig, short what, void *arg) {
    struct agent *a = arg;
    struct timeval tv = {a->n_busy ? DRAIN_S : 0, 0};

    (void)sig;
    (void)what;
    notify_send("STOPPING=1");
    a->is_stopping = true;
    agent_shut(a);
    (void)event_base_once(a->base, -1, EV_TIMEOUT, on_drained, a, &tv);
}

static void on_hup(evutil_socket_t sig, short what, void *arg) {
    struct err e = {0};

    (void)sig;
    (void)what;
    if (agent_tls_load(arg, &e) < 0) {
        agent_log(AE_CERTIFICATE, "reload: key or certificate cannot be used", "REASON", e.msg,
                  NULL);
    }
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)arg;
    notify_send("WATCHDOG=1");
}

static struct event *every(struct agent *a, int64_t ms, event_callback_fn fn) {
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};
    struct event *ev = event_new(a->base, -1, EV_PERSIST, fn, a);

    if (ev) {
        (void)event_add(ev, &tv);
    }
    return ev;
}

static bool is_listening(int fd) {
    int type = 0;
    int listens = 0;
    socklen_t len = sizeof(type);
    socklen_t len2 = sizeof(listens);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len2) == 0 && listens;
}

static int adopt_from_systemd(struct agent *a, struct err *e) {
    int n = listen_fds();

    for (int i = 0; i < n; i++) {
        int fd = LISTEN_FDS_START + i;
        int r;

        if (!is_listening(fd)) {
            return err_set(e, -EINVAL, "inherited descriptor %d is not a listening socket", fd);
        }
        r = agent_adopt(a, fd, e);
        if (r < 0) {
            return r;
        }
        a->is_activated = true;
    }
    return n < 0 ? err_set(e, n, "socket activation: %s", strerror(-n)) : 0;
}

static int run(struct agent *a, struct err *e) {
    struct event *ev[4] = {NULL};
    int64_t beat = watchdog_ms();
    int r;

    a->base = event_base_new();
    if (!a->base) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = agent_http_start(a, e);
    if (r == 0) {
        r = adopt_from_systemd(a, e);
    }
    if (r == 0) {
        r = agent_watch_start(a, e);
    }
    if (r == 0) {
        ev[0] = evsignal_new(a->base, SIGTERM, on_term, a);
        ev[1] = evsignal_new(a->base, SIGINT, on_term, a);
        ev[2] = evsignal_new(a->base, SIGHUP, on_hup, a);
        for (size_t i = 0; i < 3; i++) {
            (void)evsignal_add(ev[i], NULL);
        }
        if (beat > 0) {
            ev[3] = every(a, beat, on_watchdog);
        }
        agent_log(AE_STARTED, "started, version " PACKAGE_VERSION, NULL);
        notify_send("READY=1");
        lean_pages();
        (void)event_base_dispatch(a->base);
    }
    for (size_t i = 0; i < ARRAY_LEN(ev); i++) {
        if (ev[i]) {
            event_free(ev[i]);
        }
    }
    agent_finish(a);
    return r;
}

int main(int argc, char **argv) {
    struct agent a = {.o = {.priv_socket = "/run/pveagentd/priv.sock",
                            .reader_socket = "/run/pveagentd-reader/reader.sock",
                            .state = LOCALSTATEDIR "/lib/pveagentd"}};
    enum mode mode = MODE_RUN;
    struct err e = {0};
    int r = parse(argc, argv, &a.o, &mode);

    if (r) {
        return r - 1;
    }
    (void)umask(0077);
    (void)signal(SIGPIPE, SIG_IGN);
    if (mode == MODE_INIT || mode == MODE_NEXT) {
        return agent_init_key(a.o.state, mode == MODE_NEXT, &e) < 0 ? complain(&e) : 0;
    }
    r = agent_tls_load(&a, &e);
    if (r == 0 && mode == MODE_RUN) {
        r = run(&a, &e);
    }
    SSL_CTX_free(a.tls);
    return r < 0 ? complain(&e) : 0;
}
