/* SPDX-License-Identifier: Apache-2.0 */
/* Zones, vnets, subnets and controllers from the API's pending lists: each item shows what runs,
 * its state, and what is configured otherwise under `pending`. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/sdn.h"

static const char *const kinds[][3] = {
    {"zones", "zone", "/cluster/sdn/zones?pending=1"},
    {"vnets", "vnet", "/cluster/sdn/vnets?pending=1"},
    {"controllers", "controller", "/cluster/sdn/controllers?pending=1"},
};

js *net_sdn_item(const js *o, bool running) {
    const char *state = js_str_or(o, "state", "");
    const js *pending = js_get(o, "pending");
    js *out;

    if (strcmp(state, running ? "new" : "deleted") == 0) {
        return NULL;
    }
    out = js_object();
    JS_FOREACH(o, key, v) {
        if (strcmp(key, "pending") != 0 && strcmp(key, "state") != 0 &&
            strcmp(key, "digest") != 0 && v) {
            js_add(out, key, js_copy(v));
        }
    }
    JS_FOREACH(running ? NULL : pending, name, value) {
        if (js_is_str(value) && strcmp(json_object_get_string(value), "deleted") == 0) {
            json_object_object_del(out, name);
        } else {
            js_add(out, name, js_copy(value));
        }
    }
    return out;
}

static void add_items(const js *list, bool running, js *into) {
    for (size_t i = 0; i < js_len(list); i++) {
        js *one = js_is_object(js_at(list, i)) ? net_sdn_item(js_at(list, i), running) : NULL;

        if (one) {
            js_push(into, one);
        }
    }
}

js *net_sdn_of(const struct picture *p, bool running) {
    js *sdn = js_object();
    js *subnets = js_array();
    const js *vnets = picture_answer(p, kinds[1][2], NULL);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        js *list = js_array();

        add_items(picture_answer(p, kinds[i][2], NULL), running, list);
        js_add(sdn, kinds[i][0], list);
    }
    for (size_t i = 0; i < js_len(vnets); i++) {
        char path[160];

        (void)snprintf(path, sizeof(path), "/cluster/sdn/vnets/%.60s/subnets?pending=1",
                       js_str_or(js_at(vnets, i), "vnet", ""));
        add_items(picture_answer(p, path, NULL), running, subnets);
    }
    js_add(sdn, "subnets", subnets);
    return sdn;
}

void net_side_sdn(struct net_side *s, const char *node, const js *sdn) {
    s->node = node;
    s->zones = js_get(sdn, "zones");
    s->vnets = js_get(sdn, "vnets");
    s->subnets = js_get(sdn, "subnets");
    s->controllers = js_get(sdn, "controllers");
}
