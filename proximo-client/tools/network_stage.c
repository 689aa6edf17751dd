/* SPDX-License-Identifier: Apache-2.0 */
/* From one list of a node's interfaces to the other by requests. PVE checks the whole file at each
 * of them: ports must be there and belong to one interface only, there is one gateway, nothing is
 * larger than what it rests on. So first everything lets go of what it will not keep, then what is
 * gone goes, what is new comes as soon as what it rests on is there, and the rest is set last. */
#include <errno.h>
#include <string.h>

#include "proximo-client/tools/network_int.h"

struct stage {
    struct draft *d;
    enum phase phase;
    const js *args; /* the node */
    js *from, *to;  /* {name: settings} */
    js *now;        /* {name: settings} after the requests so far */
    struct buf *limits;
};

static void stage_done(struct stage *s) {
    js_freep(&s->from);
    js_freep(&s->to);
    js_freep(&s->now);
}

static const char *const held[] = {"bridge_ports", "slaves",   "ovs_ports", "ovs_bonds",
                                   "gateway",      "gateway6", "mtu"};

static js *by_name(const js *list) {
    js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        js_add(o, js_str_or(js_at(list, i), "iface", ""),
               network_iface_shape(js_at(list, i), NULL));
    }
    return o;
}

static js *names_of(const struct stage *s, const char *iface) {
    js *args = answer_pick(s->args, "node cluster");

    js_add(args, "iface", js_str(iface));
    return args;
}

static int drop(struct stage *s, const char *iface, struct err *e) {
    CLEANUP(js_freep) js *args = names_of(s, iface);

    json_object_object_del(s->now, iface);
    return send_request(s->d, s->phase, row_find("pve_network_iface_delete"), args, NULL, e);
}

static int create(struct stage *s, const char *iface, const js *want, struct err *e) {
    const struct row *r = row_find("pve_network_iface_create");
    CLEANUP(js_freep) js *args = names_of(s, iface);

    js_add(s->now, iface, js_copy(want));
    return send_request(s->d, s->phase, r, args,
                        send_again(r, &network_iface, args, want, s->limits), e);
}

static int update(struct stage *s, const char *iface, const js *want, struct err *e) {
    const struct row *r = row_find("pve_network_iface_update");
    CLEANUP(js_freep) js *args = names_of(s, iface);
    CLEANUP(js_freep) js *was = js_copy(js_get(s->now, iface));
    CLEANUP(buf_done) struct buf del = BUF_INIT(LIM_LINE);
    js *form = send_again(r, &network_iface, args, want, s->limits);

    JS_FOREACH(was, key, v) {
        (void)v;
        if (!js_get(want, key) && row_field_of(r, key)) {
            (void)buf_addf(&del, "%s%s", del.len ? "," : "", key);
        }
    }
    if (del.len) {
        js_add(form, "delete", js_str(buf_str(&del)));
    }
    js_add(s->now, iface, js_copy(want));
    return send_request(s->d, s->phase, r, args, form, e);
}

static bool has_port(const char *list, const char *port) {
    size_t n = strlen(port);

    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ",; ");

        if (len == n && memcmp(p, port, n) == 0) {
            return true;
        }
        p += len + (p[len] != '\0');
    }
    return false;
}

/* What both lists of ports have. */
static js *shared(const char *a, const char *b) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(LIM_LINE);

    for (const char *p = a; *p;) {
        size_t n = strcspn(p, ",; ");
        char port[64];

        (void)snprintf(port, sizeof(port), "%.*s", (int)n, p);
        if (n && has_port(b, port)) {
            (void)buf_addf(&out, "%s%s", out.len ? " " : "", port);
        }
        p += n + (p[n] != '\0');
    }
    return js_str(buf_str(&out));
}

/* Lets go of what the interface will not have in the end. */
static int loosen(struct stage *s, const char *iface, struct err *e) {
    const js *was = js_get(s->from, iface);
    const js *want = js_get(s->to, iface);
    CLEANUP(js_freep) js *less = js_copy(was);
    bool any = false;

    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        const js *have = js_get(was, held[i]);
        const js *will = js_get(want, held[i]);

        if (!have || value_same(have, will)) {
            continue;
        }
        if (i < 4) {
            js *left = shared(value_text(have), will ? value_text(will) : "");

            any = any || strlen(json_object_get_string(left)) < strlen(value_text(have));
            js_add(less, held[i], left);
        } else {
            any = true;
            json_object_object_del(less, held[i]);
        }
    }
    return any ? update(s, iface, less, e) : 0;
}

