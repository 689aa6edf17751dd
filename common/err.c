/* SPDX-License-Identifier: Apache-2.0 */
/* The error object. A message that does not fit is cut, never lost. */
#define ERR_ITSELF
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int __attribute__((format(printf, 4, 0)))
err_fill(struct err *e, int code, const char *tag, const char *fmt, va_list ap) {
    struct err new = {.code = code};

    if (!e) {
        return code;
    }
    /* Aside first: the arguments may point into the error that is replaced. */
    (void)snprintf(new.tag, sizeof(new.tag), "%s", tag);
    (void)vsnprintf(new.msg, sizeof(new.msg), fmt, ap);
    *e = new;
    return code;
}

int err_set(struct err *e, int code, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    (void)err_fill(e, code, "", fmt, ap);
    va_end(ap);
    return code;
}

int err_tag(struct err *e, int code, const char *tag, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    (void)err_fill(e, code, tag, fmt, ap);
    va_end(ap);
    return code;
}

int err_retag(int r, const char *tag, struct err *e) {
    if (r < 0 && e) {
        (void)snprintf(e->tag, sizeof(e->tag), "%s", tag);
    }
    return r;
}

int err_hint(struct err *e, const char *fmt, ...) {
    va_list ap;

    if (!e) {
        return -EINVAL;
    }
    va_start(ap, fmt);
    (void)vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
    va_end(ap);
    return e->code;
}

void err_by(struct err *e, const char *who) {
    if (e) {
        (void)snprintf(e->by, sizeof(e->by), "%s", who);
    }
}

int err_wrap(struct err *e, const char *fmt, ...) {
    char context[sizeof(e->msg)];
    char old[sizeof(e->msg)];
    va_list ap;

    if (!e) {
        return -EINVAL;
    }
    va_start(ap, fmt);
    (void)vsnprintf(context, sizeof(context), fmt, ap);
    va_end(ap);
    memcpy(old, e->msg, sizeof(old));
    (void)snprintf(e->msg, sizeof(e->msg), "%.200s: %.270s", context, old);
    return e->code;
}
