/* SPDX-License-Identifier: Apache-2.0 */
/* Job configurations, speeds of now and the node of the simulated backup server. Schedules
 * are kept and not acted out: nothing here runs by itself. */
#include "proximo-client/sim/pbs.h"

#include <string.h>
#include <time.h>

#include "common/own.h"

static const struct kind {
    const char *name, *numbers, *bools, *read, *write;
} kinds[] = {
    {"prune", "keep-last keep-hourly keep-daily keep-weekly keep-monthly keep-yearly max-depth",
     "disable", "Datastore.Audit|Datastore.Modify", "Datastore.Modify"},
    {"verify", "outdated-after max-depth", "ignore-verified", "Datastore.Audit|Datastore.Verify",
     "Datastore.Verify"},
    {"sync", "max-depth transfer-last", "remove-vanished", "Datastore.Audit", "Datastore.Backup"},
};

static const struct kind *kind_of(const struct call *c) {
    const char *p = strchr(c->path + 1, '/') + 1; /* after "/config/" or "/admin/" */

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t n = strlen(kinds[i].name);

        if (strncmp(p, kinds[i].name, n) == 0 && (p[n] == '/' || !p[n])) {
            return &kinds[i];
        }
    }
    return &kinds[0];
}

static bool may(struct call *c, const js *job, const char *privs) {
    const char *ns = js_str_or(job, "ns", "");
    char path[400];

    (void)snprintf(path, sizeof(path), "/datastore/%s%s%s", js_str_or(job, "store", ""),
                   *ns ? "/" : "", ns);
    if (call_has(c, path, privs)) {
        return true;
    }
    (void)call_fail(c, 400, "missing permissions '%s' on '%s'", privs, path);
    return false;
}

static bool listed(const char *words, const char *word) {
    const char *at = strstr(words, word);
    size_t n = strlen(word);

    return at && (at == words || at[-1] == ' ') && (!at[n] || at[n] == ' ');
}

/* The parameters over the job as it was. */
static js *merged(const struct call *c, const struct kind *k, const js *was) {
    js *o = was ? js_copy(was) : js_object();

    pbs_drop_deleted(c, o);
    JS_FOREACH(c->params, key, val) {
        if (strcmp(key, "id") == 0 || strcmp(key, "delete") == 0 || strcmp(key, "digest") == 0) {
            continue;
        }
        if (listed(k->bools, key)) {
            js_add(o, key, js_bool(call_bool(c, key, false)));
        } else if (listed(k->numbers, key)) {
            js_add(o, key, js_int(call_int(c, key, 0)));
        } else if (strcmp(key, "group-filter") == 0 && !js_is_array(val)) {
            js *list = js_array();

            js_push(list, js_copy(val));
            js_add(o, key, list);
        } else {
            js_add(o, key, js_copy(val));
        }
    }
    if (!js_bool_or(o, "disable", true)) { /* false is not written down */
        json_object_object_del(o, "disable");
    }
    return o;
}

static js *job_out(const char *id, const js *job) {
    js *o = js_copy(job);

    js_add(o, "id", js_str(id));
    return o;
}

static int list_jobs(struct call *c, bool status) {
    const struct kind *k = kind_of(c);
    const char *store = call_str(c, "store");

    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, k->name, NULL), id, job) {
        if ((store && strcmp(store, js_str_or(job, "store", "")) != 0) || !may(c, job, k->read)) {
            continue;
        }
        js_push(c->data, job_out(id, job));
    }
    c->status = 200; /* what may not be seen is left out without a word */
    if (!status) {
        pbs_with_digest(c, k->name);
    }
    return 0;
}

int route_pbs_job_list(struct call *c) {
    return list_jobs(c, false);
}

int route_pbs_job_status(struct call *c) {
    return list_jobs(c, true);
}

