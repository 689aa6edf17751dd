/* SPDX-License-Identifier: Apache-2.0 */
/* Ceph's daemons and flags: what a monitor, manager, metadata server or OSD that stops or goes
 * leaves behind, and which storages and guests it takes along. Said from the state the node shows
 * now; what is already down counts as down. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/ceph_int.h"

/* How long what stops is away. */
enum away { AWAY_STOPPED, AWAY_SHORT, AWAY_GONE };

/* PVE names a daemon after its host unless told otherwise. */
static bool is_named(const js *row, const char *id) {
    return strcmp(js_str_or(row, "name", ""), id) == 0;
}

static bool is_on(const js *row, const char *node) {
    return strcmp(js_str_or(row, "host", js_str_or(row, "name", "")), node) == 0;
}

/* Of a list of daemons those that are meant: the one of that id, or (id NULL) the node's. */
static bool is_meant(const struct ceph *c, const js *row, const char *id) {
    return id ? is_named(row, id) : is_on(row, c->node);
}

/* ---- monitors ---- */

static bool votes(const js *mon) {
    return js_bool_or(mon, "quorum", false) || strcmp(js_str_or(mon, "state", ""), "running") == 0;
}

static void mons_away(struct ceph *c, const char *id, enum away away) {
    const js *list = ceph_list(c, "mon");
    size_t all = js_len(list), left = 0, meant = 0;
    enum risk level = away == AWAY_SHORT ? RISK_MEDIUM : RISK_HIGH;

    for (size_t i = 0; i < js_len(list); i++) {
        bool mine = is_meant(c, js_at(list, i), id);

        meant += mine;
        left += !mine && votes(js_at(list, i));
    }
    if (!meant) {
        return;
    }
    all -= away == AWAY_GONE ? meant : 0;
    if (!all) {
        draft_risk(c->d, RISK_HIGH, "PVE will refuse it: it is the last monitor");
    } else if (left < all / 2 + 1) {
        ceph_hit(c, "ceph", "unreachable", level, "mon",
                 "%zu of %zu monitors are left, which is no majority: Ceph stands still%s", left,
                 all, away == AWAY_SHORT ? " until it runs again" : "");
        (void)ceph_mark(c, NULL);
        ceph_hit_guests(c, "unreachable", level, false, false,
                        "its disk is in Ceph, which stands still without a majority of monitors");
        c->is_cut = true;
    } else {
        ceph_hit(c, "ceph", "degraded", left == all / 2 + 1 ? RISK_MEDIUM : RISK_LOW, "mon",
                 "%zu of %zu monitors are left%s", left, all,
                 left == all / 2 + 1 ? ", just a majority: no other one may fail" : "");
    }
}

static void mon_create(struct ceph *c) {
    const js *list = ceph_list(c, "mon");
    size_t now = js_len(list), up = 0;

    for (size_t i = 0; i < now; i++) {
        up += votes(js_at(list, i));
    }
    ceph_hit(c, "ceph", "changed", up < (now + 1) / 2 + 1 && now ? RISK_MEDIUM : RISK_LOW, "mon",
             "of %zu monitors %zu must run, and now of %zu it is %zu; %zu run", now + 1,
             (now + 1) / 2 + 1, now, now ? now / 2 + 1 : 0, up);
}

/* ---- managers and metadata servers ---- */

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static void mgrs_away(struct ceph *c, const char *id, enum away away) {
    const js *list = ceph_list(c, "mgr");
    size_t meant = 0, left = 0;

    for (size_t i = 0; i < js_len(list); i++) {
        const char *state = js_str_or(js_at(list, i), "state", "");
        bool mine = is_meant(c, js_at(list, i), id);

        meant += mine;
        left += !mine && (strcmp(state, "active") == 0 || strcmp(state, "standby") == 0);
    }
    if (meant && !left && away != AWAY_SHORT) {
        ceph_hit(c, "ceph", "degraded", RISK_MEDIUM, "mgr",
                 "no manager is left: figures of use, balancing and progress stand still; data are "
                 "served");
    } else if (meant) {
        ceph_hit(c, "ceph", "changed", RISK_LOW, "mgr", "%zu other managers are there", left);
    }
}

