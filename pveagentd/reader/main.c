/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd-reader: reads the cluster file system for the network half, which may not. Runs as its
 * own user in the group that may (www-data), without a network. A child answers each connection, so
 * that one slow asker holds nobody up and a defect ends one answer. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ident.h"
#include "common/own.h"
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

static int set_option(int c, const char *value, struct reader_opts *o, const char **ret_user) {
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
        *ret_user = NULL;
        return ident_u32(value, &o->peer_uid);
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
    const struct passwd *pw;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h' || c == 'v') {
            (void)fputs(c == 'h' ? usage : "pveagentd-reader " PACKAGE_VERSION "\n", stdout);
            return 1;
        }
        if (set_option(c, optarg, o, &user) < 0) {
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
    pw = user ? getpwnam(user) : NULL;
    if (user && !pw) {
        return complain("no such user", user);
    }
    o->peer_uid = pw ? pw->pw_uid : o->peer_uid;
    return 0;
}

/* Everybody may connect; who is answered is decided by the peer's uid, which the kernel tells. */
static int make_socket(const char *path, int *ret) {
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    mode_t old;
    int r;

    if (sock < 0 || strlen(path) >= sizeof(sa.sun_path)) {
        return sock < 0 ? -errno : -ENAMETOOLONG;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    (void)unlink(path);
    old = umask(0111);
    r = bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(sock, 16) < 0 ? -errno : 0;
    (void)umask(old);
    if (r == 0) {
        *ret = TAKE_FD(sock);
    }
    return r;
}

static bool may_ask(const struct reader_opts *o, int sock) {
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == o->peer_uid;
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
        if (c < 0 || !may_ask(o, c)) {
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
    int r;

    if (gethostname(o.node, sizeof(o.node) - 1) < 0) {
        o.node[0] = '\0';
    }
    o.node[strcspn(o.node, ".")] = '\0'; /* a node's name is the first label */
    r = parse(argc, argv, &o);
    if (r) {
        return r > 0 ? EXIT_SUCCESS : 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    r = make_socket(o.socket_path, &sock);
    r = r < 0 ? r : serve(&o, sock);
    (void)complain(o.socket_path, strerror(-r));
    return EXIT_FAILURE;
}
