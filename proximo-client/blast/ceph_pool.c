/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of Ceph: which storages and guests lie in one, and how many copies its data keep. Copies
 * are counted for the worst placement group: one that has a copy on every host that misses. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/ceph_int.h"

struct pool {
    const char *name;
    char label[140];
    bool is_ec;
    int64_t size, least; /* copies (chunks), and how many must be there to serve data */
    int64_t used;        /* bytes with all copies; 0 = not known */
};

static struct pool pool_read(struct ceph *c, const js *row) {
    struct pool o = {.name = pool_name(row),
                     .is_ec = strcmp(js_str_or(row, "type", ""), "erasure") == 0,
                     .size = js_int_or(row, "size", 0),
                     .least = js_int_or(row, "min_size", 0),
                     .used = js_int_or(row, "bytes_used", 0)};
    const char *rule = js_str_or(row, "crush_rule_name", "replicated_rule");

    (void)snprintf(o.label, sizeof(o.label), "ceph-pool/%.120s", o.name);
    if (strcmp(rule, "replicated_rule") != 0) {
        char what[200];

        (void)snprintf(what, sizeof(what), "where Ceph pool %.80s keeps its copies", o.name);
        draft_unread(c->d, what, "its rule was not read: counted as one copy a host, on any OSD",
                     NULL);
    }
    return o;
}

static void count_users(struct ceph *c, const char *pool, size_t *stores, size_t *guests) {
    *stores = ceph_mark(c, pool);
    *guests = ceph_guests(c);
}

/* ---- OSDs that go ---- */

/* What a pool keeps of its copies when `missing` hosts are away. */
static void say_left(struct ceph *c, const struct pool *o, const struct hosts *h, bool is_short) {
    int64_t copies = o->size < (int64_t)h->all ? o->size : (int64_t)h->all;
    int64_t left = copies - (int64_t)h->missing;
    size_t stores, guests;

    left = left < 0 ? 0 : left;
    count_users(c, o->name, &stores, &guests);
    if (left < o->least) {
        ceph_hit(c, o->label, "unreachable", is_short ? RISK_MEDIUM : RISK_HIGH, "osd",
                 "of some data %lld of %lld copies are left, and below %lld none is served%s: %zu "
                 "storages, %zu guests",
                 (long long)left, (long long)o->size, (long long)o->least,
                 is_short ? " until they run again" : "", stores, guests);
        ceph_hit_guests(c, "unreachable", is_short ? RISK_MEDIUM : RISK_HIGH, false, false,
                        is_short ? "its reads and writes wait until the OSDs run again"
                                 : "its reads and writes stand still: too few copies are left");
        return;
    }
    ceph_hit(c, o->label, "degraded", RISK_MEDIUM, "osd",
             "of some data %lld of %lld copies are left%s: %zu storages, %zu guests",
             (long long)left, (long long)o->size, is_short ? " until they run again" : "", stores,
             guests);
    if (left == 1 && !o->is_ec) {
        ceph_hit_guests(c, "degraded", is_short ? RISK_MEDIUM : RISK_HIGH, true, false,
                        "of some of its data one copy is left: one more disk that fails takes it");
    }
}

void ceph_pools_away(struct ceph *c, bool is_short) {
    const js *list = ceph_list(c, "pool");
    const struct hosts h = ceph_hosts(c);

    for (size_t i = 0; i < js_len(list); i++) {
        const struct pool o = pool_read(c, js_at(list, i));

        say_left(c, &o, &h, is_short);
    }
}

