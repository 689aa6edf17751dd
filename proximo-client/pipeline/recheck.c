/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the world again. A plan is a statement about what was seen; when what was seen changed,
 * the plan is not carried out, whatever the change was. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

#define START_TRIES 60
#define START_MS    500

static bool is_node_read(const js *pre) {
    return strcmp(js_str_or(pre, "reduce", ""), "node-config") == 0;
}

static int drifted(const struct change *c, const char *what, struct err *e) {
    (void)err_tag(e, -ESTALE, "plan_drifted", "since plan %s was made this changed: %s", c->p.id,
                  what);
    return err_hint(e, "look at the new plan and apply that");
}

/* What our own prepare phase changes is known: it adds a snapshot to the guest it names. */
static bool changed_by_prepare(const struct change *c, const char *path, const char *reduce) {
    size_t ordinal;

    for (size_t i = 0;; i++) {
        const js *q = plan_request(&c->p, "prepare", i, &ordinal);
        const char *made = q ? js_get_str(q, "path") : NULL;
        size_t len;

        if (!q) {
            return false;
        }
        len = made ? strlen(made) : 0;
        if (len > 9 && strcmp(made + len - 9, "/snapshot") == 0 && strcmp(path, made) == 0 &&
            strcmp(reduce, "snapshots") == 0) {
            return true;
        }
    }
}

/* Of a list every item carries the digest of the one file they stand in. */
static void keep_fresh(struct change *c, const char *path, const js *data) {
    /* "…#digest" is the digest itself */
    const char *digest = js_is_str(data)
                             ? json_object_get_string((js *)(uintptr_t)data)
                             : js_get_str(js_is_array(data) ? js_at(data, 0) : data, "digest");

    if (digest) {
        js_add(c->fresh, path, js_str(digest));
    }
}

static int compare(struct change *c, const js *pre, const js *data, bool prepared, struct err *e) {
    const char *path = js_str_or(pre, "read", "");
    const char *reduce = js_str_or(pre, "reduce", "");
    char text[HASH_HEX_LEN + 1];
    struct hash h;
    int r = reduce_digest(reduce, data, &h, e);

    if (r < 0) {
        return r;
    }
    hash_text(&h, text);
    if (strcmp(text, js_str_or(pre, "digest", "")) != 0 &&
        !(prepared && (changed_by_prepare(c, path, reduce) || prepared_is_all(c, pre, data)))) {
        return drifted(c, path, e);
    }
    keep_fresh(c, path, data);
    return 0;
}

static void jobs_done(struct pve_job *job, size_t n) {
    for (size_t i = 0; i < n; i++) {
        json_object_put(job[i].data);
    }
    free(job);
}

/* Of a plan of steps: whether an observation must hold now. step 0: before anything runs; else just
 * before that step, with what the steps before it have done. */
static bool holds_before(const js *pre, int64_t step) {
    const js *steps = js_get(pre, "steps");

    if (step == 0) {
        return !js_bool_or(pre, "then", false);
    }
    for (size_t i = 0; i < js_len(steps); i++) {
        if (json_object_get_int64(js_at(steps, i)) == step) {
            return true;
        }
    }
    return false;
}

static bool is_read_now(const js *pre, int64_t step) {
    return !is_node_read(pre) && holds_before(pre, step);
}