/* Calls f for everything that an interface is made of or rests on, until it returns true. A port
 * "bond0.5" without settings of its own stands for what it rests on. */
static bool any_part(const js *iface, const js *all, bool (*f)(const void *ctx, const char *part),
                     const void *ctx) {
    for (size_t i = 0; i < 4; i++) {
        for (const char *p = js_str_or(iface, held[i], ""); *p;) {
            size_t n = strcspn(p, ",; ");
            char port[64];
            char *dot;

            (void)snprintf(port, sizeof(port), "%.*s", (int)n, p);
            dot = strrchr(port, '.');
            if (dot && !js_get(all, port)) {
                *dot = '\0';
            }
            if (n && f(ctx, port)) {
                return true;
            }
            p += n + (p[n] != '\0');
        }
    }
    return js_get(iface, "vlan-raw-device") && f(ctx, js_str_or(iface, "vlan-raw-device", ""));
}

/* Comes later. */
static bool is_to_come(const void *ctx, const char *part) {
    const struct stage *s = ctx;

    return !js_get(s->now, part) && js_get(s->to, part);
}

static bool is_same(const void *ctx, const char *part) {
    return strcmp(ctx, part) == 0;
}

/* Whether anything that is there now rests on it. */
static bool carries(const struct stage *s, const char *iface) {
    JS_FOREACH(s->now, name, o) {
        (void)name;
        if (any_part(o, s->now, is_same, iface)) {
            return true;
        }
    }
    return false;
}

/* Takes away what is gone, from the top down; true when a round did anything. */
static int drop_round(struct stage *s, bool *ret_any, struct err *e) {
    int r = 0;

    *ret_any = false;
    JS_FOREACH(s->from, iface, o) {
        (void)o;
        if (r == 0 && !js_get(s->to, iface) && js_get(s->now, iface) && !carries(s, iface)) {
            r = drop(s, iface, e);
            *ret_any = true;
        }
    }
    return r;
}

static int create_round(struct stage *s, bool *ret_any, struct err *e) {
    int r = 0;

    *ret_any = false;
    JS_FOREACH(s->to, iface, want) {
        if (r == 0 && !js_get(s->now, iface) && !any_part(want, s->to, is_to_come, s)) {
            r = create(s, iface, want, e);
            *ret_any = true;
        }
    }
    return r;
}

/* What rests on itself in a circle, or on what nobody configures: PVE says what it thinks of it. */
static int leftovers(struct stage *s, struct err *e) {
    int r = 0;

    JS_FOREACH(s->from, old, o) {
        (void)o;
        if (r == 0 && !js_get(s->to, old) && js_get(s->now, old)) {
            r = drop(s, old, e);
        }
    }
    JS_FOREACH(s->to, new, want) {
        if (r == 0 && !js_get(s->now, new)) {
            r = create(s, new, want, e);
        }
    }
    return r;
}

int network_stage(struct draft *d, enum phase phase, const js *args, const js *from, const js *to,
                  struct buf *limits, struct err *e) {
    CLEANUP(stage_done)
    struct stage s = {d, phase, args, by_name(from), by_name(to), by_name(from), limits};
    bool any = true;
    int r = 0;

    JS_FOREACH(s.from, held_by, settings) {
        if (r == 0 && js_get(s.to, held_by) && !js_eq(settings, js_get(s.to, held_by))) {
            r = loosen(&s, held_by, e);
        }
    }
    while (r == 0 && any) {
        r = drop_round(&s, &any, e);
    }
    for (any = true; r == 0 && any;) {
        r = create_round(&s, &any, e);
    }
    r = r < 0 ? r : leftovers(&s, e);
    JS_FOREACH(s.to, iface, want) {
        if (r == 0 && js_get(s.now, iface) && !js_eq(want, js_get(s.now, iface))) {
            r = update(&s, iface, want, e);
        }
    }
    return r;
}