/* The job of the path, or 400/404. */
static const js *job_of(struct call *c, const struct kind *k, int status) {
    const js *job = state_get(&c->s->st, k->name, pbs_text(c, "id"), NULL);

    if (!job && status == 404) {
        (void)call_fail(c, 404, "job '%s' does not exist.", pbs_text(c, "id"));
    } else if (!job) {
        (void)call_fail(c, 400, "no such %s job '%s'", k->name, pbs_text(c, "id"));
    }
    return job;
}

int route_pbs_job_get(struct call *c) {
    const struct kind *k = kind_of(c);
    const js *job = job_of(c, k, 400);

    if (!job || !may(c, job, k->read)) {
        return -1;
    }
    c->data = job_out(pbs_text(c, "id"), job);
    pbs_with_digest(c, k->name);
    return 0;
}

int route_pbs_job_create(struct call *c) {
    const struct kind *k = kind_of(c);
    CLEANUP(js_freep) js *o = merged(c, k, NULL);

    if (!may(c, o, k->write)) {
        return -1;
    }
    if (strcmp(k->name, "sync") == 0 && !js_get(o, "remote") &&
        strcmp(js_str_or(o, "store", ""), js_str_or(o, "remote-store", "")) == 0) {
        return call_fail(c, 400, "source and target datastore can't be the same");
    }
    if (state_get(&c->s->st, k->name, pbs_text(c, "id"), NULL)) {
        return call_param_error(c, "id", "job '%s' already exists.", pbs_text(c, "id"));
    }
    state_set(&c->s->st, TAKE(o), k->name, pbs_text(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_job_update(struct call *c) {
    const struct kind *k = kind_of(c);
    const js *was = job_of(c, k, 400);
    CLEANUP(js_freep) js *o = NULL;

    if (!was || pbs_same_digest(c, k->name) < 0 || !may(c, was, k->write)) {
        return -1;
    }
    o = merged(c, k, was);
    if (!may(c, o, k->write)) {
        return -1;
    }
    state_set(&c->s->st, TAKE(o), k->name, pbs_text(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_job_delete(struct call *c) {
    const struct kind *k = kind_of(c);
    const js *job = job_of(c, k, strcmp(k->name, "prune") == 0 ? 400 : 404);

    if (!job || !may(c, job, k->write) || pbs_same_digest(c, k->name) < 0) {
        return -1;
    }
    state_del(&c->s->st, k->name, pbs_text(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- what is only read ---- */

int route_pbs_traffic(struct call *c) {
    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, "traffic", NULL), name, r) {
        js *o = pbs_named(name, r);

        js_add(o, "cur-rate-in", js_int(0));
        js_add(o, "cur-rate-out", js_int(0));
        js_push(c->data, o);
    }
    return 0;
}

int route_pbs_node_status(struct call *c) {
    js *memory = js_object();

    c->data = js_object();
    js_add(memory, "total", js_int(INT64_C(16000000000)));
    js_add(memory, "used", js_int(INT64_C(4000000000)));
    js_add(c->data, "memory", memory);
    js_add(c->data, "uptime", js_int(sim_now(c->s) - c->s->started + 600));
    js_add(c->data, "kversion", js_str("simulated"));
    return 0;
}

/* The zone of this process: it is the one that its prune counts days in. */
int route_pbs_time(struct call *c) {
    time_t now = (time_t)sim_now(c->s), half = now + 15778800;
    struct tm here = {0}, later = {0};

    (void)localtime_r(&now, &here);
    (void)localtime_r(&half, &later);
    c->data = js_object();
    js_add(c->data, "time", js_int(now));
    js_add(c->data, "localtime", js_int(now + here.tm_gmtoff));
    js_add(c->data, "timezone",
           js_str(here.tm_gmtoff || later.tm_gmtoff ? "Europe/Somewhere" : "UTC"));
    return 0;
}

int route_pbs_version(struct call *c) {
    c->data = js_object();
    js_add(c->data, "version", js_str("3.2"));
    js_add(c->data, "release", js_str("4"));
    js_add(c->data, "repoid", js_str("simulated"));
    return 0;
}
