/* SPDX-License-Identifier: Apache-2.0 */
/* Firewall, read only: rules, options, groups, aliases and IP sets of the cluster, a node or a
 * guest. The state holds each scope as {options, rules: [..], groups: {name: {rules}},
 * aliases: {name: {cidr}}, ipset: {name: {entries: [..]}}} with values as the API shows them. */
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

int route_fw_index(struct call *c) {
    static const char *const names[] = {"aliases", "rules",  "options", "groups",
                                        "ipset",   "macros", "refs"};

    c->data = index_of("name", names, ARRAY_LEN(names));
    return 0;
}

/* The scope that the path names; *ret may be NULL (nothing configured). */
static int scope(struct call *c, js **ret) {
    struct guest g;
    js *n;

    if (call_str(c, "vmid")) {
        if (guest_of_call(c, &g) < 0) {
            return -1;
        }
        *ret = state_get(&c->s->st, "firewall", "guests", g.key, NULL);
        return 0;
    }
    if (call_str(c, "node")) {
        if (node_of_call(c, &n) < 0) {
            return -1;
        }
        *ret = state_get(&c->s->st, "firewall", "nodes", call_str(c, "node"), NULL);
        return 0;
    }
    *ret = state_get(&c->s->st, "firewall", "cluster", NULL);
    return 0;
}

static void digest_of(const js *part, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    if (part && (!js_is_array(part) || js_len(part)) &&
        (!js_is_object(part) || js_members(part))) {
        (void)js_print(part, &b);
    }
    sha1_hex(buf_str(&b), b.len, ret);
}

static js *rule_out(const js *rules, size_t i, bool one) {
    js *o = js_copy(js_at(rules, i));
    char digest[41];

    digest_of(rules, digest);
    js_add(o, "digest", js_str(digest));
    if (one) {
        js_addf(o, "pos", "%zu", i);
    } else {
        js_add(o, "pos", js_int((int64_t)i));
    }
    return o;
}

static js *rules_out(const js *rules) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(rules); i++) {
        js_push(list, rule_out(rules, i, false));
    }
    return list;
}

int route_fw_rules(struct call *c) {
    js *fw;

    if (scope(c, &fw) < 0) {
        return -1;
    }
    c->data = rules_out(js_get(fw, "rules"));
    return 0;
}

int route_fw_rule(struct call *c) {
    js *fw;
    uint32_t pos;

    if (scope(c, &fw) < 0) {
        return -1;
    }
    if (ident_u32(call_str(c, "pos"), &pos) < 0) {
        return call_param_error(c, "pos", "type check ('integer') failed - got '%.40s'",
                                call_str(c, "pos"));
    }
    if (pos >= js_len(js_get(fw, "rules"))) {
        return call_fail(c, 500, "no rule at position %u", pos);
    }
    c->data = rule_out(js_get(fw, "rules"), pos, true);
    return 0;
}

