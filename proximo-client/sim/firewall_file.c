/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall's files as text, for the cluster file system's tree: cluster.fw, host.fw, <vmid>.fw.
 */
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/firewall.h"

/* The end of a line, with the comment that belongs to it. */
static int put_end(struct buf *b, const js *o) {
    const char *comment = js_get_str(o, "comment");

    return comment ? buf_addf(b, " # %s\n", comment) : buf_addc(b, '\n');
}

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
    return rc ? rc : put_end(b, r);
}

/* A group is there without rules, too; the list of rules is not. */
static int put_rules(struct buf *b, const char *head, const js *about, bool always,
                     const js *rules) {
    int r = 0;

    if (js_len(rules) == 0 && !always) {
        return 0;
    }
    r = buf_adds(b, head);
    r = r ? r : put_end(b, about);
    r = r ? r : buf_addc(b, '\n');
    for (size_t i = 0; i < js_len(rules) && r == 0; i++) {
        r = put_rule(b, js_at(rules, i));
    }
    return r ? r : buf_addc(b, '\n');
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
            r = r ? r : buf_addf(b, "%s %s", k, js_str_or(v, "cidr", ""));
            r = r ? r : put_end(b, v);
        }
        r = r ? r : buf_addc(b, '\n');
    }
    if (sets) {
        JS_FOREACH(sets, k, v) {
            js *entries = js_get(v, "entries");

            r = r ? r : buf_addf(b, "[IPSET %s]", k);
            r = r ? r : put_end(b, v);
            r = r ? r : buf_addc(b, '\n');
            for (size_t i = 0; i < js_len(entries) && r == 0; i++) {
                r = buf_addf(b, "%s%s", js_bool_or(js_at(entries, i), "nomatch", false) ? "!" : "",
                             js_str_or(js_at(entries, i), "cidr", ""));
                r = r ? r : put_end(b, js_at(entries, i));
            }
            r = r ? r : buf_addc(b, '\n');
        }
    }
    r = r ? r : put_rules(b, "[RULES]", NULL, false, js_get(fw, "rules"));
    if (groups) {
        JS_FOREACH(groups, k, v) {
            char head[80];

            (void)snprintf(head, sizeof(head), "[group %s]", k);
            r = r ? r : put_rules(b, head, v, true, js_get(v, "rules"));
        }
    }
    return r;
}
