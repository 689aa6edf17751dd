/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and ranges of both IP versions as intervals, so that everything after this
 * compares numbers. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/blast/fw.h"

u128 fw_addr_max(unsigned int v) {
    return v == 4 ? (u128)0xffffffffu : ~(u128)0;
}

static bool addr_parse(const char *s, size_t n, unsigned int *ret_v, u128 *ret) {
    char text[INET6_ADDRSTRLEN];
    unsigned char b[16];
    size_t len = 4;

    if (n == 0 || n >= sizeof(text)) {
        return false;
    }
    memcpy(text, s, n);
    text[n] = 0;
    *ret_v = strchr(text, ':') ? 6 : 4;
    if (inet_pton(*ret_v == 6 ? AF_INET6 : AF_INET, text, b) != 1) {
        return false;
    }
    len = *ret_v == 6 ? 16 : 4;
    *ret = 0;
    for (size_t i = 0; i < len; i++) {
        *ret = *ret << 8 | b[i];
    }
    return true;
}

bool fw_net_parse(const char *s, struct fw_net *ret) {
    size_t n = strcspn(s, "/-");
    unsigned int v2;
    uint32_t len;

    *ret = (struct fw_net){0};
    if (!addr_parse(s, n, &ret->v, &ret->lo)) {
        return false;
    }
    ret->hi = ret->lo;
    if (s[n] == '-') {
        return addr_parse(s + n + 1, strlen(s + n + 1), &v2, &ret->hi) && v2 == ret->v &&
               ret->lo <= ret->hi;
    }
    if (s[n] == '/') {
        unsigned int bits = ret->v == 4 ? 32 : 128;
        u128 host;

        if (ident_u32(s + n + 1, &len) < 0 || len > bits) {
            return false;
        }
        /* a shift by the whole width is undefined */
        host = len == 0 ? fw_addr_max(ret->v) : ((u128)1 << (bits - len)) - 1;
        ret->lo &= ~host;
        ret->hi = ret->lo | host;
    }
    return true;
}

static void addr_print(unsigned int v, u128 a, char ret[static INET6_ADDRSTRLEN]) {
    unsigned char b[16];
    size_t len = v == 4 ? 4 : 16;

    for (size_t i = len; i-- > 0; a >>= 8) {
        b[i] = (unsigned char)(a & 0xff);
    }
    if (!inet_ntop(v == 4 ? AF_INET : AF_INET6, b, ret, INET6_ADDRSTRLEN)) {
        ret[0] = 0;
    }
}

void fw_net_print(const struct fw_net *n, char ret[static FW_NET_TEXT]) {
    char lo[INET6_ADDRSTRLEN];
    char hi[INET6_ADDRSTRLEN];
    u128 host = n->hi - n->lo;
    unsigned int bits = n->v == 4 ? 32 : 128;

    addr_print(n->v, n->lo, lo);
    if (host == 0) {
        (void)snprintf(ret, FW_NET_TEXT, "%s", lo);
    } else if ((host & (host + 1)) == 0 && (n->lo & host) == 0) {
        for (; host; host >>= 1) {
            bits--;
        }
        (void)snprintf(ret, FW_NET_TEXT, "%s/%u", lo, bits);
    } else {
        addr_print(n->v, n->hi, hi);
        (void)snprintf(ret, FW_NET_TEXT, "%s-%s", lo, hi);
    }
}
