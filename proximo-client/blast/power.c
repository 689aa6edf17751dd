/* SPDX-License-Identifier: Apache-2.0 */
/* Power: who stops or is interrupted, what HA makes of it, and who depends on the guest: guests
 * that are ordered to start after it, and guests whose disks lie on a storage that it serves. A
 * request that changes nothing is said to change nothing. */
#include "proximo-client/blast/blast_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

static const struct power {
    const char *action, *effect;
    bool wants_running;
    bool ends; /* it does not run afterwards */
    enum risk risk;
    const char *why;
} powers[] = {
    {"start", "started", false, false, RISK_LOW, "it starts"},
    {"resume", "started", false, false, RISK_LOW, "it goes on from where it was"},
    {"stop", "halted", true, true, RISK_MEDIUM,
     "it stops as by pulling the plug: what is not yet written is lost"},
    {"shutdown", "halted", true, true, RISK_MEDIUM, "it shuts down and stays off"},
    {"suspend", "halted", true, true, RISK_MEDIUM, "it stands still until it is resumed"},
    {"reboot", "interrupted", true, false, RISK_MEDIUM, "it is away while it restarts"},
    {"reset", "interrupted", true, false, RISK_MEDIUM,
     "it restarts as by the reset button: what is not yet written is lost"},
};

static void affect_guest(struct tally *t, const struct guest *g, const char *effect, enum risk risk,
                         const char *via, const char *why, struct draft *d) {
    tally_guest(t, d, g, effect, risk, via, why);
}

/* PVE turns start, stop and shutdown of a managed guest into a change of its HA state; everything
 * else is done behind the manager's back, and it may undo it. */
static void check_ha(const struct picture *p, const struct guest *g, const struct power *a,
                     struct tally *t, struct draft *d) {
    const js *ha = picture_ha_of(p, g);
    const char *state = js_str_or(ha, "state", "started");
    char why[240];

    if (!ha || strcmp(state, "ignored") == 0) {
        return;
    }
    if (strcmp(state, "error") == 0) {
        affect_guest(t, g, "none", RISK_HIGH, "HA",
                     "its HA state is error: nothing is done until the state is set to disabled",
                     d);
        return;
    }
    if (strcmp(a->action, "suspend") == 0 && strcmp(state, "started") == 0) {
        affect_guest(t, g, "changed", RISK_HIGH, "HA",
                     "HA wants it started and will start it again", d);
        return;
    }
    (void)snprintf(
        why, sizeof(why),
        "managed by HA (now %.20s): the request is filed as an HA state and acted on some "
        "seconds later, also if its task says OK",
        state);
    if (strcmp(a->action, "reboot") == 0 || strcmp(a->action, "reset") == 0) {
        (void)snprintf(why, sizeof(why),
                       "managed by HA (now %.20s): a guest that stays away is "
                       "restarted or moved by the manager",
                       state);
    }
    affect_guest(t, g, "changed", RISK_MEDIUM, "HA", why, d);
}

static bool startup_order(const struct guest *g, uint32_t *ret) {
    const char *s = js_get_str(g->cfg, "startup");
    const char *o = s ? strstr(s, "order=") : NULL;
    char digits[11];
    size_t n;

    o = o ? o + 6 : s; /* "startup: 3" is an order, too */
    n = o ? strspn(o, "0123456789") : 0;
    if (n == 0 || n >= sizeof(digits)) {
        return false;
    }
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)n, o);
    return ident_u32(digits, ret) == 0;
}

static void check_order(const struct picture *p, const struct guest *me, struct tally *t,
                        struct draft *d) {
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    uint32_t mine;
    uint32_t other;

    if (!startup_order(me, &mine)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char why[160];

        if (!g[i].running || g[i].vmid == me->vmid || strcmp(g[i].node, me->node) != 0 ||
            !startup_order(&g[i], &other) || other <= mine) {
            continue;
        }
        (void)snprintf(why, sizeof(why), "is ordered to start after %s (%u after %u): may need it",
                       me->resource, other, mine);
        affect_guest(t, &g[i], "degraded", RISK_MEDIUM, "startup order", why, d);
    }
}

/* The address in "ip=10.0.0.5/24" is `address`. */
static bool has_address(const struct guest *g, const char *address) {
    if (!g->cfg) {
        return false;
    }
    JS_FOREACH(g->cfg, key, value) {
        const char *s;

        if (!js_is_str(value) ||
            (strncmp(key, "net", 3) != 0 && strncmp(key, "ipconfig", 8) != 0)) {
            continue;
        }
        for (s = json_object_get_string(value); s; s = strchr(s, ',')) {
            size_t n;

            s += *s == ',';
            if (strncmp(s, "ip=", 3) != 0 && strncmp(s, "ip6=", 4) != 0) {
                continue;
            }
            n = strcspn(strchr(s, '=') + 1, "/,");
            if (n == strlen(address) && memcmp(strchr(s, '=') + 1, address, n) == 0) {
                return true;
            }
        }
    }
    return false;
}

void served_by(const struct picture *p, const struct guest *me, struct tally *t, struct draft *d) {
    const struct store *s;
    const struct guest *g;
    size_t stores = picture_stores(p, &s);
    size_t n = picture_guests(p, &g);

    for (size_t i = 0; i < stores; i++) {
        const char *server = js_str_or(s[i].def, "server", js_str_or(s[i].def, "portal", ""));
        char why[160];

        if (!server[0] || !has_address(me, server)) {
            continue;
        }
        (void)snprintf(why, sizeof(why), "storage %.60s is served by %s", s[i].id, me->resource);
        for (size_t k = 0; k < n; k++) {
            for (size_t v = 0; v < g[k].vols.n; v++) {
                if (g[k].vols.v[v].kind == VOLUME_STORAGE && !g[k].vols.v[v].unused &&
                    strcmp(g[k].vols.v[v].storage, s[i].id) == 0) {
                    affect_guest(t, &g[k], "unreachable", RISK_HIGH, g[k].vols.v[v].key, why, d);
                    break;
                }
            }
        }
        draft_risk(d, RISK_HIGH, "%s", why);
    }
}

int blast_power(const struct picture *p, uint32_t vmid, const char *action, struct draft *d) {
    const struct guest *g = picture_guest(p, vmid);
    const struct power *a = NULL;
    struct tally t = {0};

    for (size_t i = 0; i < ARRAY_LEN(powers); i++) {
        a = strcmp(powers[i].action, action) == 0 ? &powers[i] : a;
    }
    blast_unread(p, BLAST_POWER_NEEDS, 0, d);
    if (!g || !a) {
        draft_unread(d, g ? "the action" : "the guest", "it is not known here",
                     g ? NULL : "VM.Audit on the guest");
        return -ENOENT;
    }
    if (g->template) {
        affect_guest(&t, g, "none", RISK_LOW, NULL, "it is a template and cannot run", d);
    } else if (g->running != a->wants_running) {
        affect_guest(&t, g, "none", RISK_NONE, NULL,
                     g->running ? "it runs already: nothing changes"
                                : "it does not run: nothing changes",
                     d);
    } else {
        affect_guest(&t, g, a->effect, a->risk, NULL, a->why, d);
        check_ha(p, g, a, &t, d);
        if (a->wants_running) {
            check_order(p, g, &t, d);
            served_by(p, g, &t, d);
        }
    }
    tally_risk(&t, d);
    return 0;
}
