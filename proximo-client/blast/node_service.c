/* SPDX-License-Identifier: Apache-2.0 */
/* A node's service stops, restarts, reloads or starts: what it does for guests and cluster. A
 * service that is not in the table is not known, and the verdict says so. */
#include "proximo-client/blast/blast_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

enum whom { NOBODY, MANAGED, FIREWALLED };

static const struct service {
    const char *name;
    enum risk stopped, restarted;
    enum whom whom;     /* the guests of the node that are hit while it is stopped */
    const char *effect; /* on them */
    const char *why;    /* what is missing while it is stopped */
    const char *guests; /* why that hits them */
} services[] = {
    {"chrony", RISK_MEDIUM, RISK_LOW, NOBODY, NULL, "the node's clock drifts", NULL},
    {"corosync", RISK_HIGH, RISK_HIGH, MANAGED, "halted",
     "the node leaves the cluster and its cluster file system becomes read-only",
     "without quorum the node is fenced: its HA guests stop and start elsewhere"},
    {"cron", RISK_LOW, RISK_NONE, NOBODY, NULL, "periodic work of the node is not done", NULL},
    {"ksmtuned", RISK_LOW, RISK_NONE, NOBODY, NULL, "memory is no longer shared between VMs", NULL},
    {"postfix", RISK_MEDIUM, RISK_LOW, NOBODY, NULL, "the node sends no mail", NULL},
    {"proxmox-firewall", RISK_HIGH, RISK_MEDIUM, FIREWALLED, "exposed",
     "firewall rules are no longer kept on the node (nftables)",
     "changes of its firewall no longer take effect, and its rules may be gone"},
    {"pve-cluster", RISK_HIGH, RISK_HIGH, MANAGED, "halted",
     "the node has no cluster configuration: nothing can be started or changed there",
     "HA cannot renew its lock: the node is fenced, its HA guests stop and start elsewhere"},
    {"pve-firewall", RISK_HIGH, RISK_MEDIUM, FIREWALLED, "exposed",
     "firewall rules are taken away from the node", "its firewall no longer filters"},
    {"pve-ha-crm", RISK_MEDIUM, RISK_LOW, NOBODY, NULL,
     "if this node is HA's master, another one takes over after some minutes", NULL},
    {"pve-ha-lrm", RISK_HIGH, RISK_MEDIUM, MANAGED, "halted",
     "HA guests of the node are stopped or frozen, as the shutdown policy says",
     "the node's HA manager stops or freezes its guests"},
    {"pvedaemon", RISK_HIGH, RISK_MEDIUM, NOBODY, NULL,
     "the API works no longer on this node, also for this client and for the way back", NULL},
    {"pveproxy", RISK_HIGH, RISK_MEDIUM, NOBODY, NULL,
     "the API is no longer reachable at this node, also for this client and for the way back",
     NULL},
    {"pvescheduler", RISK_MEDIUM, RISK_LOW, NOBODY, NULL,
     "backup and replication jobs of the node do not run", NULL},
    {"pvestatd", RISK_LOW, RISK_NONE, NOBODY, NULL, "figures of the node are no longer fresh",
     NULL},
    {"qmeventd", RISK_MEDIUM, RISK_LOW, NOBODY, NULL,
     "what VMs tell when they shut down is not heard", NULL},
    {"spiceproxy", RISK_LOW, RISK_LOW, NOBODY, NULL, "SPICE consoles do not work", NULL},
    {"sshd", RISK_MEDIUM, RISK_LOW, NOBODY, NULL,
     "nobody gets in by SSH, and migration and replication over it fail", NULL},
    {"syslog", RISK_MEDIUM, RISK_LOW, NOBODY, NULL, "the node writes no log", NULL},
    {"systemd-journald", RISK_MEDIUM, RISK_LOW, NOBODY, NULL, "the node writes no journal", NULL},
    {"systemd-timesyncd", RISK_MEDIUM, RISK_LOW, NOBODY, NULL, "the node's clock drifts", NULL},
};

/* Any interface of the guest that the firewall looks at. */
static bool is_firewalled(const struct guest *g) {
    if (!g->cfg) {
        return true; /* not read: told as unread, and counted as hit */
    }
    JS_FOREACH(g->cfg, key, value) {
        if (strncmp(key, "net", 3) == 0 && js_is_str(value) &&
            strstr(json_object_get_string(value), "firewall=1")) {
            return true;
        }
    }
    return false;
}

static bool is_hit(const struct picture *p, const struct service *s, const struct guest *g) {
    if (!g->running) {
        return false;
    }
    return s->whom == MANAGED ? picture_ha_managed(p, g) != NULL
                              : s->whom == FIREWALLED && is_firewalled(g);
}

static void hit_guests(const struct picture *p, const char *node, const struct service *s,
                       enum risk risk, struct draft *d) {
    struct tally t = {0};
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(g[i].node, node) == 0 && is_hit(p, s, &g[i])) {
            tally_guest(&t, d, &g[i], s->effect, risk, s->name, s->guests);
        }
    }
    tally_risk(&t, d);
}

int blast_node_service(const struct picture *p, const char *node, const char *service,
                       const char *action, struct draft *d) {
    const struct service *s = NULL;
    char label[140];
    enum risk risk;

    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        s = strcmp(services[i].name, service) == 0 ? &services[i] : s;
    }
    blast_unread(p, BLAST_NODE_SERVICE_NEEDS, 0, d);
    if (!s) {
        draft_unread(d, "the service", "what it does is not known here", NULL);
        return -ENOENT;
    }
    (void)snprintf(label, sizeof(label), "node/%s", node);
    if (strcmp(action, "start") == 0 || strcmp(action, "reload") == 0) {
        draft_affect(d, &(struct affect){.resource = label,
                                         .effect = "started",
                                         .severity = RISK_LOW,
                                         .via = service,
                                         .why = strcmp(action, "start") == 0
                                                    ? "the service runs"
                                                    : "the service reads its configuration again"});
        draft_risk(d, RISK_LOW, "service %s of %s", service, node);
        return 0;
    }
    risk = strcmp(action, "stop") == 0 ? s->stopped : s->restarted;
    draft_affect(d, &(struct affect){.resource = label,
                                     .effect = "degraded",
                                     .severity = risk,
                                     .via = service,
                                     .why = s->why});
    if (s->whom != NOBODY && (risk == RISK_HIGH || strcmp(action, "stop") == 0)) {
        hit_guests(p, node, s, risk, d);
    }
    draft_risk(d, risk, "%s of %s: %s", service, node, s->why);
    return 0;
}
