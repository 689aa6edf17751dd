/* SPDX-License-Identifier: Apache-2.0 */
/* Events, state, watchdog and inherited sockets of a service (protocols: sd_notify(3),
 * sd_listen_fds(3), "Native Journal Protocol"). Variables that name another process are not for us:
 * they were inherited by accident. */
#include "common/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FDS_MOST       64

static void put_escaped(struct buf *b, const char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c < 0x20 || c >= 0x7f || c == '\\') {
            (void)buf_addf(b, "\\x%02x", c);
        } else {
            (void)buf_addc(b, *s);
        }
    }
}

/* JOURNAL_STREAM=<device>:<inode>: stderr is the journal, unless it was redirected since. */
static int stderr_is_journal(void) {
    const char *want = getenv("JOURNAL_STREAM");
    char have[64];
    struct stat st;

    if (!want || fstat(STDERR_FILENO, &st) < 0) {
        return 0;
    }
    (void)snprintf(have, sizeof(have), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(want, have) == 0;
}

static int send_datagram(const char *path, const char *data, size_t len) {
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if (sock < 0 || n >= sizeof(sa.sun_path)) {
        return -EINVAL;
    }
    memcpy(sa.sun_path, path, n);
    if (path[0] == '@') {
        sa.sun_path[0] = '\0'; /* abstract name */
    }
    return sendto(sock, data, len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sa,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0
               ? -errno
               : 0;
}

void log_event_v(enum log_level level, const char *id, const char *message, va_list pairs) {
    CLEANUP(buf_done) struct buf fields = BUF_INIT(16384);
    CLEANUP(buf_done) struct buf line = BUF_INIT(16384);
    const char *key;

    (void)buf_addf(&fields, "SYSLOG_IDENTIFIER=%s\nPRIORITY=%d\n", program_invocation_short_name,
                   (int)level);
    (void)buf_addf(&fields, "%s%s%sMESSAGE=", id ? "MESSAGE_ID=" : "", id ? id : "",
                   id ? "\n" : "");
    (void)buf_addf(&line, "%s: ", program_invocation_short_name);
    put_escaped(&fields, message);
    put_escaped(&line, message);
    while ((key = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *);

        (void)buf_addf(&fields, "\n%s=", key);
        put_escaped(&fields, value ? value : "-");
        (void)buf_addf(&line, " %s=\"", key);
        put_escaped(&line, value ? value : "-");
        (void)buf_addc(&line, '"');
    }
    (void)buf_addc(&fields, '\n');
    (void)buf_addc(&line, '\n');
    if (!stderr_is_journal() || send_datagram(JOURNAL_SOCKET, fields.data, fields.len) < 0) {
        (void)!write(STDERR_FILENO, line.data, line.len);
    }
}

void log_event(enum log_level level, const char *message, ...) {
    va_list ap;

    va_start(ap, message);
    log_event_v(level, NULL, message, ap);
    va_end(ap);
}

void notify_send(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");

    if (path && (path[0] == '/' || path[0] == '@')) {
        (void)send_datagram(path, text, strlen(text));
    }
}

/* The number in a variable; 0 when it is for another process, or no number. */
static uint64_t of_us(const char *name, const char *pid_name) {
    const char *value = getenv(name);
    const char *whose = getenv(pid_name);
    uint64_t pid;
    uint64_t v;

    return value && ident_u64(value, &v) == 0 &&
                   (!whose || (ident_u64(whose, &pid) == 0 && pid == (uint64_t)getpid()))
               ? v
               : 0;
}

int64_t watchdog_ms(void) {
    return (int64_t)(of_us("WATCHDOG_USEC", "WATCHDOG_PID") / 2000);
}

int listen_fds(void) {
    uint64_t n = getenv("LISTEN_PID") ? of_us("LISTEN_FDS", "LISTEN_PID") : 0;

    for (uint64_t i = 0; n <= FDS_MOST && i < n; i++) {
        if (fcntl(LISTEN_FDS_START + (int)i, F_SETFD, FD_CLOEXEC) < 0) {
            return -errno;
        }
    }
    return n <= FDS_MOST ? (int)n : -EINVAL;
}
