/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an invitation. It is pasted by a person, so what is wrong with it is said in words, but
 * never with a piece of it: it holds a secret. */
#include "proximo-client/nodes/invite.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

static const struct line_key keys[] = {
    {"address", true, true},  {"tls", false, true},  {"secret", false, true},
    {"expires", false, true}, {"node", false, true},
};

static int bad(struct err *e, const char *what) {
    (void)err_tag(e, -EBADMSG, "invitation_bad", "the invitation %s", what);
    return err_hint(e, "copy the whole line that `pveagentctl invite` printed");
}

void invite_done(struct invite *v) {
    OPENSSL_cleanse(v->secret, sizeof(v->secret));
    for (size_t i = 0; i < v->l.n; i++) {
        if (v->l.v[i].key == 2) { /* the parsed text is a copy of it */
            OPENSSL_cleanse((char *)(uintptr_t)v->l.v[i].value, v->l.v[i].len);
        }
    }
    lines_done(&v->l);
}

const char *invite_address(const struct invite *v, size_t i) {
    return lines_nth(&v->l, keys, "address", i);
}

int invite_parse(const char *line, struct invite *ret, struct err *e) {
    static const char prefix[] = "proximo1.";
    CLEANUP(buf_wipe) struct buf text = BUF_INIT(LIM_LINE);
    CLEANUP(invite_done) struct invite v = {0};
    const char *secret;
    uint64_t expires;
    size_t len;

    line += strspn(line, " \t\r\n");
    len = strcspn(line, " \t\r\n");
    if (line[len + strspn(line + len, " \t\r\n")] != '\0') {
        return bad(e, "has blanks inside");
    }
    if (len < sizeof(prefix) || strncmp(line, prefix, sizeof(prefix) - 1) != 0) {
        return bad(e, "does not begin with proximo1.");
    }
    if (b64url_decode(line + sizeof(prefix) - 1, len - (sizeof(prefix) - 1), &text) < 0 ||
        lines_parse(text.data, text.len, "proximo-invite/v1", keys, ARRAY_LEN(keys), &v.l, NULL) <
            0) {
        return bad(e, "is damaged or cut short");
    }
    v.node = lines_get(&v.l, keys, "node");
    v.n_addresses = lines_count(&v.l, keys, "address");
    secret = lines_get(&v.l, keys, "secret");
    if (!ident_is_node(v.node) || !ident_is_hex(secret, 32) ||
        hex_decode(secret, 32, v.secret) < 0 ||
        hash_parse(lines_get(&v.l, keys, "tls"), &v.tls) < 0 ||
        ident_u64(lines_get(&v.l, keys, "expires"), &expires) < 0 || expires > INT64_MAX) {
        return bad(e, "has a value that is malformed");
    }
    for (size_t i = 0; i < v.n_addresses; i++) {
        if (!ident_is_address(invite_address(&v, i))) {
            return bad(e, "has an address that is malformed");
        }
    }
    v.expires = (int64_t)expires;
    *ret = v;
    v = (struct invite){0};
    return 0;
}
