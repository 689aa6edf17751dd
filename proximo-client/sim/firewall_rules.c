/* SPDX-License-Identifier: Apache-2.0 */
/* Changing rules and options: a new rule goes to the top and is off unless it says otherwise, a
 * move names a position of the list as it was, digests protect both, names must exist. */
#include "proximo-client/sim/firewall.h"

#include <string.h>

#include "common/ident.h"
#include "common/own.h"

static const char *const rule_keys[] = {"action", "comment", "dest",     "dport", "enable",
                                        "iface",  "log",     "macro",    "proto", "source",
                                        "sport",  "type",    "icmp-type"};

int fw_ipversion(const char *text) {
    size_t hex = strspn(text, "0123456789abcdefABCDEF:./,-");

    if (!text[0] || text[hex]) {
        return 0;
    }
    return strchr(text, ':') ? 6 : strchr(text, '.') ? 4 : 0;
}

/* After "dc/" or "guest/". */
static const char *bare(const char *name, const char **ret_scope) {
    const char *slash = strchr(name, '/');

    *ret_scope = slash ? name : "";
    return slash ? slash + 1 : name;
}

static const js *named_of(struct call *c, const struct fw_scope *f, const char *part,
                          const char *text) {
    const char *scope;
    const char *name = bare(text, &scope);
    const js *hit = NULL;

    if (f->at[2] && strncmp(scope, "dc/", 3) != 0) {
        hit = js_get(js_get(f->now, part), name);
    }
    if (!hit && strncmp(scope, "guest/", 6) != 0) {
        hit = state_get(&c->s->st, "firewall", "cluster", part, name, NULL);
    }
    return hit;
}

static int version_of(struct call *c, const struct fw_scope *f, const char *key, const char *text,
                      int *version) {
    int v = fw_ipversion(text);
    const js *alias;

    if (!text[0]) {
        return 0;
    }
    if (text[0] == '+') {
        if (!named_of(c, f, "ipset", text + 1) && strncmp(text, "+sdn/", 5) != 0) {
            const char *scope;

            return call_param_error(c, key, "no such ipset '%s'", bare(text + 1, &scope));
        }
        return 0;
    }
    if (!v) {
        alias = named_of(c, f, "aliases", text);
        if (!alias) {
            return call_param_error(c, key, "no such alias '%s'", text);
        }
        v = (int)js_int_or(alias, "ipversion", fw_ipversion(js_str_or(alias, "cidr", "")));
    }
    if (*version && v != *version) {
        return call_param_error(c, key, "detected mixed ipv4/ipv6 addresses in rule");
    }
    *version = v;
    return 0;
}

int fw_rule_check(struct call *c, const struct fw_scope *f, js *rule) {
    const char *proto = js_str_or(rule, "proto", "");
    const char *type = js_str_or(rule, "type", "");
    const char *action = js_str_or(rule, "action", "");
    bool icmp = strcmp(proto, "icmp") == 0 || strcmp(proto, "icmpv6") == 0 ||
                strcmp(proto, "ipv6-icmp") == 0;
    int version = !icmp ? 0 : strcmp(proto, "icmp") == 0 ? 4 : 6;
    int r = 0;

    if (strcmp(type, "group") != 0 && strcmp(action, "ACCEPT") != 0 &&
        strcmp(action, "DROP") != 0 && strcmp(action, "REJECT") != 0) {
        r = call_param_error(c, "action", "unknown action '%s'", action);
    }
    if (js_get(rule, "dport") && !proto[0]) {
        r = call_param_error(c, "proto", "missing property - 'dport' requires this property");
    }
    if (js_get(rule, "sport") && !proto[0]) {
        r = call_param_error(c, "proto", "missing property - 'sport' requires this property");
    }
    r = version_of(c, f, "source", js_str_or(rule, "source", ""), &version) < 0 ? -1 : r;
    r = version_of(c, f, "dest", js_str_or(rule, "dest", ""), &version) < 0 ? -1 : r;
    json_object_object_del(rule, "ipversion");
    if (version) {
        js_add(rule, "ipversion", js_int(version));
    }
    return r;
}

/* Parameters that are properties of a rule; empty or "-" takes one away. */
static void copy_params(struct call *c, js *rule) {
    for (size_t i = 0; i < ARRAY_LEN(rule_keys); i++) {
        const char *v = call_str(c, rule_keys[i]);

        if (!v) {
            continue;
        }
        if (!*v || strcmp(v, "-") == 0) {
            json_object_object_del(rule, rule_keys[i]);
        } else if (strcmp(rule_keys[i], "enable") == 0) {
            js_add(rule, "enable", js_int(call_int(c, "enable", 0)));
        } else {
            js_add(rule, rule_keys[i], js_str(v));
        }
    }
}

static int drop_params(struct call *c, js *rule) {
    const char *del = call_str(c, "delete");
    char key[64];

    while (del && *del) {
        size_t n = strcspn(del, ",; ");
        bool known = false;

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, del);
        del += n + (del[n] != 0);
        for (size_t i = 0; i < ARRAY_LEN(rule_keys); i++) {
            known |= strcmp(key, rule_keys[i]) == 0;
        }
        if (!known) {
            return call_param_error(c, "delete", "no such property ('%s')", key);
        }
        if (strcmp(key, "type") == 0 || strcmp(key, "action") == 0) {
            return call_param_error(c, "delete", "unable to delete required property '%s'", key);
        }
        json_object_object_del(rule, key);
    }
    return 0;
}

