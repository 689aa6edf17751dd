/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: origin, size, root. */
#include "common/checkpoint.h"

#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/note.h"

int origin_check(const char *origin) {
    size_t len = strlen(origin);

    if (!len || len > ORIGIN_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        if (origin[i] <= 0x20 || origin[i] >= 0x7f || origin[i] == '+') {
            return -EINVAL;
        }
    }
    return 0;
}

static int take_line(const char **p, const char *end, const char **line, size_t *len) {
    const char *nl = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;

    if (!nl || nl == *p) {
        return -EBADMSG;
    }
    *line = *p;
    *len = (size_t)(nl - *p);
    *p = nl + 1;
    return 0;
}

int checkpoint_parse(const char *text, size_t len, struct checkpoint *ret, struct err *e) {
    struct checkpoint c = {0};
    const char *p = text;
    const char *end = text + len;
    const char *line = NULL;
    size_t n = 0;

    if (take_line(&p, end, &line, &n) < 0 || n > ORIGIN_MAX) {
        return err_set(e, -EBADMSG, "checkpoint: no origin");
    }
    memcpy(c.origin, line, n);
    if (origin_check(c.origin) < 0 || strlen(c.origin) != n) {
        return err_set(e, -EBADMSG, "checkpoint: bad origin");
    }
    if (take_line(&p, end, &line, &n) < 0 || ident_u64n(line, n, &c.size) < 0 ||
        c.size > (uint64_t)1 << 62) {
        return err_set(e, -EBADMSG, "checkpoint: bad tree size");
    }
    if (take_line(&p, end, &line, &n) < 0 || b64_decode_exact(line, n, c.root.b, HASH_LEN) < 0) {
        return err_set(e, -EBADMSG, "checkpoint: bad root hash");
    }
    while (p < end) {
        if (take_line(&p, end, &line, &n) < 0) {
            return err_set(e, -EBADMSG, "checkpoint: empty or unended extension line");
        }
    }
    *ret = c;
    return 0;
}

int checkpoint_text(const struct checkpoint *c, struct buf *ret) {
    int r = buf_addf(ret, "%s\n%llu\n", c->origin, (unsigned long long)c->size);

    if (r == 0) {
        r = b64_encode(ret, c->root.b, HASH_LEN);
    }
    return r < 0 ? r : buf_addc(ret, '\n');
}

int checkpoint_open(const char *bytes, size_t len, const struct vkey *log, struct note *ret_note,
                    struct checkpoint *ret, struct err *e) {
    struct checkpoint c;
    int r = note_parse(bytes, len, ret_note, e);

    if (r < 0) {
        return r;
    }
    r = checkpoint_parse(ret_note->text, ret_note->text_len, &c, e);
    if (r < 0) {
        return r;
    }
    if (strcmp(c.origin, log->name) != 0) {
        return err_set(e, -EBADMSG, "checkpoint of %s, not of %s", c.origin, log->name);
    }
    r = note_check(ret_note, log, NULL);
    if (r < 0) {
        return err_set(e, r, r == -ENOENT ? "checkpoint is not signed by %s"
                                          : "checkpoint: signature of %s is wrong",
                       log->name);
    }
    *ret = c;
    return 0;
}
