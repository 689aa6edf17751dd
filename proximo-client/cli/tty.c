/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a person: on the controlling terminal, never on stdin, which a program may hold. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"

static int tty_open(struct err *e) {
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        (void)err_tag(e, -ENOTTY, "no_terminal", "there is no terminal to ask on");
        return err_hint(e, "run this on a terminal: a person has to answer");
    }
    return fd;
}

static int read_line(int fd, struct buf *b) {
    char ch;

    for (;;) {
        ssize_t n = read(fd, &ch, 1);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -EIO;
        }
        if (ch == '\n' || ch == '\r') {
            return 0;
        }
        if (buf_addc(b, ch) < 0) {
            return -E2BIG;
        }
    }
}

int tty_ask_yes(const char *question, bool *ret, struct err *e) {
    CLEANUP(closep) int fd = tty_open(e);
    CLEANUP(buf_done) struct buf b = BUF_INIT(64);

    if (fd < 0) {
        return fd;
    }
    (void)fd_write_all(fd, question, strlen(question));
    (void)fd_write_all(fd, " [y/N] ", 7);
    *ret = read_line(fd, &b) == 0 &&
           (strcasecmp(buf_str(&b), "y") == 0 || strcasecmp(buf_str(&b), "yes") == 0);
    return 0;
}

int tty_passphrase(const char *prompt, char **ret, struct err *e) {
    CLEANUP(closep) int fd = tty_open(e);
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(1024);
    struct termios old;
    struct termios quiet;
    int r;

    if (fd < 0) {
        return fd;
    }
    if (tcgetattr(fd, &old) < 0) {
        return err_set(e, -errno, "terminal: %s", strerror(errno));
    }
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) < 0) {
        return err_set(e, -errno, "terminal: %s", strerror(errno));
    }
    /* Only now: who answers the prompt at once must not be echoed, nor flushed away. */
    (void)fd_write_all(fd, prompt, strlen(prompt));
    r = read_line(fd, &b);
    (void)tcsetattr(fd, TCSAFLUSH, &old);
    (void)fd_write_all(fd, "\n", 1);
    if (r < 0) {
        return err_set(e, r, "no passphrase was read");
    }
    *ret = strdup(buf_str(&b));
    return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

void tty_passphrasep(char **p) {
    if (*p) {
        explicit_bzero(*p, strlen(*p));
    }
    free(*p);
    *p = NULL;
}
