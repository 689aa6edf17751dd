/* SPDX-License-Identifier: Apache-2.0 */
/* A firewall as the API may answer it, and a change: {model, method, path, form}. Whatever it
 * holds, it compiles, is changed and judged without a fault; every set's intervals are in order and
 * apart and say of an address what the longest of its prefixes says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so) {
    if (!is_so) {
        abort();
    }
}

static bool by_prefixes(const struct fw_set *s, unsigned int v, u128 a) {
    const struct fw_net *best = NULL;

    for (size_t i = 0; i < s->n_raw; i++) {
        const struct fw_net *n = &s->raw[i];

        if (fw_net_has(n, v, a) && (!best || n->hi - n->lo <= best->hi - best->lo)) {
            best = n;
        }
    }
    return best && !best->nomatch;
}

static void check_set(const struct fw_set *s) {
    for (size_t nft = 0; nft < 2; nft++) {
        for (size_t i = 0; i < s->n_in[nft]; i++) {
            const struct fw_net *n = &s->in[nft][i];

            must(n->lo <= n->hi && n->hi <= fw_addr_max(n->v));
            must(i == 0 || s->in[nft][i - 1].v < n->v ||
                 (s->in[nft][i - 1].v == n->v && s->in[nft][i - 1].hi < n->lo));
        }
    }
    for (size_t i = 0; i < s->n_raw && i < 50; i++) {
        const struct fw_net *n = &s->raw[i];
        char text[FW_NET_TEXT];
        struct fw_net back;

        must(fw_set_has(s, false, n->v, n->lo) == by_prefixes(s, n->v, n->lo));
        must(fw_set_has(s, false, n->v, n->hi) == by_prefixes(s, n->v, n->hi));
        fw_net_print(n, text);
        must(fw_net_parse(text, &back) && back.lo == n->lo && back.hi == n->hi && back.v == n->v);
    }
}

static void told(void *ctx, const struct fw_diff *d) {
    (void)ctx;
    must(d->before != d->after && d->remote.lo <= d->remote.hi && d->why_after.what != NULL);
}

static void compare(const struct fw_conf *b, const struct fw_conf *a) {
    for (size_t i = 0; i < a->n_host && i < 2; i++) {
        struct fw_place after = {.host = &a->host[i]};
        struct fw_place before = {.host = fw_conf_host(b, a->host[i].name)};

        for (after.dir = FW_IN; before.host && after.dir <= FW_FORWARD; after.dir++) {
            before.dir = after.dir;
            (void)fw_compare(b, &before, a, &after, told, NULL);
        }
    }
    for (size_t i = 0; i < a->n_guest && i < 2; i++) {
        struct fw_place after = {.guest = &a->guest[i]};
        struct fw_place before = {.guest = fw_conf_guest(b, a->guest[i].vmid)};

        after.nic = after.guest->n_nic ? after.guest->nic : NULL;
        before.nic = before.guest && before.guest->n_nic ? before.guest->nic : NULL;
        if (before.guest) {
            (void)fw_compare(b, &before, a, &after, told, NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *in = NULL;
    CLEANUP(js_freep) js *changed = NULL;
    CLEANUP(fw_conf_freep) struct fw_conf *before = NULL;
    CLEANUP(fw_conf_freep) struct fw_conf *after = NULL;
    const char *why = NULL;
    struct err e = {0};

    /* long rule sets take long and say nothing new */
    if (size > 6000 || js_parse((const char *)data, size, &in, &e) < 0 || !js_is_object(in) ||
        !js_is_object(js_get(in, "model"))) {
        return 0;
    }
    changed = js_copy(js_get(in, "model"));
    (void)fw_apply(changed, js_str_or(in, "method", ""), js_str_or(in, "path", ""),
                   js_get(in, "form"), &why);
    must(why != NULL);
    must(fw_conf_new(js_get(in, "model"), &before) == 0 && fw_conf_new(changed, &after) == 0);
    for (size_t i = 0; i < after->dc.n_set; i++) {
        check_set(&after->dc.set[i]);
    }
    for (size_t i = 0; i < after->n_host; i++) {
        check_set(&after->host[i].management);
    }
    compare(before, after);
    return 0;
}
