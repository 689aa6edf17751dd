/* SPDX-License-Identifier: Apache-2.0 */
/* Of each guest: its newest backup that is seen, how old that is, and which schedules take the
 * guest. "never" needs every storage for backups to have been read: a list that the token does not
 * see whole makes it "unknown". */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/backup_int.h"

struct fresh {
    const struct picture *p;
    struct archives archives;
    const struct part *doubt; /* an archive may be unseen, because … */
    int64_t now, max_age;
    bool is_jobs_read;
};

static const struct part unlisted = {PART_FAILED,
                                     "a storage for backups is off, or on no node that is", NULL};

/* A storage for backups of which no node was asked hides what it holds. */
static bool is_unlisted(const struct picture *p, const struct store *s) {
    const struct content *c;
    size_t n = picture_archives(p, &c);

    if (!words_have(js_str_or(s->def, "content", ""), "backup")) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(c[i].storage, s->id) == 0) {
            return false;
        }
    }
    return true;
}

static void find_doubt(struct fresh *f) {
    const struct store *s;
    size_t n = picture_stores(f->p, &s);

    f->doubt = f->archives.unseen;
    for (size_t i = 0; i < n && !f->doubt; i++) {
        f->doubt = is_unlisted(f->p, &s[i]) ? &unlisted : NULL;
    }
    if (!f->doubt && picture_storage_part(f->p)->state != PART_READ) {
        f->doubt = picture_storage_part(f->p);
    }
}

/* The schedules that take the guest; *ret_sure: none is missing from the list. */
static js *jobs_of(const struct fresh *f, const struct guest *g, bool *ret_sure) {
    const js *jobs = picture_backup_jobs(f->p);
    js *out = js_array();

    *ret_sure = f->is_jobs_read;
    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);
        const char *pool = js_get_str(job, "pool");
        struct part part;

        if (!js_bool_or(job, "enabled", true)) {
            continue;
        }
        if (job_includes(f->p, job, g)) {
            js_push(out, js_str(js_str_or(job, "id", "?")));
        } else if (pool && !js_bool_or(job, "all", false)) {
            (void)pool_members(f->p, pool, &part);
            *ret_sure = *ret_sure && part.state == PART_READ;
        }
    }
    return out;
}

static const char *state_of(const struct fresh *f, const struct archive *newest) {
    if (!newest) {
        return f->doubt ? "unknown" : "never";
    }
    if (f->now - newest->ctime <= f->max_age) {
        return "fresh";
    }
    return f->doubt ? "unknown" : "old";
}

static js *one(const struct fresh *f, const struct guest *g) {
    size_t n = 0;
    const struct archive *a = archives_of(&f->archives, g->vmid, &n);
    bool sure = true;
    js *jobs = jobs_of(f, g, &sure);
    js *o = js_object();
    char age[60];

    js_add(o, "vmid", js_int((int64_t)g->vmid));
    js_add(o, "kind", js_str(g->kind));
    js_add(o, "name", js_str(g->name));
    js_add(o, "node", js_str(g->node));
    js_add(o, "state", js_str(state_of(f, a)));
    if (a) {
        age_text(f->now - a->ctime, age, sizeof(age));
        js_add(o, "last", js_int(a->ctime));
        js_add(o, "age", js_str(age));
        js_add(o, "volume", js_str(a->volid));
        js_add(o, "backups", js_int((int64_t)n));
    }
    if (f->doubt) {
        js_add(o, "newer_unseen", js_str(f->doubt->why));
    }
    js_add(o, "covered", js_str(js_len(jobs) ? "yes" : sure ? "no" : "unknown"));
    js_add(o, "jobs", jobs);
    if (g->template) {
        js_add(o, "template", js_bool(true));
    }
    return o;
}

static int rank(const js *o) {
    static const char *const order[] = {"never", "unknown", "old", "fresh"};
    int i = 0;

    while (i < 3 && strcmp(js_str_or(o, "state", ""), order[i]) != 0) {
        i++;
    }
    return i;
}

static int worst_first(const void *x, const void *y) {
    const js *a = *(js *const *)x, *b = *(js *const *)y;
    int64_t v = js_int_or(a, "vmid", 0), w = js_int_or(b, "vmid", 0);

    return rank(a) != rank(b) ? rank(a) - rank(b) : (v > w) - (v < w);
}

js *blast_freshness(const struct picture *p, int64_t now, int64_t max_age) {
    struct fresh f = {.p = p, .now = now, .max_age = max_age};
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    js *out = js_array();

    archives_find(p, &f.archives);
    find_doubt(&f);
    f.is_jobs_read = picture_backup_part(p)->state == PART_READ;
    for (size_t i = 0; i < n; i++) {
        js_push(out, one(&f, &g[i]));
    }
    json_object_array_sort(out, worst_first);
    archives_done(&f.archives);
    return out;
}
