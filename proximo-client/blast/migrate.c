/* SPDX-License-Identifier: Apache-2.0 */
/* Guests move to another node: one, many, or all that a node has. What PVE refuses is found before
 * anything moves; moves of one plan share the target's memory and storages. */
#include "proximo-client/blast/migrate_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

void move_hit(struct move *m, const char *effect, enum risk severity, const char *via,
              const char *fmt, ...) {
    va_list ap;

    m->hits[severity]++;
    if (!m->d) {
        return;
    }
    va_start(ap, fmt);
    tally_guestv(m->t, m->d, m->g, effect, severity, via, fmt, ap);
    va_end(ap);
}

void move_blocks(struct move *m, const char *via, const char *fmt, ...) {
    va_list ap;

    m->blocked++;
    va_start(ap, fmt);
    if (m->d) {
        tally_guestv(m->t, m->d, m->g, "stranded", RISK_HIGH, via, fmt, ap);
    } else if (m->why && m->blocked == 1) {
        char text[160];

        (void)vsnprintf(text, sizeof(text), fmt, ap);
        (void)snprintf(m->why, 200, "%.30s %s", via, text);
    }
    va_end(ap);
}

const char *move_node_of(const struct move *m, const struct guest *g) {
    char key[12];

    (void)snprintf(key, sizeof(key), "%u", g->vmid);
    return js_str_or(m->moves, key, g->node);
}

static const js *status_of(const struct picture *p, const char *node) {
    char path[120];

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/status", node);
    return picture_answer(p, path, NULL);
}

/* Whether the target is a node of the cluster, and up. */
static bool target_is_up(struct move *m) {
    bool is_online;

    if (!picture_node_find(m->p, m->target, &is_online)) {
        move_blocks(m, "target", "there is no node %.60s", m->target);
    } else if (!is_online) {
        move_blocks(m, "target", "node %s is offline", m->target);
    }
    return is_online;
}

static void check_running(struct move *m, const js *form) {
    const bool is_online = js_bool_or(form, "online", false);

    if (!m->g->running) {
        return;
    }
    if (!m->is_ct) {
        m->live = is_online;
        if (!is_online) {
            move_blocks(m, "online", "it runs, and online is not set");
        } else {
            move_hit(m, "interrupted", RISK_LOW, "online",
                     "it goes on running; a short pause when it changes over");
        }
    } else if (js_bool_or(form, "restart", false)) {
        move_hit(m, "interrupted", RISK_MEDIUM, "restart", "it is shut down, moved and started");
    } else {
        move_blocks(m, "restart", "it runs, and restart is not set (containers cannot move live)");
    }
}

void move_one(struct move *m, const js *form) {
    m->is_ct = strcmp(m->g->kind, "lxc") == 0;
    m->priority = -1;
    m->with_disks = js_bool_or(form, "with-local-disks", false);
    m->force = js_bool_or(form, "force", false);
    m->map = js_str_or(form, "targetstorage", js_str_or(form, "target-storage", ""));
    m->job = replication_to_any(m->p, m->g->vmid, m->target);
    m->here = status_of(m->p, m->g->node);
    m->there = status_of(m->p, m->target);
    if (strcmp(m->g->node, m->target) == 0) {
        move_hit(m, "none", RISK_NONE, NULL, "it is there already: nothing changes");
        return;
    }
    if (!target_is_up(m)) {
        return;
    }
    check_running(m, form);
    move_devices(m);
    move_disks(m);
    move_host(m);
    move_ha(m);
    if (m->blocked > 0 && m->d) {
        draft_risk(m->d, RISK_HIGH, "%s will not move: %u thing%s in the way", m->g->resource,
                   m->blocked, m->blocked == 1 ? "" : "s");
    } else if (m->blocked == 0) {
        move_hit(m, "changed", RISK_LOW, "node", "moves from %s to %s", m->g->node, m->target);
    }
}

static void rooms_done(struct rooms *r) {
    free(r->v);
}

int blast_migrate(const struct picture *p, uint32_t vmid, const char *target, const js *form,
                  struct draft *d) {
    CLEANUP(rooms_done) struct rooms rooms = {0};
    CLEANUP(ha_freep) struct ha *ha = move_rules(p);
    struct tally t = {0};
    struct move m = {.p = p,
                     .g = picture_guest(p, vmid),
                     .target = target,
                     .d = d,
                     .t = &t,
                     .rooms = &rooms,
                     .ha = ha};

    blast_unread(p, BLAST_MIGRATE_NEEDS, vmid, d);
    if (!m.g) {
        draft_unread(d, "the guest", "it is not among those the token may see",
                     "VM.Audit on the guest");
        return -ENOENT;
    }
    if (m.g->template) {
        blast_unread(p, PIC_CONFIGS, 0, d); /* linked clones are other guests */
    }
    move_one(&m, form);
    tally_risk(&t, d);
    return 0;
}

int blast_migrate_many(const struct picture *p, const js *moves, const js *form, struct draft *d) {
    CLEANUP(rooms_done) struct rooms rooms = {0};
    CLEANUP(ha_freep) struct ha *ha = move_rules(p);
    struct tally t = {0};

    blast_unread(p, BLAST_MIGRATE_NEEDS, 0, d);
    JS_FOREACH(moves, key, value) {
        uint32_t vmid = 0;
        const struct guest *g = ident_vmid(key, &vmid) == 0 ? picture_guest(p, vmid) : NULL;
        struct move m = {
            .p = p, .g = g, .d = d, .t = &t, .rooms = &rooms, .ha = ha, .moves = moves};

        if (!g || !js_is_str(value)) {
            draft_unread(d, "a guest to be moved", "it is not among those the token may see",
                         "VM.Audit on the guest");
            continue;
        }
        m.target = json_object_get_string(value);
        move_one(&m, form);
    }
    tally_risk(&t, d);
    return 0;
}

int blast_evacuate(const struct picture *p, const char *node, const js *moves, const js *form,
                   struct draft *d) {
    struct tally t = {0};
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    unsigned int stays = 0;

    (void)blast_migrate_many(p, moves, form, d);
    for (size_t i = 0; i < n; i++) {
        char key[12];

        (void)snprintf(key, sizeof(key), "%u", g[i].vmid);
        if (strcmp(g[i].node, node) != 0 || js_get_str(moves, key)) {
            continue;
        }
        stays++;
        tally_guest(&t, d, &g[i], "stranded", g[i].running ? RISK_HIGH : RISK_MEDIUM, "node",
                    "no move is planned for it: it stays and goes down "
                    "with the node");
    }
    if (stays > 0) {
        draft_risk(d, RISK_HIGH, "%u guest%s left on %s", stays, stays == 1 ? " is" : "s are",
                   node);
    }
    tally_risk(&t, d);
    return 0;
}