static int recheck_api(struct change *c, int64_t step, bool prepared, struct err *e) {
    const js *pre = js_get(c->p.v, "preconditions");
    size_t n = js_len(pre);
    struct pve_job *job = calloc(n + 1, sizeof(*job));
    struct err *errs = calloc(n + 1, sizeof(*errs));
    size_t jobs = 0;
    int r = job && errs ? 0 : err_set(e, -ENOMEM, "out of memory");

    for (size_t i = 0; r == 0 && i < n; i++) {
        if (is_read_now(js_at(pre, i), step)) {
            job[jobs].path = js_str_or(js_at(pre, i), "read", "");
            job[jobs].err = &errs[jobs];
            jobs++;
        }
    }
    if (r == 0 && jobs) {
        r = pve_get_many(c->s->pve, job, jobs, e);
    }
    for (size_t i = 0, k = 0; r == 0 && i < n; i++) {
        if (!is_read_now(js_at(pre, i), step)) {
            continue;
        }
        if (job[k].result < 0 && strcmp(errs[k].tag, "pve_not_found") == 0) {
            r = drifted(c, job[k].path, e); /* it was there when the plan was made */
        } else if (job[k].result < 0) {
            if (e) {
                *e = errs[k];
            }
            r = err_wrap(e, "recheck %s", job[k].path);
        } else {
            r = compare(c, js_at(pre, i), job[k].data, prepared, e);
        }
        k++;
    }
    if (job) {
        jobs_done(job, jobs);
    }
    free(errs);
    return r;
}

/* The nodes are asked again whether they would allow exactly this request now. */
static int recheck_node(struct change *c, const js *q, struct err *e) {
    CLEANUP(js_freep) js *answer = NULL;
    const js *pre = js_get(c->p.v, "preconditions");
    const char *node = js_str_or(q, "node", "");
    int r = node_explain(c->s->nodes, node, js_str_or(q, "request", ""), &answer, e);

    if (r < 0) {
        return r;
    }
    if (!js_bool_or(answer, "allowed", false)) {
        (void)err_tag(e, -EACCES, js_str_or(answer, "code", "policy_denied"), "node %s: %s", node,
                      js_str_or(answer, "why", "its policy does not allow this"));
        return err_hint(e, "%s", js_str_or(answer, "remedy", ""));
    }
    for (size_t i = 0; r == 0 && i < js_len(pre); i++) {
        const js *p = js_at(pre, i);

        if (is_node_read(p) && strstr(js_str_or(p, "read", ""), node)) {
            r = compare(c, p, answer, false, e);
        }
    }
    return r;
}

static int recheck(struct change *c, bool prepared, struct err *e) {
    int r;

    json_object_put(c->fresh);
    c->fresh = js_object();
    r = recheck_api(c, 0, prepared, e);
    for (size_t i = 0; r == 0; i++) {
        const js *q = plan_request(&c->p, "execute", i, NULL);

        if (!q) {
            break;
        }
        /* Only the first: a later one may count on what an earlier one does (stop, roll back). */
        if (js_get_str(q, "request") && i == 0) {
            r = recheck_node(c, q, e);
        }
    }
    return r;
}

int stage_recheck(struct change *c, struct err *e) {
    session_progress(c->s, 0, 0, "checking that nothing changed since the plan");
    return recheck(c, false, e);
}

/* A guest that is made and started is started by a task of its own, which no answer names and
 * which begins when the guest is made: what this step was computed on comes true some time later.
 */
static bool is_starting(const struct change *c, int64_t step) {
    const js *q;

    for (size_t i = 0; (q = plan_request(&c->p, "execute", i, NULL)); i++) {
        if (js_int_or(q, "step", 0) < step && js_bool_or(js_get(q, "form"), "start", false)) {
            return true;
        }
    }
    return false;
}

int change_recheck_step(struct change *c, int64_t step, struct err *e) {
    struct err local = {0};
    int r;

    e = e ? e : &local;
    session_progress(c->s, 0, 0, "step %lld: checking that nothing else changed meanwhile",
                     (long long)step);
    r = recheck_api(c, step, c->prepared, e);
    for (int i = 0; r < 0 && strcmp(e->tag, "plan_drifted") == 0 && is_starting(c, step) &&
                    i < START_TRIES && !session_cancelled(c->s);
         i++) {
        clock_sleep_ms(START_MS);
        *e = (struct err){0};
        r = recheck_api(c, step, c->prepared, e);
    }
    return r < 0 ? err_wrap(e, "before step %lld", (long long)step) : 0;
}

int stage_recheck_prepared(struct change *c, struct err *e) {
    return c->prepared ? recheck(c, true, e) : 0;
}
