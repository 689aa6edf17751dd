/* SPDX-License-Identifier: Apache-2.0 */
/* A node's interfaces: changes are staged, PUT …/network lets them run, DELETE …/network forgets
 * them. What runs beside a staged list PVE tells only as the difference of two files; a computed
 * answer has the list itself in its place (net_running_of()). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/blast/network.h"
#include "proximo-client/blast/then_int.h"

#define PORTS 128 /* of one interface; more stay as they stand */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists of ports come back sorted and separated by blanks. */
static void sort_ports(js *o, const char *key) {
    CLEANUP(js_freep) js *words = form_words(o, key);
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    const char *port[PORTS];
    size_t n = js_len(words);

    if (n > PORTS) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        port[i] = json_object_get_string(js_at(words, i));
    }
    qsort(port, n, sizeof(*port), by_text);
    for (size_t i = 0; i < n; i++) {
        (void)buf_addf(&b, "%s%s", i ? " " : "", port[i]);
    }
    js_add(o, key, js_str(buf_str(&b)));
}

/* What PVE writes where nothing is said, by the sort of interface. */
static const char *const defaults[][3] = {
    {"bridge", "bridge_stp", "off"},  {"bridge", "bridge_fd", "0"},
    {"bond", "bond_miimon", "100"},   {"bond", "bond_mode", "balance-rr"},
    {"bridge", "bridge_ports", NULL}, {"bond", "slaves", NULL}, /* NULL: sorted */
};

/* "vlan20" has its tag in its name, "eno1.20" what it rests on, too. */
static void name_vlan(js *o) {
    const char *iface = js_str_or(o, "iface", ""), *dot = strrchr(iface, '.');

    if (dot) {
        js_add(o, "vlan-raw-device", js_str_n(iface, (size_t)(dot - iface)));
        js_add(o, "vlan-id", js_str(dot + 1));
    } else if (strncmp(iface, "vlan", 4) == 0) {
        js_add(o, "vlan-id", js_str(iface + 4));
    }
}

/* A bridge knows VLANs when the key is there, whatever it says; then it has a range of them. */
static void settle_vids(js *o) {
    if (!js_get(o, "bridge_vlan_aware")) {
        json_object_object_del(o, "bridge_vids");
        return;
    }
    js_add(o, "bridge_vlan_aware", js_int(1));
    if (!js_get(o, "bridge_vids")) {
        js_add(o, "bridge_vids", js_str("2-4094"));
    }
}

static void complete(js *o) {
    const char *type = js_str_or(o, "type", "");

    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        const char *const *d = defaults[i];

        if (strcmp(d[0], type) != 0) {
            continue;
        }
        if (!d[2]) {
            sort_ports(o, d[1]);
        } else if (!js_get(o, d[1])) {
            js_add(o, d[1], js_str(d[2]));
        }
    }
    if (strcmp(type, "bridge") == 0) {
        settle_vids(o);
    } else if (strcmp(type, "vlan") == 0) {
        name_vlan(o);
    }
}

static bool begin(struct effect *x, then_read *read, void *ctx) {
    CLEANUP(net_state_done) struct net_state s = {NULL, NULL, false};
    CLEANUP(js_freep) js *doubts = js_array();
    const struct blast_request req = {x->method, x->path, x->form};
    bool makes = strcmp(x->method, "POST") == 0;
    const char *name = x->id[1][0] ? x->id[1] : js_str_or(x->form, "iface", "");
    char path[AFTER_ID + 40], beside[AFTER_ID + 50];
    const js *list;

    (void)snprintf(path, sizeof(path), "/nodes/%s/network", x->id[0]);
    (void)snprintf(beside, sizeof(beside), "%s#changes", path);
    list = read(ctx, path);
    if (!js_is_array(list) || (*name && makes == (list_row(list, "iface", name) != NULL))) {
        return false; /* PVE would refuse it */
    }
    s.staged = js_copy(list);
    s.running = net_running_of(list, read(ctx, beside), doubts);
    if (js_len(doubts) || !net_change(&s, x->id[0], &req)) {
        return false;
    }
    if (*name && list_row(s.staged, "iface", name)) {
        complete(list_row(s.staged, "iface", name));
    }
    x->made = js_object();
    js_add(x->made, "staged", TAKE(s.staged));
    js_add(x->made, "running", TAKE(s.running));
    return true;
}

static enum then_is changes(const struct effect *x, js **data) {
    const js *running = js_get(x->made, "running");
    js *beside = NULL;

    if (!net_same(running, js_get(x->made, "staged"))) {
        beside = js_object();
        js_add(beside, "running", js_copy(running));
    }
    (void)then_set(data, beside);
    return beside ? THEN_UNWATCHED : THEN_KNOWN; /* the difference's words are PVE's */
}

static enum then_is one(const struct effect *x, const char *name, js **data) {
    js *row = list_row(js_get(x->made, "staged"), "iface", name);
    js *copy = row ? js_copy(row) : NULL;

    if (copy) {
        json_object_object_del(copy, "iface");
    }
    return then_set(data, copy);
}

static enum then_is network(const struct effect *x, const char *path, js **data) {
    char list[AFTER_ID + 40], id[2][AFTER_ID];
    size_t n = (size_t)snprintf(list, sizeof(list), "/nodes/%s/network", x->id[0]);

    if (strncmp(path, list, n) != 0) {
        return THEN_SAME;
    }
    if (!path[n]) {
        return then_set(data, js_copy(js_get(x->made, "staged")));
    }
    if (strcmp(path + n, "#changes") == 0) {
        return changes(x, data);
    }
    if (path_fits("/*", path + n, id)) {
        return one(x, id[0], data);
    }
    return path[n] == '?' ? THEN_UNKNOWN : THEN_SAME; /* of one sort, or with the vnets */
}

const struct effect_kind then_network_kinds[] = {
    {"POST", "/nodes/*/network", begin, network, NULL},
    {"PUT", "/nodes/*/network", begin, network, NULL},
    {"DELETE", "/nodes/*/network", begin, network, NULL},
    {"PUT", "/nodes/*/network/*", begin, network, NULL},
    {"DELETE", "/nodes/*/network/*", begin, network, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