/* The OSD is out: its copies go to others, if there is room on as many hosts. */
void ceph_pools_out(struct ceph *c) {
    const js *list = ceph_list(c, "pool");
    const struct hosts h = ceph_hosts(c);
    int64_t total = 0, used = 0;

    for (size_t i = 0; i < c->n_osd; i++) {
        used += c->osd[i].in ? c->osd[i].used : 0;
        total += c->osd[i].in && !c->osd[i].goes && c->osd[i].up ? c->osd[i].total : 0;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const struct pool o = pool_read(c, js_at(list, i));

        if ((int64_t)h.left < o.size) {
            bool is_cut = (int64_t)h.left < o.least;

            ceph_hit(c, o.label, is_cut ? "unreachable" : "degraded",
                     is_cut ? RISK_HIGH : RISK_MEDIUM, "osd",
                     "%u hosts with OSDs remain for %lld copies: what is on the OSD has no other "
                     "place",
                     h.left, (long long)o.size);
        }
    }
    /* Ceph warns at 85 % and writes nothing from 95 % on (mon_osd_nearfull_ratio, _full_ratio) */
    if (total > 0 && used > total / 100 * 95) {
        ceph_hit(c, "ceph", "full", RISK_HIGH, "space",
                 "the other OSDs would be more than 95%% full: Ceph stops writing");
        (void)ceph_mark(c, NULL);
        ceph_hit_guests(c, "unreachable", RISK_HIGH, false, false,
                        "its disk is in Ceph, which writes nothing more when it is full");
    } else if (total > 0 && used > total / 100 * 85) {
        ceph_hit(c, "ceph", "full", RISK_MEDIUM, "space",
                 "the other OSDs would be more than 85%% full");
    }
}

/* ---- settings ---- */

/* size and min_size as they will be, of a pool with so many copies now (0 = it is new). */
static void say_copies(struct ceph *c, const char *label, int64_t size, int64_t least, int64_t was,
                       int64_t was_least) {
    if (size == 1 && was != 1) {
        ceph_hit(c, label, "exposed", RISK_HIGH, "size",
                 "there is no second copy of anything: one disk that fails takes it");
    } else if (least == 1 && size > 1 && was_least != 1) {
        ceph_hit(c, label, "exposed", RISK_HIGH, "min_size",
                 "writes are taken when a single copy is there: if that disk fails before the "
                 "others are back, they are lost");
    }
    if (least > size) {
        draft_risk(c->d, RISK_HIGH, "Ceph will refuse it: min_size %lld is more than size %lld",
                   (long long)least, (long long)size);
    }
}

void ceph_pool_create(struct ceph *c, const js *form) {
    const char *name = js_str_or(form, "name", "?");
    const js *list = ceph_list(c, "pool");
    const struct hosts h = ceph_hosts(c);
    int64_t size = js_int_or(form, "size", 3), least = js_int_or(form, "min_size", 2);
    char label[140];

    (void)snprintf(label, sizeof(label), "ceph-pool/%.120s", name);
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(pool_name(js_at(list, i)), name) == 0) {
            draft_risk(c->d, RISK_HIGH, "Ceph will refuse it: there is a pool %.60s", name);
        }
    }
    if (js_get(form, "erasure-coding")) {
        ceph_hit(c, label, "changed", RISK_LOW, NULL, "a new pool, empty, with erasure coding");
        return;
    }
    say_copies(c, label, size, least, 0, 0);
    if (c->n_osd && (int64_t)h.left < size) {
        ceph_hit(c, label, (int64_t)h.left < least ? "unreachable" : "degraded", RISK_MEDIUM,
                 "size", "%u hosts with OSDs are there for %lld copies", h.left, (long long)size);
    }
    ceph_hit(c, label, "changed", RISK_LOW, NULL, "a new pool, empty");
}

static const js *find_pool(struct ceph *c, const char *name) {
    const js *list = ceph_list(c, "pool");

    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(pool_name(js_at(list, i)), name) == 0) {
            return js_at(list, i);
        }
    }
    draft_unread(c->d, "the pool", "it is not in the list of Ceph's pools", "Sys.Audit on /");
    return NULL;
}

/* Room for more copies: what the OSDs have left against what these take. */
static void say_room(struct ceph *c, const struct pool *o, int64_t size) {
    int64_t room = 0;
    int64_t more = o->size > 0 ? o->used / o->size * (size - o->size) : 0;

    for (size_t i = 0; i < c->n_osd; i++) {
        room += c->osd[i].in && c->osd[i].up ? c->osd[i].total - c->osd[i].used : 0;
    }
    ceph_hit(c, o->label, "changed", RISK_MEDIUM, "size",
             "%lld copies instead of %lld: all its data are copied", (long long)size,
             (long long)o->size);
    if (room > 0 && more > room) {
        ceph_hit(c, "ceph", "full", RISK_HIGH, "space",
                 "the new copies need more room than the OSDs have left");
    }
}

