/* SPDX-License-Identifier: Apache-2.0 */
/* A change of the firewall: the whole rule set before and after, at every place that the change can
 * reach, compared packet class by packet class. Who gains, who loses, and whether we are among
 * them. Connections that are established stay until they end; the verdict is about new ones. */
#include "proximo-client/blast/fw_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

/* Which places a path can reach. */
static bool starts(const char *path, const char *head) {
    return strncmp(path, head, strlen(head)) == 0;
}

int blast_firewall_ask(const char *path, struct picture_ask *ret) {
    const char *fw = strstr(path, "/firewall/");
    const char *part = fw ? fw + 10 : "";
    bool shared = starts(part, "options") || starts(part, "groups") || starts(part, "ipset") ||
                  starts(part, "aliases");
    uint32_t vmid = 0;

    *ret = (struct picture_ask){.what = PIC_FIREWALL | PIC_FW_NODES};
    if (!fw) {
        return -EINVAL;
    }
    if (starts(path, "/cluster/firewall/")) {
        /* the cluster's own rules are for nodes; what guests and vnets can name is for all */
        ret->what |= shared ? PIC_FW_GUESTS | PIC_FW_VNETS : 0;
        return 0;
    }
    if (starts(path, "/cluster/sdn/vnets/")) {
        ret->what |= PIC_FW_VNETS;
        return 0;
    }
    if (starts(path, "/nodes/")) {
        const char *kind = strchr(path + 7, '/');
        const char *id = kind && kind < fw ? strchr(kind + 1, '/') : NULL;

        if (id && id < fw && ident_u64n(id + 1, (size_t)(fw - id - 1), &(uint64_t){0}) == 0) {
            char digits[16];

            (void)snprintf(digits, sizeof(digits), "%.*s", (int)(fw - id - 1), id + 1);
            if (ident_vmid(digits, &vmid) == 0) {
                ret->what |= PIC_FW_GUESTS;
                ret->vmid = vmid;
            }
        }
        return 0;
    }
    return -EINVAL;
}

/* The same rules, options and sets before and after: then nothing can differ there. */
static bool same_guest(const js *before, const js *after) {
    return js_eq(before, after);
}

static void compare_hosts(struct fw_report *r) {
    for (size_t i = 0; i < r->after->n_host; i++) {
        const struct fw_host *a = &r->after->host[i];
        const struct fw_host *b = fw_conf_host(r->before, a->name);

        if (b && a->known && b->known) {
            fw_report_host(r, b, a);
        }
    }
}

/* Whether anything that guests can name differs in the cluster's part. */
static bool shared_same(const js *before, const js *after) {
    static const char *const keys[] = {"groups", "ipset", "aliases"};
    const js *b = js_get(before, "cluster");
    const js *a = js_get(after, "cluster");

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!js_eq(js_get(b, keys[i]), js_get(a, keys[i]))) {
            return false;
        }
    }
    return js_int_or(js_get(b, "options"), "enable", 0) ==
           js_int_or(js_get(a, "options"), "enable", 0);
}

static void compare_guests(struct fw_report *r, const js *before, const js *after) {
    bool shared = shared_same(before, after);
    size_t k = 0;

    /* both are in the model's order; a guest is never added or removed by a firewall change */
    for (size_t i = 0; i < r->after->n_guest; i++) {
        const struct fw_guest *a = &r->after->guest[i];
        const struct fw_guest *b = k < r->before->n_guest && r->before->guest[k].vmid == a->vmid
                                       ? &r->before->guest[k]
                                       : fw_conf_guest(r->before, a->vmid);
        char vmid[16];

        k = b ? (size_t)(b - r->before->guest) + 1 : k;
        (void)snprintf(vmid, sizeof(vmid), "%u", a->vmid);
        if (!b || (!b->enabled && !a->enabled) ||
            (shared && same_guest(js_get(js_get(before, "guests"), vmid),
                                  js_get(js_get(after, "guests"), vmid)))) {
            continue;
        }
        fw_report_guest(r, b, a);
    }
}

static void compare_vnets(struct fw_report *r) {
    for (size_t i = 0; i < r->after->n_vnet; i++) {
        const struct fw_vnet *a = &r->after->vnet[i];
        const struct fw_vnet *b = fw_conf_vnet(r->before, a->name);

        if (b && (b->enabled || a->enabled)) {
            fw_report_vnet(r, b, a);
        }
    }
}

