/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of this node: what both of the root half's programs know of them. Nothing that a
 * container says is read here. */
#include "common/ctconf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "common/request.h"

int ctconf_read(const char *cluster_fs, const char *node, uint32_t ct, struct buf *ret_text,
                struct hash *ret_hash, struct err *e) {
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/nodes/%s/lxc/%u.conf", cluster_fs, node, ct);
    int r = n > 0 && (size_t)n < sizeof(path) ? file_read(AT_FDCWD, path, ret_text, e)
                                              : err_set(e, -ENAMETOOLONG, "path too long");

    guest_config_hash(buf_str(ret_text), ret_text->len, ret_hash);
    return r;
}

/* FNV-1a of 64 bits, as liblxc names what does not fit a socket's name. */
static uint64_t fnv(const char *s) {
    uint64_t h = 0xcbf29ce484222325u;

    for (; *s; s++) {
        h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    }
    return h;
}

/* The monitor of a running container listens on the abstract socket of this name. */
bool ctconf_running(const char *lxc_path, uint32_t ct) {
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t room = sizeof(sa.sun_path) - 1;
    char at[4096];
    int n = snprintf(at, sizeof(at), "%s/%u", lxc_path, ct);

    if (n < 0 || (size_t)n >= sizeof(at)) {
        return false;
    }
    n = (size_t)n + strlen("/command") < room
            ? snprintf(sa.sun_path + 1, room, "%.98s/command", at)
            : snprintf(sa.sun_path + 1, room, "lxc/%016" PRIx64 "/command", fnv(at));
    return connect(sock, (struct sockaddr *)&sa,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0 ||
           errno == EAGAIN;
}
