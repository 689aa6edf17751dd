/* SPDX-License-Identifier: Apache-2.0 */
/* The root half's two small datagram writers: events for the journal, state for the service
 * manager. (Runs in the resident and its children.) They exist so that root needs no library for
 * it. What comes from outside is escaped; output and keys never get here. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static void put_escaped(struct buf *b, const char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c < 0x20 || c >= 0x7f) {
            (void)buf_addf(b, "\\x%02x", c);
        } else {
            (void)buf_addc(b, *s);
        }
    }
}

/* systemd says by JOURNAL_STREAM=<device>:<inode> that stderr is the journal. */
static bool stderr_is_journal(void) {
    const char *s = getenv("JOURNAL_STREAM");
    const char *colon = s ? strchr(s, ':') : NULL;
    struct stat st;
    uint64_t dev;
    uint64_t ino;

    return colon && ident_u64n(s, (size_t)(colon - s), &dev) == 0 &&
           ident_u64(colon + 1, &ino) == 0 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
           st.st_ino == ino;
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

void notify_send(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");

    if (path && (path[0] == '/' || path[0] == '@')) {
        (void)send_datagram(path, text, strlen(text));
    }
}

void log_event(enum log_level level, const char *message, ...) {
    CLEANUP(buf_done) struct buf fields = BUF_INIT(16384);
    CLEANUP(buf_done) struct buf line = BUF_INIT(16384);
    const char *key;
    va_list ap;

    (void)buf_addf(&fields, "SYSLOG_IDENTIFIER=pveagentd-priv\nPRIORITY=%d\nMESSAGE=", (int)level);
    (void)buf_adds(&line, "pveagentd-priv: ");
    put_escaped(&fields, message);
    put_escaped(&line, message);
    va_start(ap, message);
    while ((key = va_arg(ap, const char *)) != NULL) {
        const char *value = va_arg(ap, const char *);

        (void)buf_addf(&fields, "\n%s=", key);
        put_escaped(&fields, value ? value : "-");
        (void)buf_addf(&line, " %s=\"", key);
        put_escaped(&line, value ? value : "-");
        (void)buf_addc(&line, '"');
    }
    va_end(ap);
    (void)buf_addc(&fields, '\n');
    (void)buf_addc(&line, '\n');
    if (!stderr_is_journal() || send_datagram(JOURNAL_SOCKET, fields.data, fields.len) < 0) {
        (void)!write(STDERR_FILENO, line.data, line.len);
    }
}
