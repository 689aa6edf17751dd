/* SPDX-License-Identifier: Apache-2.0 */
/* From one configuration of the software-defined network to the other by requests. PVE refuses to
 * delete a zone with vnets, a vnet with subnets and a controller that a zone names, to move a vnet
 * that has subnets, and a tag that another vnet of the zone has. So what goes goes from the inside
 * out, what comes comes from the outside in, and vnets wait for each other's tags. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proximo-client/blast/sdn.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/sdn_int.h"

static const struct family {
    const char *list, *key, *path;
    const struct thing *thing;
    const char *changer;
} families[] = {
    {"zones", "zone", "/cluster/sdn/zones", &sdn_zone, "pve_sdn_zone_update"},
    {"vnets", "vnet", "/cluster/sdn/vnets", &sdn_vnet, "pve_sdn_vnet_update"},
    {"controllers", "controller", "/cluster/sdn/controllers", &sdn_controller,
     "pve_sdn_controller_update"},
    {"subnets", "subnet", NULL, &sdn_subnet, "pve_sdn_subnet_update"},
};
enum { ZONES, VNETS, CONTROLLERS, SUBNETS, FAMILIES };

/* ---- read ---- */

static js *settings_of(const struct family *f, const js *item) {
    const char *drop = f->thing->drop;
    char word[64], none[2];
    js *o;

    if (f->thing->shape) {
        o = f->thing->shape(item, NULL);
        js_add(o, "vnet", js_str(js_str_or(item, "vnet", "")));
        return o;
    }
    o = js_copy(item);
    while (next_word(&drop, word, sizeof(word), none, sizeof(none))) {
        json_object_object_del(o, word);
    }
    return o;
}

static int read_list(struct draft *d, const struct family *f, const char *path, bool running,
                     js *into, js **ret, struct err *e) {
    char full[180];
    js *list = NULL;
    int r;

    (void)snprintf(full, sizeof(full), "%s?%s=1", path, running ? "running" : "pending");
    r = draft_read(d, full, "whole", &list, e);
    if (r == 0 && !js_is_array(list)) {
        r = bad_answer(path, e);
    }
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        js *one = net_sdn_item(js_at(list, i), running);

        if (one) {
            js_add(js_get(into, f->list), js_str_or(one, f->key, "?"), settings_of(f, one));
            json_object_put(one);
        }
    }
    *ret = list;
    return r;
}

static int read_side(struct draft *d, bool running, js *into, struct err *e) {
    js *list = NULL;
    js *vnets = NULL;
    int r = 0;

    for (size_t i = 0; i < FAMILIES; i++) {
        js_add(into, families[i].list, js_object());
    }
    for (size_t i = 0; r == 0 && families[i].path; i++) {
        r = read_list(d, &families[i], families[i].path, running, into, &list, e);
        vnets = i == VNETS ? list : vnets;
    }
    for (size_t i = 0; r == 0 && i < js_len(vnets); i++) {
        char path[160];

        (void)snprintf(path, sizeof(path), "/cluster/sdn/vnets/%.60s/subnets",
                       js_str_or(js_at(vnets, i), "vnet", ""));
        r = read_list(d, &families[SUBNETS], path, running, into, &list, e);
    }
    return r;
}

/* A pending list shows of what has changed its type the new one alone, so what runs is asked for by
 * itself. */
int sdn_read(struct draft *d, js **ret_running, js **ret_config, struct err *e) {
    CLEANUP(js_freep) js *running = js_object();
    CLEANUP(js_freep) js *config = js_object();
    int r = read_side(d, true, running, e);

    r = r < 0 ? r : read_side(d, false, config, e);
    if (r == 0) {
        *ret_running = TAKE(running);
        *ret_config = TAKE(config);
    }
    return r;
}

/* ---- requests ---- */

struct stage {
    struct draft *d;
    enum phase phase;
    const js *from, *to;
    js *now; /* after the requests so far */
    struct buf *limits;
};

static js *of(const js *sdn, size_t family, const char *id) {
    return js_get(js_get(sdn, families[family].list), id);
}

static js *names_of(size_t family, const char *id, const js *settings) {
    js *names = js_object();

    js_add(names, families[family].key, js_str(id));
    if (family == SUBNETS) {
        js_add(names, "vnet", js_str(js_str_or(settings, "vnet", "")));
    }
    return names;
}

static int sends(struct stage *s, const struct row *r, const js *names, js *form, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int code = pve_path(r->send->path, names, &path, e);

    if (code < 0) {
        json_object_put(form);
        return code;
    }
    /* without a digest: each request makes another one */
    draft_request(s->d, s->phase, r->send->method, buf_str(&path), form, NULL);
    return 0;
}

static int drop(struct stage *s, size_t family, const char *id, struct err *e) {
    CLEANUP(js_freep) js *names = names_of(family, id, of(s->now, family, id));

    json_object_object_del(js_get(s->now, families[family].list), id);
    return sends(s, row_find(families[family].thing->deleted_by), names, NULL, e);
}

static int make(struct stage *s, size_t family, const char *id, const js *want, struct err *e) {
    const struct thing *t = families[family].thing;
    const struct row *r = row_find(t->made_by);
    CLEANUP(js_freep) js *names = names_of(family, id, want);

    js_add(js_get(s->now, families[family].list), id, js_copy(want));
    if (t->made) {
        t->made(names);
    }
    return sends(s, r, names, send_again(r, t, names, want, s->limits), e);
}

