/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the firewall: rules, options, groups, aliases and IP sets of the cluster, a node or a
 * guest, with the digests that PVE gives them. */
#include "proximo-client/sim/firewall.h"

#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

int route_fw_index(struct call *c) {
    static const char *const cluster[] = {"aliases", "rules",  "options", "groups",
                                          "ipset",   "macros", "refs"};
    static const char *const node[] = {"rules", "options", "log"};
    static const char *const guest[] = {"rules", "aliases", "ipset", "refs", "options"};

    if (call_str(c, "vnet")) { /* nobody may but root, and no token is root */
        return call_fail(c, 403, "Permission check failed (user != root@pam)");
    }
    c->data = call_str(c, "vmid")   ? index_of("name", guest, ARRAY_LEN(guest))
              : call_str(c, "node") ? index_of("name", node, ARRAY_LEN(node))
                                    : index_of("name", cluster, ARRAY_LEN(cluster));
    return 0;
}

/* A vnet that runs, and SDN's privilege on it: reading wants less than changing. */
static int vnet_of_call(struct call *c) {
    const char *vnet = call_str(c, "vnet");
    const js *v = state_get(&c->s->st, "sdn", "running", "vnets", vnet, NULL);
    char path[160];

    if (!v) {
        return call_fail(c, 500, "invalid vnet specified");
    }
    (void)snprintf(path, sizeof(path), "/sdn/zones/%.60s/%.60s", js_str_or(v, "zone", ""), vnet);
    return call_may(c, path, c->method == M_GET ? "SDN.Audit|SDN.Allocate" : "SDN.Allocate") ? 0
                                                                                             : -1;
}

int fw_scope(struct call *c, struct fw_scope *ret) {
    js *n;

    *ret = (struct fw_scope){.at = {"firewall", "cluster"}};
    if (call_str(c, "vnet")) {
        if (vnet_of_call(c) < 0) {
            return -1;
        }
        ret->at[1] = "vnets";
        ret->at[2] = call_str(c, "vnet");
    } else if (call_str(c, "vmid")) {
        if (guest_of_call(c, &ret->guest) < 0) {
            return -1;
        }
        ret->at[1] = "guests";
        ret->at[2] = ret->guest.key;
    } else if (call_str(c, "node")) {
        if (node_of_call(c, &n) < 0) {
            return -1;
        }
        ret->at[1] = "nodes";
        ret->at[2] = call_str(c, "node");
    }
    ret->now = state_get(&c->s->st, ret->at[0], ret->at[1], ret->at[2], NULL);
    return 0;
}

js *fw_part(const struct fw_scope *f, const char *part, bool array) {
    const js *now = js_get(f->now, part);

    if (now && js_is_array(now) == array) {
        return js_copy(now);
    }
    return array ? js_array() : js_object();
}

