/* SPDX-License-Identifier: Apache-2.0 */
/* An answer is believed only if it is a task of the kind, node and guest that were asked for, and
 * one that was not there before. Clocks of nodes differ from ours: a task's time is compared with
 * that of the tasks before it, which come from the same clock; and where that went back, with the
 * place that the list has for it. */
#include "proximo-client/pipeline/begun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/pve/worker.h"

#define SEEN       50 /* tasks: more do not begin between two requests */
#define FIND_TRIES 20
#define FIND_MS    250
#define CLOCK_S    600 /* that a node's clock may be behind ours, where nothing else tells */

static js *newest(struct change *c, const char *path) {
    char at[160] = "/cluster/tasks";
    js *list = NULL;

    if (c->s->pbs) {
        (void)snprintf(at, sizeof(at), "/nodes/localhost/tasks?limit=%d", SEEN);
    } else if (strncmp(path, "/nodes/", 7) == 0) {
        (void)snprintf(at, sizeof(at), "/nodes/%.*s/tasks?source=all&limit=%d",
                       (int)strcspn(path + 7, "/"), path + 7, SEEN);
    }
    return pve_get(c->s->pve, at, &list, NULL) == 0 && js_is_array(list) ? list
                                                                         : (js_freep(&list), NULL);
}

js *begun_before(struct change *c, const struct worker *w, const char *path) {
    return w ? newest(c, path) : NULL;
}

static bool has(const js *list, const char *upid) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "upid", ""), upid) == 0) {
            return true;
        }
    }
    return false;
}

/* The newest start of those of the same node; 0: there is none. */
static int64_t last_start(const js *list, const char *upid) {
    size_t node = strcspn(upid + 5, ":") + 6;
    int64_t last = 0;

    for (size_t i = 0; i < js_len(list); i++) {
        const char *known = js_str_or(js_at(list, i), "upid", "");
        int64_t at = upid_start(known);

        last = strncmp(known, upid, node) == 0 && at > last ? at : last;
    }
    return last;
}

static int is_new(struct change *c, const char *path, const js *before, const char *upid,
                  struct err *e) {
    int64_t start = upid_start(upid);
    int64_t bound = before ? last_start(before, upid) : clock_unix() - CLOCK_S;
    CLEANUP(js_freep) js *now = NULL;

    if (has(c->tasks, upid)) {
        return err_tag(e, -EBADMSG, "pve_unknown",
                       "the answer is the task of an earlier request of this operation: %s", upid);
    }
    if (has(before, upid)) {
        return err_tag(e, -EBADMSG, "pve_unknown",
                       "the answer is a task that was there before the request: %s", upid);
    }
    if (start < bound) {
        now = before ? newest(c, path) : NULL;
        if (!has(now, upid)) {
            return err_tag(e, -EBADMSG, "pve_unknown",
                           "the answer is a task that began before the request: %s", upid);
        }
    }
    return 0;
}

static int not_told(const js *q, struct err *e) {
    struct err cause = *e;

    (void)err_tag(e, -EBADMSG, "pve_unknown",
                  "%.8s %.120s: sent, and the outcome is unknown: %.300s",
                  js_str_or(q, "method", ""), js_str_or(q, "path", ""), cause.msg);
    return err_hint(e, "look at the object and at the task list before doing it again");
}

/* Of a server that tells no task the one that is new and can be it. */
static js *find(struct change *c, const struct worker *w, const js *q, const js *before) {
    const char *path = js_str_or(q, "path", "");

    for (int i = 0; before && i < FIND_TRIES; i++) {
        CLEANUP(js_freep) js *now = newest(c, path);

        for (size_t k = 0; k < js_len(now); k++) {
            const char *upid = js_str_or(js_at(now, k), "upid", "");

            if (ident_is_upid(upid) && !has(before, upid) && !has(c->tasks, upid) &&
                worker_fits(w, path, js_get(q, "form"), upid, NULL) == 0) {
                return js_str(upid);
            }
        }
        clock_sleep_ms(FIND_MS);
    }
    return NULL;
}

int begun_task(struct change *c, const struct worker *w, const js *q, const js *before,
               js **ret_answer, const char **ret, struct err *e) {
    const char *path = js_str_or(q, "path", "");
    bool waited = w && w->null_with && js_get(js_get(q, "form"), w->null_with);
    struct err local = {0};
    const js *answer;
    const char *upid;
    int r;

    if (w && !*ret_answer && w->null_with && !*w->null_with) {
        *ret_answer = find(c, w, q, before);
    }
    answer = *ret_answer;
    upid = js_is_str(answer) ? json_object_get_string(*ret_answer) : NULL;
    e = e ? e : &local;
    *ret = NULL;
    if (!w) {
        *ret = upid && ident_is_upid(upid) ? upid : NULL;
        return 0;
    }
    if (!answer && waited) {
        return 0;
    }
    if (!upid || !ident_is_upid(upid)) {
        (void)err_set(e, -EBADMSG, "%s is no task, and a task is what carries it out",
                      !answer ? "the answer is null, which" : "the answer");
        return not_told(q, e);
    }
    r = worker_fits(w, path, js_get(q, "form"), upid, e);
    r = r < 0 ? r : is_new(c, path, before, upid, e);
    if (r < 0) {
        return not_told(q, e);
    }
    *ret = upid;
    return 0;
}