/* The keys that differ, and those that go. */
static int change(struct stage *s, size_t family, const char *id, const js *want, struct err *e) {
    const struct thing *t = families[family].thing;
    const struct row *r = row_find(families[family].changer);
    CLEANUP(js_freep) js *names = names_of(family, id, want);
    CLEANUP(js_freep) js *was = js_copy(of(s->now, family, id));
    CLEANUP(js_freep) js *plain = js_copy(want);
    CLEANUP(buf_done) struct buf del = BUF_INIT(LIM_LINE);
    js *form;

    json_object_object_del(plain, "type"); /* never changes */
    if (family == SUBNETS) {
        json_object_object_del(plain, "vnet");
    }
    form = send_again(r, t, names, plain, s->limits);
    JS_FOREACH(was, key, v) {
        if (js_get(want, key) && send_same(v, js_get(want, key))) {
            json_object_object_del(form, key);
        } else if (!js_get(want, key) && row_field_of(r, key)) {
            (void)buf_addf(&del, "%s%s", del.len ? "," : "", key);
        }
    }
    if (del.len) {
        js_add(form, "delete", js_str(buf_str(&del)));
    }
    js_add(js_get(s->now, families[family].list), id, js_copy(want));
    return sends(s, r, names, form, e);
}

/* ---- in order ---- */

/* Whether one goes although one of its name comes: nobody can change a type, nor leave a vnet or a
 * subnet in a zone that goes for a while. */
static bool is_anew(const struct stage *s, size_t family, const char *id) {
    const js *was = of(s->from, family, id), *want = of(s->to, family, id);
    const char *up = family == VNETS ? "zone" : family == SUBNETS ? "vnet" : NULL;
    const char *within = up ? js_str_or(was, up, "") : "";

    if (!was || !want) {
        return false;
    }
    if (!up) {
        return strcmp(js_str_or(was, "type", ""), js_str_or(want, "type", "")) != 0;
    }
    return is_anew(s, family == VNETS ? ZONES : VNETS, within) ||
           (family == SUBNETS && strcmp(within, js_str_or(want, up, "")) != 0);
}

/* Takes away what is gone, and what comes again under the same name. */
static int drop_all(struct stage *s, size_t family, bool gone, bool anew, struct err *e) {
    int r = 0;

    JS_FOREACH(js_get(s->from, families[family].list), id, was) {
        (void)was;
        if (r == 0 && ((gone && !of(s->to, family, id)) || (anew && is_anew(s, family, id)))) {
            r = drop(s, family, id, e);
        }
    }
    return r;
}

static int settle(struct stage *s, size_t family, const char *id, const js *want, struct err *e) {
    const js *now = of(s->now, family, id);

    return !now               ? make(s, family, id, want, e)
           : js_eq(now, want) ? 0
                              : change(s, family, id, want, e);
}

static int settle_all(struct stage *s, size_t family, struct err *e) {
    int r = 0;

    JS_FOREACH(js_get(s->to, families[family].list), id, want) {
        r = r < 0 ? r : settle(s, family, id, want, e);
    }
    return r;
}

static bool is_tunnel(const struct stage *s, const char *zone) {
    const char *type = js_str_or(of(s->now, ZONES, zone), "type", "");

    return strcmp(type, "vxlan") == 0 || strcmp(type, "evpn") == 0;
}

/* Whether another vnet has the tag that it is to have: one of its zone, or of any tunnel. */
static bool must_wait(const struct stage *s, const char *id, const js *want) {
    const char *zone = js_str_or(want, "zone", "");

    JS_FOREACH(js_get(want, "tag") ? js_get(s->now, "vnets") : NULL, other, o) {
        const char *theirs = js_str_or(o, "zone", "");
        bool meets = strcmp(theirs, zone) == 0 || (is_tunnel(s, theirs) && is_tunnel(s, zone));

        if (meets && strcmp(other, id) != 0 && send_same(js_get(o, "tag"), js_get(want, "tag"))) {
            return true;
        }
    }
    return false;
}

static bool is_done(const struct stage *s, const char *id, const js *want) {
    const js *now = of(s->now, VNETS, id);

    return now && js_eq(now, want);
}

static int settle_vnets(struct stage *s, struct err *e) {
    bool any = true;
    int r = 0;

    while (any && r == 0) {
        any = false;
        JS_FOREACH(js_get(s->to, "vnets"), id, want) {
            if (r == 0 && !is_done(s, id, want) && !must_wait(s, id, want)) {
                r = settle(s, VNETS, id, want, e);
                any = true;
            }
        }
    }
    JS_FOREACH(js_get(s->to, "vnets"), left, w) {
        if (r == 0 && !is_done(s, left, w)) {
            add_limit(s->limits, "vnet %.40s trades its tag with another: PVE may refuse it", left);
            r = settle(s, VNETS, left, w, e);
        }
    }
    return r;
}

int sdn_stage(struct draft *d, enum phase phase, const js *from, const js *to, struct buf *limits,
              struct err *e) {
    CLEANUP(js_freep) js *now = js_copy(from);
    struct stage s = {d, phase, from, to, now, limits};
    int r = drop_all(&s, SUBNETS, true, true, e);

    r = r < 0 ? r : drop_all(&s, VNETS, true, true, e);
    r = r < 0 ? r : drop_all(&s, ZONES, false, true, e);
    r = r < 0 ? r : drop_all(&s, CONTROLLERS, false, true, e);
    r = r < 0 ? r : settle_all(&s, CONTROLLERS, e);
    r = r < 0 ? r : settle_all(&s, ZONES, e);
    r = r < 0 ? r : settle_vnets(&s, e);
    r = r < 0 ? r : drop_all(&s, ZONES, true, false, e);
    r = r < 0 ? r : drop_all(&s, CONTROLLERS, true, false, e);
    return r < 0 ? r : settle_all(&s, SUBNETS, e);
}
