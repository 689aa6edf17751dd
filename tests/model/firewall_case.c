/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall analyser's core behind a pipe, for the model in firewall.py: one case a line in, one
 * answer a line out. A case is {model, change: {method, path, form}, packets: [{place, dir, …}]}.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"

static enum fw_dir dir_of(const char *name) {
    return strcmp(name, "out") == 0 ? FW_OUT : strcmp(name, "forward") == 0 ? FW_FORWARD : FW_IN;
}

static u128 address(const js *o, const char *key) {
    struct fw_net n = {0};

    if (!fw_net_parse(js_str_or(o, key, ""), &n)) {
        fprintf(stderr, "not an address: %s\n", js_str_or(o, key, ""));
        exit(2);
    }
    return n.lo;
}

static void place_of(const struct fw_conf *c, const js *place, enum fw_dir dir,
                     struct fw_place *ret) {
    *ret = (struct fw_place){.dir = dir};
    if (js_get(place, "node")) {
        ret->host = fw_conf_host(c, js_str_or(place, "node", ""));
    } else if (js_get(place, "vnet")) {
        ret->vnet = fw_conf_vnet(c, js_str_or(place, "vnet", ""));
    } else {
        ret->guest = fw_conf_guest(c, (uint32_t)js_int_or(place, "guest", 0));
        for (size_t i = 0; ret->guest && i < ret->guest->n_nic; i++) {
            if (strcmp(ret->guest->nic[i].name, js_str_or(place, "nic", "")) == 0) {
                ret->nic = &ret->guest->nic[i];
            }
        }
    }
}

static const char *judge(const struct fw_conf *c, const js *q) {
    struct fw_packet p = {.v = (unsigned int)js_int_or(q, "v", 4),
                          .src = address(q, "src"),
                          .dst = address(q, "dst"),
                          .proto = (int)js_int_or(q, "proto", 6),
                          .sport = (uint32_t)js_int_or(q, "sport", 0),
                          .dport = (uint32_t)js_int_or(q, "dport", 0),
                          .icmp_type = (uint32_t)js_int_or(q, "type", 0),
                          .icmp_code = (uint32_t)js_int_or(q, "code", 0),
                          .iface = js_str_or(q, "iface", "")};
    struct fw_place at;
    struct fw_why why;

    place_of(c, js_get(q, "place"), dir_of(js_str_or(q, "dir", "in")), &at);
    return fw_verdict_name(fw_judge(c, &at, &p, &why));
}

struct telling {
    js *out;
    const js *place;
};

static void add_address(js *o, const char *key, unsigned int v, u128 a) {
    struct fw_net n = {.lo = a, .hi = a, .v = v};
    char text[FW_NET_TEXT];

    fw_net_print(&n, text);
    js_add(o, key, js_str(text));
}

static void tell(void *ctx, const struct fw_diff *d) {
    static const char *const dirs[] = {"in", "out", "forward"};
    const struct telling *t = ctx;
    js *o = js_object();

    js_add(o, "place", js_copy(t->place));
    js_add(o, "dir", js_str(dirs[d->dir]));
    js_add(o, "v", js_int((int64_t)d->remote.v));
    add_address(o, "lo", d->remote.v, d->remote.lo);
    add_address(o, "hi", d->remote.v, d->remote.hi);
    add_address(o, "local", d->local.v, d->local.lo);
    js_add(o, "before", js_str(fw_verdict_name(d->before)));
    js_add(o, "after", js_str(fw_verdict_name(d->after)));
    js_add(o, "proto", js_int(d->proto));
    js_add(o, "port_lo", js_int((int64_t)d->port.lo));
    js_add(o, "port_hi", js_int((int64_t)d->port.hi));
    add_address(o, "src", d->remote.v, d->witness.src);
    add_address(o, "dst", d->remote.v, d->witness.dst);
    js_add(o, "sport", js_int((int64_t)d->witness.sport));
    js_add(o, "dport", js_int((int64_t)d->witness.dport));
    js_add(o, "type", js_int((int64_t)d->witness.icmp_type));
    js_add(o, "code", js_int((int64_t)d->witness.icmp_code));
    js_add(o, "iface", js_str(d->witness.iface));
    js_push(t->out, o);
}

static void compare(const struct fw_conf *b, const struct fw_conf *a, const js *places, js *out) {
    for (size_t i = 0; i < js_len(places); i++) {
        const js *place = js_at(places, i);
        struct telling t = {out, place};
        enum fw_dir dir = dir_of(js_str_or(place, "dir", "in"));
        struct fw_place at[2];

        place_of(b, place, dir, &at[0]);
        place_of(a, place, dir, &at[1]);
        if (!fw_compare(b, &at[0], a, &at[1], tell, &t)) {
            js_push(out, js_str("too many"));
        }
    }
}

static void one_case(const js *in) {
    CLEANUP(js_freep) js *out = js_object();
    CLEANUP(js_freep) js *changed = js_copy(js_get(in, "model"));
    CLEANUP(fw_conf_freep) struct fw_conf *before = NULL;
    CLEANUP(fw_conf_freep) struct fw_conf *after = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(64 * 1024 * 1024);
    const js *change = js_get(in, "change");
    const js *packets = js_get(in, "packets");
    js *verdicts = js_array();
    js *diffs = js_array();
    const char *why = "";
    int r = fw_apply(changed, js_str_or(change, "method", ""), js_str_or(change, "path", ""),
                     js_get(change, "form"), &why);

    js_add(out, "refused", r < 0 ? js_str(why) : NULL);
    if (fw_conf_new(js_get(in, "model"), &before) < 0 || fw_conf_new(changed, &after) < 0) {
        exit(2);
    }
    for (size_t i = 0; i < js_len(packets); i++) {
        js *pair = js_array();

        js_push(pair, js_str(judge(before, js_at(packets, i))));
        js_push(pair, js_str(judge(after, js_at(packets, i))));
        js_push(verdicts, pair);
    }
    compare(before, after, js_get(in, "places"), diffs);
    js_add(out, "verdicts", verdicts);
    js_add(out, "diffs", diffs);
    if (js_print(out, &b) < 0) {
        exit(2);
    }
    printf("%s\n", buf_str(&b));
    fflush(stdout);
}

int main(void) {
    CLEANUP(freep) char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        CLEANUP(js_freep) js *in = NULL;
        struct err e = {0};

        if (js_parse(line, (size_t)n, &in, &e) < 0) {
            fprintf(stderr, "bad case: %s\n", e.msg);
            return 2;
        }
        one_case(in);
    }
    return 0;
}
