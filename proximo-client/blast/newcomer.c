/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that is not there yet. A number may have a past: grants and jobs that name it. What the
 * node has for it is asked as for a guest that moves there. */
#include "proximo-client/blast/newcomer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/blast/backup_int.h"
#include "proximo-client/blast/disk_int.h"

void newcomer_init(struct newcomer *n, const struct picture *p, struct draft *d, const char *kind,
                   int64_t vmid, const char *node) {
    *n = (struct newcomer){.p = p, .d = d};
    n->g = (struct guest){.kind = kind,
                          .vmid = vmid >= VMID_MIN && vmid <= VMID_MAX ? (uint32_t)vmid : 0,
                          .node = node,
                          .name = "",
                          .parent = "",
                          .config = {PART_READ, "", NULL}};
    (void)snprintf(n->g.resource, sizeof(n->g.resource), "%s/%u",
                   strcmp(kind, "lxc") == 0 ? "ct" : "vm", n->g.vmid);
}

void newcomer_done(struct newcomer *n) {
    if (n->d) {
        tally_risk(&n->t, n->d);
    }
    free(n->rooms.v);
}

void newcomer_hit(struct newcomer *n, const char *effect, enum risk severity, const char *via,
                  const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    tally_guestv(&n->t, n->d, &n->g, effect, severity, via, fmt, ap);
    va_end(ap);
}

void newcomer_refused(struct newcomer *n, const char *fmt, ...) {
    char why[320];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    draft_risk(n->d, RISK_HIGH, "will be refused: %s", why);
}

static void hit_other(struct newcomer *n, const char *resource, const char *effect,
                      enum risk severity, const char *via, const char *why) {
    tally_other(&n->t, n->d, resource, effect, severity, via, why);
}

static void check_jobs(struct newcomer *n) {
    const js *jobs = picture_backup_jobs(n->p);
    const char *taker = NULL;
    char bad[140] = "", why[140];

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *j = js_at(jobs, i);
        const char *pool = js_get_str(j, "pool");
        const bool is_of_pool = pool && n->pool && strcmp(pool, n->pool) == 0;

        if (js_bool_or(j, "enabled", true) && (is_of_pool || job_includes(n->p, j, &n->g))) {
            if (!job_saves(n->p, j, &n->g, why, sizeof(why))) {
                (void)snprintf(bad, sizeof(bad), "%s", why);
                taker = taker ? taker : js_str_or(j, "id", "?");
                continue;
            }
            taker = js_str_or(j, "id", "?");
            bad[0] = 0;
            break;
        }
    }
    if (taker && bad[0]) {
        newcomer_hit(n, "changed", RISK_MEDIUM, "backup",
                     "backup job %.80s takes it and cannot save it: %.140s", taker, bad);
    } else if (taker) {
        newcomer_hit(n, "changed", RISK_LOW, "backup", "backup job %.80s takes it", taker);
    } else if (picture_backup_part(n->p)->state == PART_READ) {
        newcomer_hit(n, "none", RISK_LOW, "backup", "no backup job takes it");
    }
}

static void check_grants(struct newcomer *n) {
    const js *acl = picture_answer(n->p, "/access/acl", NULL);
    char own[32];
    char pool[160];

    (void)snprintf(own, sizeof(own), "/vms/%u", n->g.vmid);
    (void)snprintf(pool, sizeof(pool), "/pool/%.120s", n->pool ? n->pool : "");
    for (size_t i = 0; i < js_len(acl); i++) {
        const js *a = js_at(acl, i);
        const char *path = js_str_or(a, "path", "");
        const bool is_own = strcmp(path, own) == 0;
        char who[160];
        char why[240];

        if (!is_own && !(n->pool && strcmp(path, pool) == 0)) {
            continue;
        }
        (void)snprintf(who, sizeof(who), "%.30s/%.120s", js_str_or(a, "type", "user"),
                       js_str_or(a, "ugid", "?"));
        (void)snprintf(why, sizeof(why), "%s: %.60s on %.120s holds for the new guest",
                       is_own ? "the number was granted before" : "the pool's grant",
                       js_str_or(a, "roleid", "?"), path);
        hit_other(n, who, "gains-access", is_own ? RISK_MEDIUM : RISK_LOW, path, why);
    }
}

void newcomer_number(struct newcomer *n) {
    const struct guest *g = picture_guest(n->p, n->g.vmid);

    if (g) {
        newcomer_refused(n, "number %u is taken by %s at %s", g->vmid, g->resource, g->node);
    }
    check_jobs(n);
    check_grants(n);
}

static void check_room(struct newcomer *n, const char *key, const struct store *s, int64_t bytes) {
    struct part part;
    const int64_t avail = node_space(n->p, n->g.node, s->id, &part);
    int64_t sum;

    if (bytes < 0 || avail < 0) {
        draft_unread(n->d, bytes < 0 ? "the size of a volume" : "room on the storage",
                     bytes < 0 || part.state == PART_READ ? "it is not told" : part.why,
                     bytes < 0 ? NULL : part.privilege);
        return;
    }
    sum = room_take(&n->rooms, n->g.node, s->id, bytes);
    if (sum > avail && store_allocates(s, strcmp(n->g.kind, "lxc") == 0)) {
        newcomer_refused(
            n, "%.40s does not fit: %" PRId64 " MiB go to %.60s, %" PRId64 " MiB are left", key,
            sum >> 20, s->id, avail >> 20);
    } else if (sum > avail) {
        draft_risk(n->d, RISK_HIGH,
                   "%.60s has %" PRId64 " MiB left and may have to take %" PRId64
                   " MiB: every guest there stands still if it runs full",
                   s->id, avail >> 20, sum >> 20);
    } else if (avail - sum < avail / 10) {
        draft_risk(n->d, RISK_MEDIUM, "%.60s will be nearly full", s->id);
    }
}

void newcomer_volume(struct newcomer *n, const char *key, const char *storage, const char *content,
                     int64_t bytes) {
    const struct store *s = picture_store(n->p, storage);

    if (!s && picture_storage_part(n->p)->state != PART_READ) {
        return; /* told as unread */
    }
    if (!s || !store_usable(s, n->g.node)) {
        newcomer_refused(n, "storage %.60s for %.40s is not available at %s", storage, key,
                         n->g.node);
    } else if (!words_have(js_str_or(s->def, "content", content), content)) {
        newcomer_refused(n, "storage %.60s does not take %s (%.40s)", storage, content, key);
    } else if (bytes != 0) {
        check_room(n, key, s, bytes);
    }
}

/* Each key as one that is new: what opens a way to the host is told. */
static void check_crossings(struct newcomer *n) {
    struct diff c = {.g = &n->g, .d = n->d};

    JS_FOREACH(n->g.cfg, key, value) {
        char tmp[24];
        const char *text = value_print(value, tmp);

        if (text) {
            config_host(&c, key, NULL, text);
        }
    }
    tally_risk(&c.t, n->d);
}

void newcomer_host(struct newcomer *n, bool starts) {
    char path[120];
    struct move m = {.p = n->p,
                     .g = &n->g,
                     .target = n->g.node,
                     .d = n->d,
                     .t = &n->t,
                     .rooms = &n->rooms,
                     .is_ct = strcmp(n->g.kind, "lxc") == 0,
                     .map = ""};

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/status", n->g.node);
    m.there = picture_answer(n->p, path, NULL);
    n->g.running = starts; /* then its memory counts */
    move_host(&m);
    n->g.running = false;
    check_crossings(n);
}
