/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on a pool besides access: backup jobs that take whoever is in it. A guest that leaves
 * may fall out of every schedule. Also what PVE refuses: a guest is in one pool only, and a pool
 * that is deleted must be empty. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/backup_int.h"

struct pool {
    const struct picture *p;
    struct draft *d;
    struct tally tally;
    char id[AFTER_ID];
};

static bool runs(const js *job) {
    return js_bool_or(job, "enabled", true);
}

static bool is_of_pool(const struct pool *c, const js *job) {
    return !js_bool_or(job, "all", false) && strcmp(js_str_or(job, "pool", ""), c->id) == 0;
}

/* As the job would see the guest if it were in the pool. */
static bool takes(const js *job, const struct guest *g) {
    const char *node = js_str_or(job, "node", "");

    return runs(job) && (!node[0] || strcmp(node, g->node) == 0);
}

/* An enabled job that has the guest whatever happens to this pool, and can save it; *ret_but: who
 * has it and cannot. */
static const char *other_job(const struct pool *c, const struct guest *g, char *ret_but,
                             size_t size) {
    const js *jobs = picture_backup_jobs(c->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);

        char why[140];

        if (!runs(job) || is_of_pool(c, job) || !job_includes(c->p, job, g)) {
            continue;
        }
        if (job_saves(c->p, job, g, why, sizeof(why))) {
            return js_str_or(job, "id", "?");
        }
        (void)snprintf(ret_but, size, "; job %.60s has it and cannot save it: %s",
                       js_str_or(job, "id", "?"), why);
    }
    return NULL;
}

static void tell_jobs(struct pool *c, const struct guest *g, bool leaves) {
    const js *jobs = picture_backup_jobs(c->p);
    char but[260] = "", why[400], via[100], bad[140];
    const char *other = leaves ? other_job(c, g, but, sizeof(but)) : NULL;

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);

        if (!is_of_pool(c, job) || !takes(job, g)) {
            continue;
        }
        (void)snprintf(via, sizeof(via), "job %.80s", js_str_or(job, "id", "?"));
        if (!job_saves(c->p, job, g, bad, sizeof(bad))) {
            (void)snprintf(why, sizeof(why), "%s this job, which cannot save it: %s",
                           leaves ? "leaves" : "is taken by", bad);
            tally_guest(&c->tally, c->d, g, "changed", RISK_LOW, via, why);
        } else if (!leaves) {
            tally_guest(&c->tally, c->d, g, "changed", RISK_LOW, via,
                        "is backed up by this job from now on");
        } else if (other) {
            (void)snprintf(why, sizeof(why), "leaves this job; job %.80s still has it", other);
            tally_guest(&c->tally, c->d, g, "changed", RISK_LOW, via, why);
        } else {
            (void)snprintf(why, sizeof(why),
                           "falls out of every backup schedule: no enabled job %s it any more%s",
                           but[0] ? "that can save it has" : "has", but);
            tally_guest(&c->tally, c->d, g, "loses-backup", RISK_HIGH, via, why);
            return; /* said once is enough */
        }
    }
}

static void refuse(struct pool *c, const char *whom, const char *why, const char *pool) {
    draft_risk(c->d, RISK_HIGH, "PVE will refuse it: %.60s %s %.100s", whom, why, pool);
}

static void member(struct pool *c, const char *word, bool leaves) {
    uint32_t vmid = 0;
    const struct guest *g = ident_vmid(word, &vmid) < 0 ? NULL : picture_guest(c->p, vmid);
    const char *in = vmid ? pool_of(c->p, vmid) : NULL;
    bool is_in = in && strcmp(in, c->id) == 0;

    if (!g) {
        draft_unread(c->d, "a guest that is named", "it is not in the list", "VM.Audit on /vms");
        return;
    }
    if (leaves && !is_in) {
        refuse(c, g->resource, "is not in pool", c->id);
    } else if (!leaves && in) {
        refuse(c, g->resource, "is already in pool", in);
    } else {
        tell_jobs(c, g, leaves);
    }
}

static void gone(struct pool *c) {
    const js *jobs = picture_backup_jobs(c->p), *members = pool_members(c->p, c->id, NULL);
    const js *pools = picture_answer(c->p, "/pools", NULL);
    size_t len = strlen(c->id);
    bool is_above = false;
    char resource[100];

    for (size_t i = 0; i < js_len(pools); i++) {
        const char *other = js_str_or(js_at(pools, i), "poolid", "");

        is_above |= strncmp(other, c->id, len) == 0 && other[len] == '/';
    }
    if (js_len(members) || is_above) {
        refuse(c, "the pool", is_above ? "has pools below it:" : "is not empty:", c->id);
    }
    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);

        if (is_of_pool(c, job)) {
            (void)snprintf(resource, sizeof(resource), "job/%.80s", js_str_or(job, "id", "?"));
            tally_affect(&c->tally, c->d,
                         &(struct affect){.resource = resource,
                                          .effect = "loses-backup",
                                          .severity = runs(job) ? RISK_MEDIUM : RISK_LOW,
                                          .via = "pool",
                                          .why = "it backs up this pool: without it every run "
                                                 "fails"});
        }
    }
}

int blast_pool(const struct picture *p, const struct blast_request *req, size_t n, const char *own,
               int64_t now, struct draft *d) {
    struct pool c = {.p = p, .d = d};
    int r = blast_access_all(p, req, n, own, now, d);

    blast_unread(p, PIC_BACKUP, 0, d);
    for (size_t i = 0; i < n; i++) {
        CLEANUP(js_freep) js *vms = form_words(req[i].form, "vms");
        char id[2][AFTER_ID];

        if (!path_fits("/pools/*", req[i].path, id)) {
            (void)snprintf(id[0], AFTER_ID, "%.199s", js_str_or(req[i].form, "poolid", ""));
        }
        (void)snprintf(c.id, sizeof(c.id), "%s", id[0]);
        for (size_t k = 0; k < js_len(vms); k++) {
            member(&c, json_object_get_string(js_at(vms, k)),
                   js_bool_or(req[i].form, "delete", false));
        }
        if (strcmp(req[i].method, "DELETE") == 0) {
            gone(&c);
        }
    }
    tally_risk(&c.tally, d);
    return r;
}
