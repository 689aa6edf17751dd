/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: what an administrator is told. The journal gets fields and a MESSAGE_ID that
 * units/pveagentd.catalog explains; a terminal or a file gets one line. Text that came from outside
 * is escaped here, so that no caller can forget to. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "common/buf.h"
#include "common/own.h"
#include "pveagentd/agent.h"

#define FIELDS_MAX 12

static const struct {
    int priority;
    const char *id; /* units/pveagentd.catalog has one text for each */
} events[AE_COUNT] = {
    [AE_STARTED] = {LOG_INFO, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9101"},
    [AE_OPENED] = {LOG_NOTICE, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9102"},
    [AE_CLOSED] = {LOG_NOTICE, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9103"},
    [AE_REFUSED] = {LOG_WARNING, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9104"},
    [AE_ACT] = {LOG_INFO, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9105"},
    [AE_STREAM_LOST] = {LOG_WARNING, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9106"},
    [AE_ROOT_HALF] = {LOG_ERR, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9107"},
    [AE_JOINED] = {LOG_NOTICE, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9108"},
    [AE_LIMIT] = {LOG_WARNING, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9109"},
    [AE_READER] = {LOG_WARNING, "f5a0b2c41d9e4c5f8a6e0b7d3c2e910b"},
    [AE_CERTIFICATE] = {LOG_ERR, "f5a0b2c41d9e4c5f8a6e0b7d3c2e910a"},
};

/* systemd names the device and inode of the journal's socket; anything else is a redirection. */
static bool to_journal(void) {
    const char *want = getenv("JOURNAL_STREAM");
    char have[64];
    struct stat st;

    if (!want || fstat(STDERR_FILENO, &st) < 0) {
        return false;
    }
    (void)snprintf(have, sizeof(have), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(want, have) == 0;
}

static void escape(struct buf *b, const char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c >= 0x20 && c < 0x7f && c != '\\') {
            (void)buf_addc(b, *s);
        } else {
            (void)buf_addf(b, "\\x%02x", (unsigned int)c);
        }
    }
}

void agent_log(enum agent_event event, const char *text, ...) {
    struct buf part[FIELDS_MAX];
    struct iovec iov[FIELDS_MAX];
    bool journal = to_journal();
    int n = 0;
    va_list ap;

    for (int i = 0; i < FIELDS_MAX; i++) {
        part[i] = (struct buf)BUF_INIT(1024);
    }
    (void)buf_adds(&part[n], journal ? "MESSAGE=" : "");
    escape(&part[n++], text);
    va_start(ap, text);
    for (const char *f = va_arg(ap, const char *); f && n < FIELDS_MAX - 2;
         f = va_arg(ap, const char *)) {
        escape(&part[n++], f);
    }
    va_end(ap);
    if (journal) {
        (void)buf_addf(&part[n++], "PRIORITY=%d", events[event].priority);
        (void)buf_addf(&part[n++], "MESSAGE_ID=%s", events[event].id);
    }
    for (int i = 0; i < n; i++) {
        iov[i] = (struct iovec){part[i].data, part[i].len};
    }
    if (journal) {
        (void)sd_journal_sendv(iov, n);
    } else {
        CLEANUP(buf_done) struct buf line = BUF_INIT(16 * 1024);

        for (int i = 0; i < n; i++) {
            (void)buf_addf(&line, "%s%s", i ? " " : "pveagentd: ", buf_str(&part[i]));
        }
        (void)buf_addc(&line, '\n');
        (void)fwrite(buf_str(&line), 1, line.len, stderr);
        (void)fflush(stderr);
    }
    for (int i = 0; i < FIELDS_MAX; i++) {
        buf_done(&part[i]);
    }
}