static void mds_away(struct ceph *c, const char *id, enum away away) {
    const js *list = ceph_list(c, "mds");
    size_t meant = 0, active = 0, standby = 0;
    enum risk level = away == AWAY_SHORT ? RISK_MEDIUM : RISK_HIGH;

    for (size_t i = 0; i < js_len(list); i++) {
        const char *state = js_str_or(js_at(list, i), "state", "");
        bool mine = is_meant(c, js_at(list, i), id);

        meant += mine;
        active += mine && begins(state, "up:") && !begins(state, "up:standby");
        standby += !mine && begins(state, "up:standby");
    }
    if (!meant) {
        return;
    }
    if (!active) {
        ceph_hit(c, "ceph", "changed", RISK_LOW, "mds", "it serves no file system now");
    } else if (standby >= active) {
        ceph_hit(c, "ceph", "degraded", RISK_LOW, "mds",
                 "a standby takes over: its file system stands still for seconds");
    } else {
        ceph_hit(c, "ceph", "unreachable", level, "mds",
                 "no standby takes over: its file system stands still%s",
                 away == AWAY_SHORT ? " until it runs again" : "");
        (void)ceph_mark_fs(c);
        ceph_hit_guests(c, "degraded", level, false, false,
                        "what it uses lies in a file system of Ceph without a metadata server");
    }
}

/* ---- OSDs ---- */

static size_t osds_go(struct ceph *c, const char *id, bool out) {
    char tmp[24];
    size_t n = 0;

    for (size_t i = 0; i < c->n_osd; i++) {
        struct osd *o = &c->osd[i];

        (void)snprintf(tmp, sizeof(tmp), "%lld", (long long)o->id);
        o->goes = id ? strcmp(tmp, id) == 0 : strcmp(o->host, c->node) == 0;
        n += o->goes && (out ? o->in : o->up);
    }
    return n;
}

static bool osd_known(struct ceph *c, const char *id) {
    for (size_t i = 0; i < c->n_osd; i++) {
        if (c->osd[i].goes) {
            return true;
        }
    }
    if (id) {
        draft_unread(c->d, "the OSD", "it is not in the tree that the node shows",
                     "Sys.Audit on /");
    }
    return false;
}

static void osds_away(struct ceph *c, const char *id, enum away away) {
    size_t n = osds_go(c, id, false);

    if (!osd_known(c, id)) {
        return;
    }
    if (!n) {
        ceph_hit(c, "ceph", "changed", RISK_LOW, "osd", "none of these OSDs is up");
        return;
    }
    ceph_hit(c, "ceph", "degraded", RISK_MEDIUM, "osd",
             "%zu OSDs are away: data have fewer copies%s", n,
             away == AWAY_SHORT ? " until they run again"
                                : ", and are copied anew after a while unless noout is set");
    ceph_pools_away(c, away == AWAY_SHORT);
}

static void osd_out(struct ceph *c, const char *id) {
    size_t n = osds_go(c, id, true);

    if (!osd_known(c, id)) {
        return;
    }
    if (!n) {
        ceph_hit(c, "ceph", "changed", RISK_LOW, "osd", "it is out already");
        return;
    }
    ceph_hit(c, "ceph", "changed", RISK_MEDIUM, "osd",
             "what is on it is copied to others: that costs speed until it is done");
    ceph_pools_out(c);
}

/* ---- services and flags ---- */

/* "osd.3", "mon", "mds.c1", "ceph", each perhaps with ".target". */
static void service_away(struct ceph *c, const char *service, enum away away) {
    static const struct {
        const char *kind;
        void (*f)(struct ceph *c, const char *id, enum away away);
    } kinds[] = {{"mon", mons_away}, {"mgr", mgrs_away}, {"mds", mds_away}, {"osd", osds_away}};
    char word[120];
    char *id;
    bool known = false;

    (void)snprintf(word, sizeof(word), "%s", service);
    id = strstr(word, ".target");
    if (id && !id[7]) {
        *id = '\0';
    }
    id = strchr(word, '.');
    if (id) {
        *id++ = '\0';
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(word, "ceph") == 0 || strcmp(word, kinds[i].kind) == 0) {
            kinds[i].f(c, id, away);
            known = true;
        }
    }
    if (!known) {
        draft_unread(c->d, "what the service does", "it is none of Ceph's that is known here",
                     NULL);
    }
}

