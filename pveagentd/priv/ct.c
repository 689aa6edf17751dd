/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: whether one exists, runs and is configured as planned (root, request child).
 * Existence and configuration come from the cluster file system; running is asked of liblxc's own
 * socket. */
#include "pveagentd/priv/ct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "common/run.h"
#include "pveagentd/priv/priv.h"

const char *ct_lxc_path(const struct priv *p) {
    return p->lxc_path ? p->lxc_path : CT_DEFAULT_LXC_PATH;
}

int ct_find(const struct priv *p, uint32_t id, struct ct *ret, struct err *e) {
    struct ct c = {.id = id, .config = BUF_INIT(LIM_CONF)};
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/nodes/%s/lxc/%u.conf", p->cluster_fs, p->node, id);
    int r = n > 0 && (size_t)n < sizeof(path) ? file_read(AT_FDCWD, path, &c.config, e)
                                              : err_set(e, -ENAMETOOLONG, "path too long");

    if (r < 0 && r != -ENOENT) {
        ct_done(&c);
        return r;
    }
    c.exists = r == 0;
    guest_config_hash(buf_str(&c.config), c.config.len, &c.config_hash);
    *ret = c;
    return 0;
}

void ct_done(struct ct *c) {
    buf_done(&c->config);
}

bool line_next(const char **text, char *ret, size_t size) {
    size_t n = strcspn(*text, "\n");

    if (!**text) {
        return false;
    }
    (void)snprintf(ret, size, "%.*s", (int)n, *text);
    *text += n + ((*text)[n] == '\n');
    return true;
}

int ct_config_each(const struct ct *c, int (*fn)(void *ctx, const char *key, const char *value),
                   void *ctx) {
    const char *text = buf_str(&c->config);
    char line[CT_LINE];
    int r = 0;

    while (r == 0 && line_next(&text, line, sizeof(line)) && line[0] != '[') {
        char *colon = line[0] == '#' ? NULL : strstr(line, ": ");

        if (colon) {
            *colon = '\0';
            r = fn(ctx, line, colon + 2 + strspn(colon + 2, " "));
        }
    }
    return r;
}

static int is_unprivileged(void *ctx, const char *key, const char *value) {
    (void)ctx;
    return strcmp(key, "unprivileged") == 0 && strcmp(value, "1") == 0;
}

bool ct_privileged(const struct ct *c) {
    return ct_config_each(c, is_unprivileged, NULL) == 0;
}

bool ct_running(const struct priv *p, uint32_t id) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(256);
    char name[16];
    const char *argv[] = {"/usr/bin/lxc-info", "-P", ct_lxc_path(p), "-n", name, "-s", "-H", NULL};
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "%s/%u/command", ct_lxc_path(p), id);

    /* The monitor of a running container listens on the abstract socket of this name. */
    if (connect(sock, (struct sockaddr *)&sa,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0 ||
        errno == EAGAIN) {
        return true;
    }
    (void)snprintf(name, sizeof(name), "%u", id); /* long paths are hashed in the socket's name */
    return strlen(ct_lxc_path(p)) > 60 && run_tool(argv, &out, 10, "internal", NULL) == 0 &&
           strncmp(buf_str(&out), "RUNNING", 7) == 0;
}
