/* SPDX-License-Identifier: Apache-2.0 */
/* API tokens. The state holds only SHA-256 of a secret; the secret itself is in a 0600 file in DIR
 * (the two tokens made at first start) or in the one answer that created it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/auth.h"

void auth_secret(char ret[static 37]) {
    uint8_t r[16];

    random_bytes(r, sizeof(r));
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
    for (size_t i = 0, at = 0; i < sizeof(r); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            ret[at++] = '-';
        }
        hex_encode(&r[i], 1, ret + at);
        at += 2;
    }
}

js *auth_hash(const char *secret) {
    struct hash h;
    char text[HASH_HEX_LEN + 1];

    sha256(secret, strlen(secret), &h);
    hash_text(&h, text);
    return js_str(text);
}

static bool expired(struct sim *s, const js *o) {
    int64_t at = js_int_or(o, "expire", 0);

    return at && at <= sim_now(s);
}

bool auth_check(struct call *c, const char *header) {
    const char *scheme = c->s->o.pbs ? "PBSAPIToken=" : "PVEAPIToken=";
    const char *bang, *eq;
    js *user, *token;
    struct hash given, known;
    char *id;

    if (!header || strncmp(header, scheme, 12) != 0) {
        (void)call_fail(c, 401, "No ticket");
        return false;
    }
    header += 12;
    bang = strchr(header, '!');
    eq = bang ? strchr(bang, c->s->o.pbs ? ':' : '=') : NULL;
    if (!eq || (size_t)(bang - header) >= sizeof(c->user) ||
        (size_t)(eq - bang) > sizeof(c->token)) {
        (void)call_fail(c, 401, "no tokenid specified");
        return false;
    }
    memcpy(c->user, header, (size_t)(bang - header));
    memcpy(c->token, bang + 1, (size_t)(eq - bang) - 1);
    user = state_get(&c->s->st, "users", c->user, NULL);
    token = state_get(&c->s->st, "users", c->user, "tokens", c->token, NULL);
    if (!user || !token) {
        (void)(user ? call_fail(c, 401, "no such token '%s' for user '%s'", c->token, c->user)
                    : call_fail(c, 401, "no such user ('%s')", c->user));
        return false;
    }
    if (!js_bool_or(user, "enable", true) || expired(c->s, user) || expired(c->s, token)) {
        (void)call_fail(c, 401, "user '%s' or token is disabled or expired", c->user);
        return false;
    }
    sha256(eq + 1, strlen(eq + 1), &given);
    if (hash_parse(js_str_or(token, "hash", ""), &known) < 0 || !hash_eq(&given, &known)) {
        (void)call_fail(c, 401, "invalid token value!");
        return false;
    }
    id = strndup(header, (size_t)(eq - header));
    if (!id) {
        (void)call_fail(c, 500, "out of memory");
        return false;
    }
    c->auth = id;
    return true;
}

bool auth_is_admin(const struct call *c) {
    return call_has(c, "/", "Sys.Modify") && call_has(c, "/", "Permissions.Modify");
}

/* The secret of an existing file for exactly this token, or "" when there is no file. */
static int read_token(int dir, const char *file, const char *id, char before,
                      char secret[static 64], struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(512);
    size_t n = strlen(id);
    int r = file_read_private(dir, file, geteuid(), &b, e);

    secret[0] = '\0';
    if (r == -ENOENT) {
        return 0;
    }
    if (r < 0) {
        return r;
    }
    while (b.len && (b.data[b.len - 1] == '\n' || b.data[b.len - 1] == '\r')) {
        b.data[--b.len] = '\0';
    }
    if (b.len <= n + 1 || b.len - n - 1 >= 64 || strncmp(b.data, id, n) != 0 || b.data[n] != before) {
        return err_set(e, -EBADMSG, "%s does not hold a token %s", file, id);
    }
    memcpy(secret, b.data + n + 1, b.len - n);
    return 0;
}

int auth_token_file(struct sim *s, const char *file, const char *user, const char *token,
                    const char *role, struct err *e) {
    CLEANUP(closep) int dir = open(s->o.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char id[128], line[256], secret[64];
    char before = s->o.pbs ? ':' : '=';
    js *info;
    int r;

    if (dir < 0) {
        return err_set(e, -errno, "open %s: %s", s->o.dir, strerror(errno));
    }
    (void)snprintf(id, sizeof(id), "%s!%s", user, token);
    r = read_token(dir, file, id, before, secret, e);
    if (r < 0) {
        return r;
    }
    if (!secret[0]) {
        auth_secret(secret);
        (void)snprintf(line, sizeof(line), "%s%c%s\n", id, before, secret);
        r = file_replace(dir, file, line, strlen(line), 0600, e);
        if (r < 0) {
            return r;
        }
    }
    if (!state_get(&s->st, "users", user, NULL)) {
        js *u = js_object();

        js_add(u, "enable", js_int(1));
        js_add(u, "expire", js_int(0));
        state_set(&s->st, u, "users", user, NULL);
    }
    info = js_object();
    js_add(info, "expire", js_int(0));
    js_add(info, "privsep", js_int(0));
    js_add(info, "hash", auth_hash(secret));
    if (!js_eq(info, state_get(&s->st, "users", user, "tokens", token, NULL))) {
        state_set(&s->st, js_ref(info), "users", user, "tokens", token, NULL);
    }
    js_freep(&info);
    /* of a backup server every token has its own grants, within its user's */
    for (int i = 0; role && i < (s->o.pbs ? 2 : 1); i++) {
        char who[160];

        (void)snprintf(who, sizeof(who), "user:%s", i ? id : user);
        if (!state_get(&s->st, "acl", "/", who, role, NULL)) {
            state_set(&s->st, js_int(1), "acl", "/", who, role, NULL);
        }
    }
    return state_commit(&s->st, e);
}