static void flag(struct ceph *c, const char *name, bool on) {
    static const char *const words[][2] = {
        {"nobackfill", "data that miss copies by a move are not copied meanwhile"},
        {"nodeep-scrub", "no copies are compared in depth meanwhile"},
        {"nodown",
         "an OSD that fails is not told to be down: its data stand still instead of being "
         "served by others"},
        {"noin", "an OSD that comes back takes no data meanwhile"},
        {"noout", "data of an OSD that is down are not copied anew meanwhile"},
        {"norebalance", "data are not spread anew meanwhile"},
        {"norecover", "lost copies are not made again meanwhile"},
        {"noscrub", "no copies are compared meanwhile"},
        {"notieragent", "caches are not written back meanwhile"},
        {"noup", "an OSD that starts, or starts again, stays down"}};

    if (strcmp(name, "pause") == 0 && on) {
        ceph_hit(c, "ceph", "unreachable", RISK_HIGH, "pause",
                 "Ceph serves no reads and no writes at all until the flag is cleared");
        (void)ceph_mark(c, NULL);
        ceph_hit_guests(c, "unreachable", RISK_HIGH, false, false,
                        "its disk is in Ceph, which serves nothing while it is paused");
        return;
    }
    if (!on) {
        ceph_hit(c, "ceph", "changed", RISK_LOW, "flag",
                 "Ceph does again what the flag stopped, at once");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i][0], name) == 0) {
            ceph_hit(c, "ceph", "degraded", RISK_MEDIUM, "flag", "%s", words[i][1]);
            return;
        }
    }
    draft_unread(c->d, "what the flag does", "it is none that is known here", NULL);
}

/* ---- requests ---- */

static bool daemons(struct ceph *c, const struct blast_request *q) {
    static const struct {
        const char *path;
        void (*f)(struct ceph *c, const char *id, enum away away);
    } kinds[] = {{"/nodes/*/ceph/mon/*", mons_away},
                 {"/nodes/*/ceph/mgr/*", mgrs_away},
                 {"/nodes/*/ceph/mds/*", mds_away}};
    char ids[2][AFTER_ID];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!path_fits(kinds[i].path, q->path, ids)) {
            continue;
        }
        if (strcmp(q->method, "DELETE") == 0) {
            kinds[i].f(c, ids[1], AWAY_GONE);
        } else if (kinds[i].f == mons_away) {
            mon_create(c);
        } else {
            ceph_hit(c, "ceph", "changed", RISK_LOW, NULL, "one more that can take over");
        }
        return true;
    }
    return false;
}

static bool pools(struct ceph *c, const struct blast_request *q) {
    char ids[2][AFTER_ID];

    if (path_fits("/nodes/*/ceph/pool", q->path, ids)) {
        ceph_pool_create(c, q->form);
    } else if (!path_fits("/nodes/*/ceph/pool/*", q->path, ids)) {
        return false;
    } else if (strcmp(q->method, "DELETE") == 0) {
        ceph_pool_delete(c, ids[1], q->form);
    } else {
        ceph_pool_update(c, ids[1], q->form);
    }
    return true;
}

static void request(struct ceph *c, const struct blast_request *q) {
    const char *service = js_str_or(q->form, "service", "ceph");
    char ids[2][AFTER_ID] = {"", ""};

    if (path_fits("/nodes/*/ceph/osd/*/out", q->path, ids)) {
        osd_out(c, ids[1]);
    } else if (path_fits("/nodes/*/ceph/stop", q->path, ids)) {
        service_away(c, service, AWAY_STOPPED);
    } else if (path_fits("/nodes/*/ceph/restart", q->path, ids)) {
        service_away(c, service, AWAY_SHORT);
    } else if (path_fits("/cluster/ceph/flags/*", q->path, ids)) {
        flag(c, ids[0], js_bool_or(q->form, "value", false));
    } else if (!pools(c, q) && !daemons(c, q)) {
        draft_unread(c->d, "what the request does to Ceph", "its kind is not known", NULL);
    }
}

unsigned int blast_ceph_needs(const struct blast_request *q) {
    char ids[2][AFTER_ID];

    if (path_fits("/cluster/ceph/flags/*", q->path, ids)) {
        return PIC_STORAGE | PIC_CONFIGS;
    }
    return PIC_STORAGE | PIC_CONFIGS | PIC_CEPH | PIC_CEPH_MORE |
           (strcmp(q->method, "DELETE") == 0 && path_fits("/nodes/*/ceph/pool/*", q->path, ids)
                ? PIC_SNAPSHOTS
                : 0);
}

int blast_ceph(const struct picture *p, const char *node, const struct blast_request *q,
               struct draft *d) {
    CLEANUP(ceph_done) struct ceph c = {.p = p, .d = d, .node = node};
    int r = ceph_open(&c);

    if (r < 0) {
        return r;
    }
    blast_unread(p, blast_ceph_needs(q), 0, d);
    request(&c, q);
    tally_risk(&c.tally, d);
    return 0;
}
