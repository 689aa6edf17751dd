/* SPDX-License-Identifier: Apache-2.0 */
/* What the network analysers share: how two ways out of a node differ, and how a hit is said. */
#include "proximo-client/blast/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum net_turn net_turn(const js *before, const js *after) {
    unsigned int kept = 0;

    JS_FOREACH(before, wire, one) {
        (void)one;
        kept += js_get(after, wire) != NULL;
    }
    if (js_members(before) && !js_members(after)) {
        return NET_CUT;
    }
    if (js_members(before) && !kept) {
        return NET_MOVED;
    }
    if ((unsigned int)js_members(after) > kept) {
        return NET_WIDER;
    }
    return kept < (unsigned int)js_members(before) ? NET_FEWER : NET_SAME;
}

void net_words(const js *set, char *ret, size_t size) {
    size_t n = 0;

    (void)snprintf(ret, size, "nothing");
    JS_FOREACH(set, word, one) {
        (void)one;
        if (n + 24 > size) {
            (void)snprintf(ret + n, size - n, ", …");
            return;
        }
        n += (size_t)snprintf(ret + n, size - n, "%s%.20s", n ? ", " : "", word);
    }
}

void net_hit(struct net_case *c, const struct affect *a, const char *fmt, ...) {
    struct affect hit = *a;
    char said[300];
    char why[330];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(said, sizeof(said), fmt, ap);
    va_end(ap);
    (void)snprintf(why, sizeof(why), "%s%s", c->staged ? "once applied: " : "", said);
    hit.why = why;
    if (c->staged && hit.severity > RISK_MEDIUM) {
        hit.severity = RISK_MEDIUM;
    }
    tally_affect(&c->tally, c->d, &hit);
    c->any = true;
}

void net_compare(struct net_case *c) {
    net_compare_guests(c);
    net_compare_roles(c);
}
