/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd-reader: reads the cluster file system for the network half, which may not. Runs as its
 * own user in the group that may (www-data), without a network. A child answers each connection, so
 * that one slow asker holds nobody up and a defect ends one answer. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/peer.h"
#include "pveagentd/reader/reader.h"

#define CHILDREN_MAX 4
#define ANSWER_S     120 /* the longest that a child lives */

static const char usage[] =
    "pveagentd-reader: reads the cluster file system for the node daemon's network half\n"
    "\n"
    "  --socket PATH       where the network half connects [/run/pveagentd-reader/reader.sock]\n"
    "  --cluster-fs DIR    the cluster file system [" CLUSTER_FS "]\n"
    "  --interfaces FILE   this node's interfaces [/etc/network/interfaces]\n"
    "  --node NAME         this node's name [the host name]\n"
    "  --peer-user NAME    who may ask [pveagentd]\n"
    "  --peer-uid N        the same by number\n"
    "  --help, --version\n";

static int complain(const char *what, const char *why) {
    (void)fprintf(stderr, "pveagentd-reader: %s: %s\n", what, why);
    return -EINVAL;
}

static int set_option(int c, const char *value, struct reader_opts *o, const char **ret_user,
                      const char **ret_uid) {
    if (c == 's') {
        o->socket_path = value;
    } else if (c == 'c') {
        o->cluster_fs = value;
    } else if (c == 'i') {
        o->interfaces = value;
    } else if (c == 'n') {
        (void)snprintf(o->node, sizeof(o->node), "%s", value);
    } else if (c == 'u') {
        *ret_user = value;
    } else if (c == 'U') {
        *ret_uid = value;
    } else {
        return -EINVAL;
    }
    return 0;
}

/* 0 to run, 1 when all is said, negative when the options are wrong. */
static int parse(int argc, char **argv, struct reader_opts *o) {
    static const struct option options[] = {
        {"socket", 1, NULL, 's'}, {"cluster-fs", 1, NULL, 'c'}, {"interfaces", 1, NULL, 'i'},
        {"node", 1, NULL, 'n'},   {"peer-user", 1, NULL, 'u'},  {"peer-uid", 1, NULL, 'U'},
        {"help", 0, NULL, 'h'},   {"version", 0, NULL, 'v'},    {NULL, 0, NULL, 0},
    };
    const char *user = "pveagentd";
    const char *uid = NULL;
    struct err e = {0};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h' || c == 'v') {
            (void)fputs(c == 'h' ? usage : "pveagentd-reader " PACKAGE_VERSION "\n", stdout);
            return 1;
        }
        if (set_option(c, optarg, o, &user, &uid) < 0) {
            (void)fputs(usage, stderr);
            return -EINVAL;
        }
    }
    if (optind < argc) {
        (void)fputs(usage, stderr);
        return -EINVAL;
    }
    if (!ident_is_node(o->node)) {
        return complain("not a node's name: use --node", o->node);
    }
    return peer_uid(user, uid, &o->peer_uid, &e) < 0 ? complain("--peer-user, --peer-uid", e.msg)
                                                     : 0;
}

static size_t reap(size_t children) {
    while (children > 0 && waitpid(-1, NULL, WNOHANG) > 0) {
        children--;
    }
    return children;
}

static int serve(const struct reader_opts *o, int sock) {
    size_t children = 0;

    for (;;) {
        CLEANUP(closep) int c = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
        pid_t pid;

        if (c < 0 && errno != EINTR && errno != ECONNABORTED && errno != EMFILE) {
            return -errno;
        }
        children = reap(children);
        if (c < 0 || !peer_is(c, o->peer_uid)) {
            continue;
        }
        if (children >= CHILDREN_MAX || (pid = fork()) < 0) {
            (void)!write(c, "error busy\n", 11);
            continue;
        }
        if (pid == 0) {
            (void)close(sock);
            (void)alarm(ANSWER_S);
            reader_answer(o, c);
            _exit(0);
        }
        children++;
    }
}

int main(int argc, char **argv) {
    struct reader_opts o = {.socket_path = "/run/pveagentd-reader/reader.sock",
                            .cluster_fs = CLUSTER_FS,
                            .interfaces = "/etc/network/interfaces"};
    CLEANUP(closep) int sock = -1;
    struct err e = {0};
    int r;

    peer_host_name(o.node, sizeof(o.node));
    r = parse(argc, argv, &o);
    if (r) {
        return r > 0 ? EXIT_SUCCESS : 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    /* Everybody may connect; who is answered is decided by the peer's uid. */
    r = peer_listen(o.socket_path, SOCK_STREAM, 0666, &sock, &e);
    if (r == 0) {
        r = serve(&o, sock);
        (void)err_set(&e, r, "%s", strerror(-r));
    }
    (void)complain(o.socket_path, e.msg);
    return EXIT_FAILURE;
}
