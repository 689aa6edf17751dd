/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers. Every function is a full match from the first to the last byte. */
#include "common/ident.h"

#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/digest.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c) {
    return is_alpha(c) || is_digit(c);
}

/* Length 1..max, first of [A-Za-z] (or alnum when digit_first), others alnum or in `also`. */
static bool is_name(const char *s, size_t max, bool digit_first, const char *also) {
    size_t len = strlen(s);

    if (!len || len > max || !(digit_first ? is_alnum(s[0]) : is_alpha(s[0]))) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (!is_alnum(s[i]) && !strchr(also, s[i])) {
            return false;
        }
    }
    return true;
}

int ident_u64n(const char *s, size_t len, uint64_t *ret) {
    uint64_t v = 0;

    if (!len || len > 20 || (s[0] == '0' && len > 1)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        uint64_t d;

        if (!is_digit(s[i])) {
            return -EINVAL;
        }
        d = (uint64_t)(s[i] - '0');
        if (v > (UINT64_MAX - d) / 10) {
            return -EINVAL;
        }
        v = v * 10 + d;
    }
    *ret = v;
    return 0;
}

int ident_u64(const char *s, uint64_t *ret) {
    return ident_u64n(s, strlen(s), ret);
}

int ident_u32(const char *s, uint32_t *ret) {
    uint64_t v;

    if (ident_u64(s, &v) < 0 || v > UINT32_MAX) {
        return -EINVAL;
    }
    *ret = (uint32_t)v;
    return 0;
}

int ident_vmid(const char *s, uint32_t *ret) {
    uint32_t v;

    if (ident_u32(s, &v) < 0 || v < VMID_MIN || v > VMID_MAX) {
        return -EINVAL;
    }
    *ret = v;
    return 0;
}

bool ident_is_node(const char *s) {
    return is_name(s, 63, true, "-") && s[strlen(s) - 1] != '-';
}

bool ident_is_storage(const char *s) {
    return is_name(s, 100, false, "-_.") && strlen(s) >= 2 && is_alnum(s[strlen(s) - 1]);
}

bool ident_is_pool(const char *s) {
    size_t depth = 1;

    for (size_t part = 0; *s; s++) {
        if (*s == '/') {
            if (part == 0 || ++depth > 3) {
                return false;
            }
            part = 0;
        } else if (!is_alnum(*s) && !strchr("-_.", *s)) {
            return false;
        } else {
            part++;
        }
        if (!s[1]) {
            return part > 0;
        }
    }
    return false;
}

static bool has_dotdot(const char *s) {
    for (const char *p = s; *p; p++) {
        bool at_start = p == s || p[-1] == '/' || p[-1] == ':';

        if (at_start && p[0] == '.' && p[1] == '.' && (p[2] == '\0' || p[2] == '/')) {
            return true;
        }
    }
    return false;
}

bool ident_is_volid(const char *s) {
    const char *colon = strchr(s, ':');
    char storage[101];

    if (!colon || colon == s || (size_t)(colon - s) >= sizeof(storage) || !colon[1] ||
        strlen(s) > 512) {
        return false;
    }
    memcpy(storage, s, (size_t)(colon - s));
    storage[colon - s] = '\0';
    if (!ident_is_storage(storage) || has_dotdot(colon + 1)) {
        return false;
    }
    for (const char *p = colon + 1; *p; p++) {
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f) {
            return false;
        }
    }
    return true;
}

bool ident_is_snapname(const char *s) {
    return is_name(s, 40, false, "_-") && strlen(s) >= 2 && strcmp(s, "current") != 0;
}

bool ident_is_realm(const char *s) {
    return is_name(s, 32, false, "._-") && strlen(s) >= 2;
}

/* user@realm: PVE refuses blanks, ':' and '/' in the user part. */
bool ident_is_userid(const char *s) {
    const char *at = strrchr(s, '@');

    if (!at || at == s || strlen(s) > 64 || !ident_is_realm(at + 1)) {
        return false;
    }
    for (const char *p = s; p < at; p++) {
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr(":/!", *p)) {
            return false;
        }
    }
    return true;
}