/* The list of rules on its way: of the scope, or of the group that the path names. */
struct rules {
    struct fw_scope f;
    js *list; /* owned */
};

static int rules_open(struct call *c, struct rules *r) {
    const js *group;

    if (fw_scope(c, &r->f) < 0) {
        return -1;
    }
    if (!call_str(c, "group")) {
        r->list = fw_part(&r->f, "rules", true);
        return 0;
    }
    group = js_get(js_get(r->f.now, "groups"), call_str(c, "group"));
    if (!group) {
        return call_fail(c, 500, "no such security group '%s'", call_str(c, "group"));
    }
    r->list = js_is_array(js_get(group, "rules")) ? js_copy(js_get(group, "rules")) : js_array();
    return 0;
}

static void rules_save(struct call *c, struct rules *r) {
    const char *name = call_str(c, "group");

    if (name) {
        js *groups = fw_part(&r->f, "groups", false);

        js_add(js_get(groups, name), "rules", TAKE(r->list));
        fw_put(c, &r->f, "groups", groups);
    } else {
        fw_put(c, &r->f, "rules", TAKE(r->list));
    }
}

static void rules_done(struct rules *r) {
    js_freep(&r->list);
}

/* A list without the item at `skip`, and with `extra` before what stood at `at`. */
static js *with(const js *list, size_t skip, size_t at, js *extra) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        if (extra && i == at) {
            js_push(out, js_ref(extra));
        }
        if (i != skip) {
            js_push(out, js_ref(js_at(list, i)));
        }
    }
    if (extra && at >= js_len(list)) {
        js_push(out, js_ref(extra));
    }
    return out;
}

static void replace(struct rules *r, js *list) {
    js_freep(&r->list);
    r->list = list;
}

int route_fw_rule_create(struct call *c) {
    CLEANUP(rules_done) struct rules r = {0};
    CLEANUP(js_freep) js *rule = js_object();

    if (rules_open(c, &r) < 0) {
        return -1;
    }
    copy_params(c, rule);
    if (!js_get(rule, "enable")) {
        js_add(rule, "enable", js_int(0));
    }
    if (fw_rule_check(c, &r.f, rule) < 0) {
        return -1;
    }
    replace(&r, with(r.list, SIZE_MAX, 0, rule));
    rules_save(c, &r);
    return 0;
}

static int position(struct call *c, const struct rules *r, uint32_t *ret) {
    if (ident_u32(call_str(c, "pos"), ret) < 0) {
        return call_param_error(c, "pos", "type check ('integer') failed - got '%.40s'",
                                call_str(c, "pos"));
    }
    if (fw_unchanged(c, r->list) < 0) {
        return -1;
    }
    if (*ret >= js_len(r->list)) {
        return call_fail(c, 500, "no rule at position %u", *ret);
    }
    return 0;
}

int route_fw_rule_update(struct call *c) {
    CLEANUP(rules_done) struct rules r = {0};
    int64_t moveto;
    uint32_t pos;
    js *rule;

    if (rules_open(c, &r) < 0 || position(c, &r, &pos) < 0) {
        return -1;
    }
    moveto = call_int(c, "moveto", pos);
    rule = js_at(r.list, pos);
    if (moveto >= 0 && moveto != (int64_t)pos) {
        replace(&r, with(r.list, pos, (size_t)moveto, rule));
    } else {
        copy_params(c, rule);
        if (drop_params(c, rule) < 0 || fw_rule_check(c, &r.f, rule) < 0) {
            return -1;
        }
    }
    rules_save(c, &r);
    return 0;
}

int route_fw_rule_delete(struct call *c) {
    CLEANUP(rules_done) struct rules r = {0};
    uint32_t pos;

    if (rules_open(c, &r) < 0 || position(c, &r, &pos) < 0) {
        return -1;
    }
    replace(&r, with(r.list, pos, SIZE_MAX, NULL));
    rules_save(c, &r);
    return 0;
}

/* Options are numbers but for policies, log levels and lists. */
int route_fw_options_set(struct call *c) {
    CLEANUP(js_freep) js *o = NULL;
    const char *del = call_str(c, "delete");
    struct fw_scope f;
    char key[64];

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    o = fw_part(&f, "options", false);
    if (fw_unchanged(c, o) < 0) {
        return -1;
    }
    while (del && *del) {
        size_t n = strcspn(del, ",; ");

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, del);
        json_object_object_del(o, key);
        del += n + (del[n] != 0);
    }
    JS_FOREACH(c->params, name, value) {
        const char *text = json_object_get_string(value);
        uint64_t number;

        if (js_get(c->in_path, name) || strcmp(name, "delete") == 0 ||
            strcmp(name, "digest") == 0) {
            continue;
        }
        js_add(o, name, ident_u64(text, &number) == 0 ? js_int((int64_t)number) : js_str(text));
    }
    fw_put(c, &f, "options", TAKE(o));
    return 0;
}