static void say_size(struct ceph *c, const struct pool *o, int64_t size, int64_t least) {
    const struct hosts h = ceph_hosts(c);

    if (size < o->size) {
        ceph_hit(c, o->label, "degraded", size == 1 ? RISK_HIGH : RISK_MEDIUM, "size",
                 "%lld copies instead of %lld", (long long)size, (long long)o->size);
        if (size == 1) {
            ceph_hit_guests(c, "degraded", RISK_HIGH, true, false,
                            "its data have one copy then: one disk that fails takes it");
        }
    } else if (size > o->size) {
        say_room(c, o, size);
    }
    if (least > o->least && c->n_osd && (int64_t)h.left < least) {
        ceph_hit(c, o->label, "unreachable", RISK_HIGH, "min_size",
                 "%u hosts with OSDs are up, and data are served from %lld copies on", h.left,
                 (long long)least);
        ceph_hit_guests(c, "unreachable", RISK_HIGH, false, false,
                        "its reads and writes stand still: too few copies are there");
    }
}

void ceph_pool_update(struct ceph *c, const char *name, const js *form) {
    const js *row = find_pool(c, name);
    struct pool o;
    int64_t size, least;

    if (!row) {
        return;
    }
    o = pool_read(c, row);
    size = js_int_or(form, "size", o.size);
    least = js_int_or(form, "min_size", o.least);
    (void)ceph_mark(c, name);
    say_size(c, &o, size, least);
    say_copies(c, o.label, size, least, o.size, o.least);
    if (js_get(form, "crush_rule") &&
        strcmp(js_str_or(form, "crush_rule", ""), js_str_or(row, "crush_rule_name", "")) != 0) {
        ceph_hit(c, o.label, "changed", RISK_MEDIUM, "crush_rule",
                 "another rule says where its copies are: most of its data move");
        draft_unread(c->d, "what the new rule allows",
                     "whether it finds room and hosts for all copies is not known here", NULL);
    }
    if (js_int_or(form, "pg_num", 0) &&
        js_int_or(form, "pg_num", 0) != js_int_or(row, "pg_num", 0)) {
        ceph_hit(c, o.label, "changed", RISK_LOW, "pg_num",
                 "its placement groups are split or merged: data move, which costs speed");
    }
}

/* ---- the end of one ---- */

static void hit_stores(struct ceph *c, bool removed) {
    const struct store *s;
    size_t n = picture_stores(c->p, &s);
    char label[140];

    for (size_t i = 0; i < n; i++) {
        if (c->mark[i]) {
            (void)snprintf(label, sizeof(label), "storage/%.120s", s[i].id);
            ceph_hit(c, label, removed ? "destroyed" : "unreachable", RISK_MEDIUM, "pool",
                     removed ? "its definition goes with the pool"
                             : "its definition stays, and nothing is behind it");
        }
    }
}

static const char *fs_of(const struct ceph *c, const char *pool) {
    const js *list = ceph_list(c, "fs");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);

        if (strcmp(js_str_or(row, "metadata_pool", ""), pool) == 0 ||
            strcmp(js_str_or(row, "data_pool", ""), pool) == 0) {
            return js_str_or(row, "name", "?");
        }
    }
    return NULL;
}

void ceph_pool_delete(struct ceph *c, const char *name, const js *form) {
    const char *fs = fs_of(c, name);
    char label[140];
    size_t stores, guests;

    if (!find_pool(c, name)) {
        return;
    }
    (void)snprintf(label, sizeof(label), "ceph-pool/%.120s", name);
    if (fs) {
        draft_risk(c->d, RISK_HIGH, "Ceph will refuse it: the file system %.60s uses the pool", fs);
        return;
    }
    count_users(c, name, &stores, &guests);
    if (guests && !js_bool_or(form, "force", false)) {
        draft_risk(c->d, RISK_HIGH, "PVE will refuse it without force: %zu guests have disks there",
                   guests);
    }
    ceph_hit(c, label, "destroyed", RISK_HIGH, "pool",
             "the pool goes with everything in it: %zu storages, %zu guests", stores, guests);
    hit_stores(c, js_bool_or(form, "remove_storages", false));
    ceph_hit_guests(c, "destroyed", RISK_HIGH, true, true,
                    "its volume is in the pool; no copy of it is anywhere else but in backups");
}