bool ident_is_tokenid(const char *s) {
    const char *bang = strchr(s, '!');
    char user[65];

    if (!bang || (size_t)(bang - s) >= sizeof(user) || !is_name(bang + 1, 64, false, "._-")) {
        return false;
    }
    memcpy(user, s, (size_t)(bang - s));
    user[bang - s] = '\0';
    return ident_is_userid(user);
}

bool ident_is_tool(const char *s) {
    size_t len = strlen(s);

    if (!len || len > 40 || !(s[0] >= 'a' && s[0] <= 'z')) {
        return false;
    }
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

bool ident_is_cluster(const char *s) {
    return is_name(s, 40, true, "._-");
}

bool ident_is_client(const char *s) {
    return is_name(s, 40, true, "._-");
}

static bool is_id(const char *s, char kind) {
    return strlen(s) == IDENT_ID_LEN && s[0] == kind && s[1] == '-' &&
           strspn(s + 2, "abcdefghijklmnopqrstuvwxyz234567") == 26;
}

bool ident_is_plan_id(const char *s) {
    return is_id(s, 'P');
}

bool ident_is_op_id(const char *s) {
    return is_id(s, 'O');
}

bool ident_is_hex(const char *s, size_t digits) {
    return strlen(s) == digits && strspn(s, "0123456789abcdef") == digits;
}

static bool is_upper_hex(const char *s, size_t len) {
    return len >= 8 && len <= 16 && strspn(s, "0123456789ABCDEFabcdef") >= len;
}

/* UPID:node:pid:pstart:starttime:type:id:user: (the id may be empty, the user may hold a '!'). A
 * backup server has a fourth number, of the task within its process, before the start time. */
bool ident_is_upid(const char *s) {
    const char *field[10];
    size_t len[10];
    size_t more;
    size_t n = 0;
    const char *p = s;
    char node[64];

    if (strlen(s) > 512) {
        return false;
    }
    for (const char *q = s; *q; q++) {
        if ((unsigned char)*q <= 0x20 || (unsigned char)*q >= 0x7f || *q == '/') {
            return false;
        }
    }
    while (n < 10) {
        const char *colon = strchr(p, ':');

        field[n] = p;
        len[n] = colon ? (size_t)(colon - p) : strlen(p);
        n++;
        if (!colon) {
            break;
        }
        p = colon + 1;
    }
    if (n < 9) {
        return false;
    }
    more = n - 9; /* a fourth number; what comes after the ninth colon would not be empty */
    if (len[8 + more] != 0 || strchr(field[8 + more], ':') || len[0] != 4 ||
        strncmp(s, "UPID", 4) != 0 || !len[5 + more] || len[1] >= sizeof(node) || !len[7 + more]) {
        return false;
    }
    memcpy(node, field[1], len[1]);
    node[len[1]] = '\0';
    return ident_is_node(node) && is_upper_hex(field[2], len[2]) &&
           is_upper_hex(field[3], len[3]) && is_upper_hex(field[4], len[4]) &&
           (!more || is_upper_hex(field[5], len[5]));
}

int ident_upid_node(const char *upid, char *ret, size_t size) {
    const char *end;

    if (!ident_is_upid(upid)) {
        return -EINVAL;
    }
    end = strchr(upid + 5, ':');
    if (!end || (size_t)(end - (upid + 5)) >= size) {
        return -EINVAL;
    }
    memcpy(ret, upid + 5, (size_t)(end - (upid + 5)));
    ret[end - (upid + 5)] = '\0';
    return 0;
}

static void make_id(char kind, const struct hash *h, char *ret) {
    ret[0] = kind;
    ret[1] = '-';
    b32_lower(h->b, HASH_LEN, 26, ret + 2);
}

void ident_plan_id(const struct hash *h, char ret[static IDENT_ID_LEN + 1]) {
    make_id('P', h, ret);
}

void ident_op_id(const struct hash *h, char ret[static IDENT_ID_LEN + 1]) {
    make_id('O', h, ret);
}

bool ident_is_address(const char *s) {
    const char *colon = strrchr(s, ':');
    uint32_t port;

    return colon && colon != s && strlen(s) < 256 && ident_u32(colon + 1, &port) == 0 && port > 0 &&
           port <= 65535 &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%")] ==
               '\0';
}
