/* SPDX-License-Identifier: Apache-2.0 */
/* What names a guest that is destroyed, and what becomes of it: HA, replication, backup jobs (with
 * purge they are edited, a job for this guest alone is deleted; without it they keep the number,
 * and the next guest to get that number inherits them), pool, grants on its own path, firewall. And
 * volumes that are its own by name while no configuration names them. */
#include "proximo-client/blast/destroy_int.h"

#include <stdio.h>
#include <string.h>

static void hit(struct ending *e, const char *resource, const char *effect, enum risk severity,
                const char *via, const char *why) {
    tally_other(&e->t, e->d, resource, effect, severity, via, why);
}

static void check_ha(struct ending *e) {
    const js *rules = picture_ha_rules(e->p);
    char sid[24];
    char resource[120];

    if (!picture_ha_of(e->p, e->g) || !e->purge) {
        return; /* refused */
    }
    guest_sid(e->g, sid);
    (void)snprintf(resource, sizeof(resource), "ha/%s", sid);
    hit(e, resource, "destroyed", RISK_MEDIUM, "purge",
        "the HA resource is removed with the guest");
    for (size_t i = 0; i < js_len(rules); i++) {
        const js *r = js_at(rules, i);

        if (words_have(js_str_or(r, "resources", ""), sid)) {
            (void)snprintf(resource, sizeof(resource), "ha-rule/%.100s", js_str_or(r, "rule", "?"));
            hit(e, resource, "changed", RISK_MEDIUM, "purge",
                "the rule loses this guest; a rule for it alone goes");
        }
    }
}

static void check_replication(struct ending *e) {
    const js *jobs = picture_replication_jobs(e->p);

    for (size_t i = 0; e->purge && i < js_len(jobs); i++) {
        const js *j = js_at(jobs, i);
        char resource[80];
        char why[200];

        if (js_int_or(j, "guest", 0) != (int64_t)e->g->vmid) {
            continue;
        }
        (void)snprintf(resource, sizeof(resource), "replication/%.60s", js_str_or(j, "id", "?"));
        (void)snprintf(why, sizeof(why),
                       "the job is removed with the guest; its replica at %.60s may stay behind",
                       js_str_or(j, "target", "?"));
        hit(e, resource, "destroyed", RISK_MEDIUM, "purge", why);
    }
}

static bool names_only(const char *list, const char *vmid) {
    size_t n = strlen(vmid);

    while (*list == ',' || *list == ' ' || *list == ';') {
        list++;
    }
    return strncmp(list, vmid, n) == 0 && strspn(list + n, ", ;") == strlen(list + n);
}

static void check_jobs(struct ending *e) {
    const js *jobs = picture_backup_jobs(e->p);
    char vmid[12];

    (void)snprintf(vmid, sizeof(vmid), "%u", e->g->vmid);
    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *j = js_at(jobs, i);
        const char *list = js_str_or(j, "vmid", "");
        const bool is_listed = words_have(list, vmid);
        char resource[100];

        if (!is_listed && !words_have(js_str_or(j, "exclude", ""), vmid)) {
            continue;
        }
        (void)snprintf(resource, sizeof(resource), "job/%.80s", js_str_or(j, "id", "?"));
        if (!e->purge) {
            hit(e, resource, "none", RISK_LOW, js_str_or(j, "schedule", NULL),
                "the backup job keeps the number: the next guest that gets it inherits the entry");
        } else if (is_listed && names_only(list, vmid)) {
            hit(e, resource, "destroyed", RISK_MEDIUM, "purge",
                "the backup job is for this guest alone and is deleted");
        } else {
            hit(e, resource, "changed", RISK_LOW, "purge", "the guest leaves the backup job");
        }
    }
}

static void check_grants(struct ending *e) {
    const js *acl = picture_answer(e->p, "/access/acl", NULL);
    const char *pool = pool_of(e->p, e->g->vmid);
    char path[24];
    char resource[160];
    char why[320];

    (void)snprintf(path, sizeof(path), "/vms/%u", e->g->vmid);
    if (pool) {
        (void)snprintf(resource, sizeof(resource), "pool/%.120s", pool);
        hit(e, resource, "changed", RISK_LOW, NULL, "the guest leaves the pool");
    }
    for (size_t i = 0; i < js_len(acl); i++) {
        const js *a = js_at(acl, i);

        if (strcmp(js_str_or(a, "path", ""), path) != 0) {
            continue;
        }
        (void)snprintf(resource, sizeof(resource), "%.30s/%.120s", js_str_or(a, "type", "user"),
                       js_str_or(a, "ugid", "?"));
        if (strcmp(js_str_or(a, "roleid", ""), "NoAccess") == 0) {
            hit(e, resource, "changed", RISK_LOW, path,
                "its NoAccess entry goes with the guest: nobody loses by it, but a new guest of "
                "this "
                "number is not closed to it");
            continue;
        }
        (void)snprintf(why, sizeof(why), "its grant of %.60s on %s goes with the guest",
                       js_str_or(a, "roleid", "?"), path);
        hit(e, resource, "loses-access", RISK_MEDIUM, path, why);
    }
}

static bool is_named(const struct ending *e, const char *volid) {
    const char *colon = strchr(volid, ':');
    size_t n = colon ? (size_t)(colon - volid) : 0;

    for (size_t s = 0; s <= e->g->n_snap; s++) {
        const struct volumes *vols = s == 0 ? &e->g->vols : &e->g->snap[s - 1].vols;

        for (size_t i = 0; i < vols->n; i++) {
            const struct volume *v = &vols->v[i];

            if (v->kind == VOLUME_STORAGE && strlen(v->storage) == n &&
                strncmp(v->storage, volid, n) == 0 && colon && strcmp(v->name, colon + 1) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void check_orphans(struct ending *e) {
    const struct store *s;
    size_t n = picture_stores(e->p, &s);

    for (size_t i = 0; i < n; i++) {
        char path[200];
        const js *list;

        (void)snprintf(path, sizeof(path), "/nodes/%s/storage/%s/content?vmid=%u", e->g->node,
                       s[i].id, e->g->vmid);
        list = picture_answer(e->p, path, NULL);
        for (size_t k = 0; k < js_len(list); k++) {
            const js *row = js_at(list, k);
            const char *volid = js_str_or(row, "volid", "");
            const char *content = js_str_or(row, "content", "");

            if ((strcmp(content, "images") != 0 && strcmp(content, "rootdir") != 0) ||
                js_int_or(row, "vmid", 0) != (int64_t)e->g->vmid || is_named(e, volid)) {
                continue;
            }
            ending_hit(e, e->unreferenced ? "loses-data" : "none",
                       e->unreferenced ? RISK_HIGH : RISK_LOW, volid,
                       e->unreferenced ? "named by no configuration, taken by "
                                         "destroy-unreferenced-disks"
                                       : "named by no configuration: stays behind as an orphan");
        }
    }
}

void ending_refs(struct ending *e) {
    check_ha(e);
    check_replication(e);
    check_jobs(e);
    check_grants(e);
    check_orphans(e);
}
