/* SPDX-License-Identifier: Apache-2.0 */
/* Progress and cancellation of one call. */
#include "proximo-client/pipeline/session.h"

#include <stdarg.h>
#include <stdio.h>

void session_progress(const struct session *s, double done, double total, const char *fmt, ...) {
    char text[256];
    va_list ap;

    if (!s->progress) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    s->progress(s->ctx, done, total, text);
}

bool session_cancelled(const struct session *s) {
    return s->cancelled && s->cancelled(s->ctx);
}