/* PVE takes a guest's or node's file away when nothing is left to write. */
void fw_put(struct call *c, const struct fw_scope *f, const char *part, js *value) {
    bool empty = js_is_array(value) ? js_len(value) == 0 : js_members(value) == 0;

    if (!f->at[2]) {
        state_set(&c->s->st, value, f->at[0], f->at[1], part, NULL);
    } else if (!empty) {
        state_set(&c->s->st, value, f->at[0], f->at[1], f->at[2], part, NULL);
    } else {
        bool last = js_members(f->now) <= (js_get(f->now, part) != NULL);

        js_freep(&value);
        if (last && f->now) {
            state_del(&c->s->st, f->at[0], f->at[1], f->at[2], NULL);
        } else if (js_get(f->now, part)) {
            state_del(&c->s->st, f->at[0], f->at[1], f->at[2], part, NULL);
        }
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void digest_one(const js *o, struct buf *b) {
    CLEANUP(freep) const char **keys = calloc((size_t)js_members(o) + 1, sizeof(char *));
    size_t n = 0;

    if (!keys) {
        return;
    }
    JS_FOREACH(o, key, value) {
        if (value && !js_is_array(value) && !js_is_object(value)) {
            keys[n++] = key;
        }
    }
    qsort(keys, n, sizeof(*keys), by_name);
    for (size_t i = 0; i < n; i++) {
        (void)buf_addf(b, "%s:%s\n", keys[i], json_object_get_string(js_get(o, keys[i])));
    }
}

void fw_digest(const js *part, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    for (size_t i = 0; i < js_len(part); i++) {
        digest_one(js_at(part, i), &b);
    }
    if (js_is_object(part)) {
        digest_one(part, &b);
    }
    sha1_hex(buf_str(&b), b.len, ret);
}

int fw_unchanged(struct call *c, const js *part) {
    const char *want = call_str(c, "digest");
    char now[41];

    fw_digest(part, now);
    if (want && strcmp(want, now) != 0) {
        return call_fail(c, 500,
                         "detected modified configuration - file changed by other user? "
                         "Try again.");
    }
    return 0;
}

/* Copies of the items with the list's digest. */
static js *with_digest(const js *list, bool pos) {
    js *out = js_array();
    char digest[41];

    fw_digest(list, digest);
    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_copy(js_at(list, i));

        js_add(o, "digest", js_str(digest));
        if (pos) {
            js_add(o, "pos", js_int((int64_t)i));
        }
        js_push(out, o);
    }
    return out;
}

/* The list of rules that the path names: of the scope, or of a security group. */
static int rules_of(struct call *c, const js **ret) {
    struct fw_scope f;
    const js *group;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    if (!call_str(c, "group")) {
        *ret = js_get(f.now, "rules");
        return 0;
    }
    group = js_get(js_get(f.now, "groups"), call_str(c, "group"));
    if (!group) {
        return call_fail(c, 500, "no such security group '%s'", call_str(c, "group"));
    }
    *ret = js_get(group, "rules");
    return 0;
}

int route_fw_rules(struct call *c) {
    const js *rules = NULL;

    if (rules_of(c, &rules) < 0) {
        return -1;
    }
    c->data = with_digest(rules, true);
    return 0;
}

int route_fw_rule(struct call *c) {
    CLEANUP(js_freep) js *all = NULL;
    const js *rules = NULL;
    uint32_t pos;

    if (rules_of(c, &rules) < 0) {
        return -1;
    }
    if (ident_u32(call_str(c, "pos"), &pos) < 0) {
        return call_param_error(c, "pos", "type check ('integer') failed - got '%.40s'",
                                call_str(c, "pos"));
    }
    if (pos >= js_len(rules)) {
        return call_fail(c, 500, "no rule at position %u", pos);
    }
    all = with_digest(rules, false);
    c->data = js_ref(js_at(all, pos));
    js_addf(c->data, "pos", "%u", pos); /* text here, a number in the list: seen */
    return 0;
}

int route_fw_options(struct call *c) {
    struct fw_scope f;
    char digest[41];

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    c->data = fw_part(&f, "options", false);
    fw_digest(c->data, digest);
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

js *fw_named_list(const js *all, const char *key) {
    js *out = js_array();

    JS_FOREACH(all, name, v) {
        js *o = js_object();

        js_add(o, key, js_str(name));
        JS_FOREACH(v, field, x) {
            if (!js_is_array(x)) {
                js_add(o, field, js_ref(x));
            }
        }
        js_push(out, o);
    }
    return out;
}

static int named(struct call *c, const char *part, const char *key) {
    CLEANUP(js_freep) js *list = NULL;
    struct fw_scope f;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    list = fw_named_list(js_get(f.now, part), key);
    c->data = with_digest(list, false);
    return 0;
}

int route_fw_groups(struct call *c) {
    return named(c, "groups", "group");
}

int route_fw_aliases(struct call *c) {
    return named(c, "aliases", "name");
}

int route_fw_ipsets(struct call *c) {
    return named(c, "ipset", "name");
}

int route_fw_alias(struct call *c) {
    CLEANUP(js_freep) js *one = js_array();
    struct fw_scope f;
    js *o;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    if (strlen(call_str(c, "name")) < 2) {
        return call_param_error(c, "name", "value does not match the regex pattern");
    }
    if (!js_get(js_get(f.now, "aliases"), call_str(c, "name"))) {
        return call_param_error(c, "name", "no such alias");
    }
    o = js_copy(js_get(js_get(f.now, "aliases"), call_str(c, "name")));
    js_add(o, "name", js_str(call_str(c, "name")));
    js_push(one, o);
    c->data = js_ref(o);
    return 0;
}

static int ipset_of(struct call *c, const js **ret) {
    struct fw_scope f;
    const js *set;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    if (strlen(call_str(c, "name")) < 2) {
        return call_param_error(c, "name", "value does not match the regex pattern");
    }
    set = js_get(js_get(f.now, "ipset"), call_str(c, "name"));
    if (!set) {
        return call_fail(c, 500, "no such IPSet '%s'", call_str(c, "name"));
    }
    *ret = js_get(set, "entries");
    return 0;
}

int route_fw_ipset(struct call *c) {
    const js *entries = NULL;

    if (ipset_of(c, &entries) < 0) {
        return -1;
    }
    c->data = with_digest(entries, false);
    return 0;
}

int route_fw_entry(struct call *c) {
    CLEANUP(js_freep) js *all = NULL;
    const js *entries = NULL;

    if (ipset_of(c, &entries) < 0) {
        return -1;
    }
    all = with_digest(entries, false);
    for (size_t i = 0; i < js_len(all); i++) {
        if (strcmp(js_str_or(js_at(all, i), "cidr", ""), call_str(c, "cidr")) == 0) {
            c->data = js_ref(js_at(all, i));
            return 0;
        }
    }
    return call_param_error(c, "cidr", "no such IP/Network");
}

static void add_refs(js *list, const js *fw, const char *scope, const char *type) {
    static const char *const parts[][3] = {{"ipset", "ipset", "+"}, {"aliases", "alias", ""}};

    for (size_t i = 0; i < 2; i++) {
        if (type && strcmp(type, parts[i][1]) != 0) {
            continue;
        }
        JS_FOREACH(js_get(fw, parts[i][0]), name, v) {
            js *o = js_object();

            js_add(o, "type", js_str(parts[i][1]));
            js_add(o, "name", js_str(name));
            js_addf(o, "ref", "%s%s%s", parts[i][2], strcmp(scope, "guest") == 0 ? "guest/" : "",
                    name);
            js_add(o, "scope", js_str(scope));
            if (js_get(v, "comment")) {
                js_add(o, "comment", js_ref(js_get(v, "comment")));
            }
            js_push(list, o);
        }
    }
}

int route_fw_refs(struct call *c) {
    struct fw_scope f;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    c->data = js_array();
    add_refs(c->data, state_get(&c->s->st, "firewall", "cluster", NULL), "dc", call_str(c, "type"));
    if (f.at[2]) {
        add_refs(c->data, f.now, "guest", call_str(c, "type"));
    }
    return 0;
}

int route_fw_log(struct call *c) {
    struct fw_scope f;
    js *o = js_object();

    c->data = js_array();
    c->extra = js_object();
    js_add(o, "n", js_int(1));
    js_add(o, "t", js_str("no content"));
    js_push(c->data, o);
    js_add(c->extra, "total", js_int(1));
    return fw_scope(c, &f);
}