int route_fw_options(struct call *c) {
    js *fw;
    char digest[41];

    if (scope(c, &fw) < 0) {
        return -1;
    }
    digest_of(js_get(fw, "options"), digest);
    c->data = js_get(fw, "options") ? js_copy(js_get(fw, "options")) : js_object();
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

/* {name: x} lists with a digest. */
static int named(struct call *c, const char *part, const char *key) {
    js *all = state_get(&c->s->st, "firewall", "cluster", part, NULL);
    char digest[41];

    digest_of(all, digest);
    c->data = js_array();
    if (all) {
        JS_FOREACH(all, name, v) {
            js *o = js_object();

            js_add(o, key, js_str(name));
            js_add(o, "digest", js_str(digest));
            JS_FOREACH(v, field, x) {
                if (!js_is_array(x)) {
                    js_add(o, field, js_ref(x));
                }
            }
            js_push(c->data, o);
        }
    }
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

int route_fw_group(struct call *c) {
    js *g = state_get(&c->s->st, "firewall", "cluster", "groups", call_str(c, "group"), NULL);

    if (!g) {
        return call_fail(c, 500, "no such security group '%s'", call_str(c, "group"));
    }
    c->data = rules_out(js_get(g, "rules"));
    return 0;
}

int route_fw_ipset(struct call *c) {
    js *set = state_get(&c->s->st, "firewall", "cluster", "ipset", call_str(c, "name"), NULL);
    js *entries = js_get(set, "entries");
    char digest[41];

    if (strlen(call_str(c, "name")) < 2) {
        return call_param_error(c, "name", "value does not match the regex pattern");
    }
    if (!set) {
        return call_fail(c, 500, "no such IPSet '%s'", call_str(c, "name"));
    }
    digest_of(entries, digest);
    c->data = js_array();
    for (size_t i = 0; i < js_len(entries); i++) {
        js *o = js_copy(js_at(entries, i));

        js_add(o, "digest", js_str(digest));
        js_push(c->data, o);
    }
    return 0;
}

/* ---- the file ---- */

static int put_rule(struct buf *b, const js *r) {
    static const char *const options[][2] = {
        {"iface", "-i"},     {"source", "-source"}, {"dest", "-dest"}, {"proto", "-p"},
        {"dport", "-dport"}, {"sport", "-sport"},   {"log", "-log"},   {"icmp-type", "-icmp-type"}};
    const char *type = js_str_or(r, "type", "in"), *macro = js_get_str(r, "macro");
    const char *action = js_str_or(r, "action", "");
    int rc = js_bool_or(r, "enable", true) ? 0 : buf_addc(b, '|');

    if (strcmp(type, "group") == 0) {
        rc = rc ? rc : buf_addf(b, "GROUP %s", action);
    } else {
        rc = rc ? rc
                : buf_adds(b, strcmp(type, "out") == 0       ? "OUT "
                              : strcmp(type, "forward") == 0 ? "FORWARD "
                                                             : "IN ");
        rc = rc ? rc : macro ? buf_addf(b, "%s(%s)", macro, action) : buf_adds(b, action);
    }
    for (size_t i = 0; i < ARRAY_LEN(options) && rc == 0; i++) {
        if (js_get_str(r, options[i][0])) {
            rc = buf_addf(b, " %s %s", options[i][1], js_get_str(r, options[i][0]));
        }
    }
    if (rc == 0 && js_get_str(r, "comment")) {
        rc = buf_addf(b, " # %s", js_get_str(r, "comment"));
    }
    return rc ? rc : buf_addc(b, '\n');
}

static int put_rules(struct buf *b, const char *head, const js *rules) {
    int r = js_len(rules) ? buf_addf(b, "%s\n\n", head) : 0;

    for (size_t i = 0; i < js_len(rules) && r == 0; i++) {
        r = put_rule(b, js_at(rules, i));
    }
    return r ? r : js_len(rules) ? buf_addc(b, '\n') : 0;
}

int cfg_firewall(const js *fw, struct buf *b) {
    js *options = js_get(fw, "options"), *aliases = js_get(fw, "aliases");
    js *sets = js_get(fw, "ipset"), *groups = js_get(fw, "groups");
    int r = 0;

    if (options && js_members(options)) {
        r = buf_adds(b, "[OPTIONS]\n\n");
        JS_FOREACH(options, k, v) {
            r = r ? r : buf_addf(b, "%s: %s\n", k, json_object_get_string(v));
        }
        r = r ? r : buf_addc(b, '\n');
    }
    if (r == 0 && aliases && js_members(aliases)) {
        r = buf_adds(b, "[ALIASES]\n\n");
        JS_FOREACH(aliases, k, v) {
            r = r ? r : buf_addf(b, "%s %s\n", k, js_str_or(v, "cidr", ""));
        }
        r = r ? r : buf_addc(b, '\n');
    }
    if (sets) {
        JS_FOREACH(sets, k, v) {
            js *entries = js_get(v, "entries");

            r = r ? r : buf_addf(b, "[IPSET %s]\n\n", k);
            for (size_t i = 0; i < js_len(entries) && r == 0; i++) {
                r = buf_addf(b, "%s%s\n",
                             js_bool_or(js_at(entries, i), "nomatch", false) ? "!" : "",
                             js_str_or(js_at(entries, i), "cidr", ""));
            }
            r = r ? r : buf_addc(b, '\n');
        }
    }
    r = r ? r : put_rules(b, "[RULES]", js_get(fw, "rules"));
    if (groups) {
        JS_FOREACH(groups, k, v) {
            char head[80];

            (void)snprintf(head, sizeof(head), "[group %s]", k);
            r = r ? r : put_rules(b, head, js_get(v, "rules"));
        }
    }
    return r;
}