/* Rules of the cluster and of groups that lose their meaning, or that we cannot judge. */
static void cluster_rules(struct fw_report *r) {
    const struct fw_chain *a = &r->after->rules;
    const struct fw_chain *b = &r->before->rules;
    char why[200];

    if (a->unknown) {
        draft_unread(r->d, "rules of the cluster", a->unknown_why, NULL);
    }
    if (a->broken > b->broken) {
        (void)snprintf(why, sizeof(why),
                       "%u of the cluster's rules no longer take effect: %s (the first is %u)",
                       a->broken - b->broken, a->broken_why, a->broken_pos);
        r->any = true;
        tally_affect(&r->tally, r->d,
                     &(struct affect){.resource = "cluster",
                                      .effect = "degraded",
                                      .severity = RISK_MEDIUM,
                                      .via = "rules of the cluster",
                                      .why = why});
    }
    for (size_t i = 0; i < r->after->n_group; i++) {
        if (r->after->group[i].unknown) {
            draft_unread(r->d, r->after->group[i].name, r->after->group[i].unknown_why, NULL);
        }
    }
}

static void offline_nodes(const struct picture *p, struct draft *d) {
    for (size_t i = 0; i < picture_nodes(p); i++) {
        bool online = true;
        char text[100];

        (void)snprintf(text, sizeof(text), "the firewall of node %.63s",
                       picture_node(p, i, &online));
        if (!online) {
            draft_unread(d, text, "the node is offline", NULL);
        }
    }
}

static void nothing_differs(const struct fw_report *r, struct draft *d) {
    const char *why = "no packet fares differently by this change";

    if (!r->before->enabled && !r->after->enabled) {
        why = "the firewall is off at the datacenter: this takes effect when it is switched on";
    }
    draft_affect(d,
                 &(struct affect){
                     .resource = "firewall", .effect = "none", .severity = RISK_LOW, .why = why});
    draft_risk(d, RISK_LOW, "%s", why);
}

static int verdict(const struct picture *p, const struct picture_ask *ask, const js *before,
                   const js *after, const char *own, struct draft *d) {
    CLEANUP(fw_conf_freep) struct fw_conf *b = NULL;
    CLEANUP(fw_conf_freep) struct fw_conf *a = NULL;
    struct fw_report r = {.p = p, .d = d};
    bool guest_only = ask->vmid != 0;

    if (fw_conf_new(before, &b) < 0 || fw_conf_new(after, &a) < 0) {
        return -ENOMEM;
    }
    r.before = b;
    r.after = a;
    if (!guest_only) {
        if (!own || !fw_net_parse(own, &r.own) || r.own.lo != r.own.hi) {
            r.own = (struct fw_net){0};
            draft_unread(d, "our own address towards the cluster", "it is not known", NULL);
        }
        compare_hosts(&r);
    }
    compare_guests(&r, before, after);
    compare_vnets(&r);
    cluster_rules(&r);
    if (r.incomplete) {
        draft_unread(d, "every class of packets", "there are too many networks in the rules", NULL);
    }
    if (js_int_or(a->options, "enable", 0) > 1) {
        draft_unread(d, "whether the firewall is on", "it is switched on for a minute only", NULL);
    }
    if (!r.any) {
        nothing_differs(&r, d);
    }
    tally_risk(&r.tally, d);
    return 0;
}

int blast_firewall(const struct picture *p, const struct blast_request *req, size_t n,
                   const char *own, struct draft *d) {
    struct picture_ask ask = {0};
    CLEANUP(js_freep) js *before = NULL;
    CLEANUP(js_freep) js *after = NULL;

    for (size_t i = 0; i < n; i++) {
        struct picture_ask one;

        if (blast_firewall_ask(req[i].path, &one) < 0) {
            return -EINVAL;
        }
        ask.what |= one.what;
        ask.vmid = i == 0 || ask.vmid == one.vmid ? one.vmid : 0;
    }
    blast_unread(p, ask.what, ask.vmid, d);
    offline_nodes(p, d);
    before = fw_model(p, ask.what, ask.vmid);
    after = js_copy(before);
    for (size_t i = 0; i < n; i++) {
        const char *why = "";

        if (fw_apply(after, req[i].method, req[i].path, req[i].form, &why) < 0) {
            draft_unread(d, "what the change does", why[0] ? why : "it is not understood", NULL);
            return -ENOENT;
        }
    }
    return verdict(p, &ask, before, after, own, d);
}
