/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets for one user. */
#include "common/peer.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"

#define BACKLOG 64

int peer_listen(const char *path, int type, mode_t mode, int *ret, struct err *e) {
    CLEANUP(closep) int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    mode_t old;
    int r;

    if (sock < 0 || strlen(path) >= sizeof(sa.sun_path)) {
        r = sock < 0 ? -errno : -ENAMETOOLONG;
        return err_set(e, r, "socket %s: %s", path, strerror(-r));
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    (void)unlink(path);
    old = umask(0777 & ~mode);
    r = bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(sock, BACKLOG) < 0 ? -errno
                                                                                        : 0;
    (void)umask(old);
    if (r < 0) {
        return err_set(e, r, "listen on %s: %s", path, strerror(-r));
    }
    *ret = TAKE_FD(sock);
    return 0;
}

bool peer_is(int sock, uid_t uid) {
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == uid;
}

int peer_uid(const char *user, const char *by_number, uid_t *ret, struct err *e) {
    const struct passwd *pw = by_number ? NULL : getpwnam(user);

    if (by_number) {
        return ident_u32(by_number, ret) < 0 ? err_set(e, -EINVAL, "not a user's number") : 0;
    }
    if (!pw) {
        return err_set(e, -EINVAL, "no user %s", user);
    }
    *ret = pw->pw_uid;
    return 0;
}

void peer_host_name(char *ret, size_t size) {
    if (gethostname(ret, size) < 0) {
        ret[0] = '\0';
    }
    ret[size - 1] = '\0';
    ret[strcspn(ret, ".")] = '\0';
}
