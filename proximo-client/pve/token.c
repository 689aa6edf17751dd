/* SPDX-License-Identifier: Apache-2.0 */
/* The token file: one line USER@REALM!TOKENID=SECRET (of a backup server USER@REALM!TOKENID:SECRET,
 * as its own header has it), closed to everybody else. It is read again
 * for every call, so a rotated token works at once and the secret is in memory only while it is
 * used. No message here ever quotes the file's content: whatever is in it may be the secret. */
#include "proximo-client/pve/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"

void token_wipe(struct token *t) {
    explicit_bzero(t, sizeof(*t));
}

static int token_malformed(bool pbs, struct err *e) {
    (void)err_tag(e, -EINVAL, "token_unreadable", "the token file does not hold one token");
    return err_hint(e, "it is one line: user@realm!tokenid%csecret", pbs ? ':' : '=');
}

int token_parse(const char *text, size_t len, bool pbs, struct token *ret, struct err *e) {
    const char *eq = memchr(text, pbs ? ':' : '=', len);
    CLEANUP(token_wipe) struct token t = {0};
    size_t id_len;

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    if (!eq || eq >= text + len) {
        return token_malformed(pbs, e);
    }
    id_len = (size_t)(eq - text);
    if (id_len == 0 || id_len >= sizeof(t.id) || len - id_len < 2 || len >= PVE_TOKEN_MAX) {
        return token_malformed(pbs, e);
    }
    memcpy(t.id, text, id_len);
    if (!ident_is_tokenid(t.id)) {
        return token_malformed(pbs, e);
    }
    for (size_t i = id_len + 1; i < len; i++) {
        /* anything else could end the header line or be a second token */
        if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == '=' || (pbs && text[i] == ':')) {
            return token_malformed(pbs, e);
        }
    }
    (void)snprintf(t.header, sizeof(t.header), "Authorization: %sAPIToken=%.*s",
                   pbs ? "PBS" : "PVE", (int)len, text);
    *ret = t;
    return 0;
}

int token_read(const char *path, bool pbs, struct token *ret, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(PVE_TOKEN_MAX);
    int r = file_read_private(AT_FDCWD, path, geteuid(), &b, e);

    if (r < 0) {
        struct err why = {0};

        if (e) {
            why = *e;
        }
        (void)err_tag(e, r, "token_unreadable", "token: %.400s", why.msg);
        return r == -ENOENT
                   ? err_hint(e, "write the token, one line USER@REALM!ID=SECRET, into that file, "
                                 "mode 0600")
                   : err_hint(e, "the token file must be yours and mode 0600");
    }
    r = token_parse(buf_str(&b), b.len, pbs, ret, e);
    if (r < 0) {
        (void)err_wrap(e, "%s", path);
    }
    return r;
}
