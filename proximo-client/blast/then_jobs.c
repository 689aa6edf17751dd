/* SPDX-License-Identifier: Apache-2.0 */
/* Backup jobs: made, changed, deleted. What a job takes (its volumes, which guests are in none) is
 * not computed; analysers work that out from the jobs. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/then_int.h"

/* A job as PVE shows it. */
static void complete(js *job) {
    if (!js_is_object(job)) {
        return;
    }
    if (js_get_str(job, "prune-backups")) {
        /* "keep-last=3,keep-daily=7" is shown taken apart */
        js_add(job, "prune-backups", options_apart(js_str_or(job, "prune-backups", "")));
    }
    if (!js_get(job, "type")) {
        js_add(job, "type", js_str("vzdump"));
    }
    json_object_object_del(job, "digest");
}

/* A new one is enabled unless it says otherwise. */
static js *new_job(const struct effect *x) {
    js *job = form_over(NULL, x->form);

    backup_job_choose(job, x->form);
    if (!js_get(job, "enabled")) {
        js_add(job, "enabled", js_int(1));
    }
    complete(job);
    return job;
}

static enum then_is of_list(const struct effect *x, js **data) {
    char id[AFTER_ID];
    js *list;

    if (!js_is_array(*data)) {
        return THEN_UNKNOWN;
    }
    list = sections_after(*data, "id", "/cluster/backup", x->method, x->path, x->form, id);
    if (!list) {
        return THEN_UNKNOWN; /* without an id PVE makes one up */
    }
    if (strcmp(x->method, "POST") == 0) {
        (void)json_object_array_put_idx(list, js_len(list) - 1, new_job(x));
    } else {
        backup_job_choose(list_row(list, "id", id), x->form);
        complete(list_row(list, "id", id));
    }
    return then_set(data, list);
}

static enum then_is of_one(const struct effect *x, js **data) {
    js *job;

    if (strcmp(x->method, "DELETE") == 0) {
        return then_set(data, NULL);
    }
    if (strcmp(x->method, "POST") == 0) {
        return then_set(data, new_job(x));
    }
    if (!*data) {
        return THEN_UNKNOWN;
    }
    job = form_over(*data, x->form);
    backup_job_choose(job, x->form);
    complete(job);
    return then_set(data, job);
}

static enum then_is job(const struct effect *x, const char *path, js **data) {
    static const char base[] = "/cluster/backup";
    const char *tail = path + sizeof(base) - 1;
    char id[2][AFTER_ID];

    if (strncmp(path, base, sizeof(base) - 1) != 0) {
        return THEN_SAME;
    }
    if (!*tail) {
        return of_list(x, data);
    }
    if (strncmp(tail, "-info/", 6) == 0) {
        return THEN_UNKNOWN; /* which guests are in no job */
    }
    if (path_fits("/*", tail, id)) {
        const char *own = x->id[0][0] ? x->id[0] : js_str_or(x->form, "id", "");

        return strcmp(id[0], own) == 0 ? of_one(x, data) : THEN_SAME;
    }
    return THEN_UNKNOWN; /* its volumes */
}

const struct effect_kind then_job_kinds[] = {
    {"POST", "/cluster/backup", NULL, job, NULL},
    {"PUT", "/cluster/backup/*", NULL, job, NULL},
    {"DELETE", "/cluster/backup/*", NULL, job, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
