/* SPDX-License-Identifier: Apache-2.0 */
/* Work that outlives its request. A task's changes and its end are one transaction of the journal:
 * a killed simulator has either done the work and says so, or has not and says "unexpected
 * status", as a real worker that vanished. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/ha.h"

#define TASKS_KEPT 2000 /* ended tasks in the state; older ones are forgotten */

struct sim_task *task_new(struct call *c, const char *(*finish)(struct sim_task *t)) {
    struct sim_task *t = calloc(1, sizeof(*t));

    if (t) {
        t->s = c->s;
        t->finish = finish;
    }
    return t;
}

static void task_free(struct sim_task *t) {
    if (t->timer) {
        event_free(t->timer);
    }
    js_freep(&t->args);
    free(t);
}

void task_log(struct sim_task *t, const char *fmt, ...) {
    js *old = state_get(&t->s->st, "tasks", t->upid, "log", NULL);
    js *log = old ? js_copy(old) : js_array();
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    js_push(log, js_str(line));
    state_set(&t->s->st, log, "tasks", t->upid, "log", NULL);
}

static void drop_old(struct sim *s) {
    js *all = state_get(&s->st, "tasks", NULL);
    int over = all ? js_members(all) - TASKS_KEPT : 0;
    js *names = js_array();

    if (over > 0) {
        JS_FOREACH(all, upid, t) {
            if (over > 0 && js_get(t, "endtime")) {
                js_push(names, js_str(upid));
                over--;
            }
        }
    }
    for (size_t i = 0; i < js_len(names); i++) {
        state_del(&s->st, "tasks", json_object_get_string(js_at(names, i)), NULL);
    }
    js_freep(&names);
}

static void ended(struct sim_task *t, const char *error) {
    const char *well = t->warns ? "WARNINGS: 1" : "OK";
    struct sim *s = t->s;
    struct err e = {0};

    if (error) {
        task_log(t, "TASK ERROR: %s", error);
    } else {
        task_log(t, "TASK %s", well);
    }
    sim_tick(s);
    state_set(&s->st, js_str(error ? error : well), "tasks", t->upid, "exitstatus", NULL);
    state_set(&s->st, js_int(sim_now(s)), "tasks", t->upid, "endtime", NULL);
    drop_old(s);
    if (t->by_ha) {
        ha_ended(s, t, error);
    }
    if (state_commit(&s->st, &e) < 0) {
        (void)fprintf(stderr, "pvesim: task %s: %s\n", t->upid, e.msg);
    }
    for (struct sim_task **at = &s->tasks; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            break;
        }
    }
    task_free(t);
    ha_round(s);
}

static void on_time(evutil_socket_t fd, short what, void *arg) {
    struct sim_task *t = arg;
    const char *error;

    (void)fd;
    (void)what;
    if (t->pid > 0) {
        return; /* its child's end will come here again */
    }
    if (t->begin) {
        pid_t (*begin)(struct sim_task *) = t->begin;

        t->begin = NULL;
        t->pid = begin(t);
        if (t->pid > 0) {
            return;
        }
    }
    error = t->finish(t);
    if (error) {
        CLEANUP(js_freep) js *log = js_ref(state_get(&t->s->st, "tasks", t->upid, "log", NULL));
        char copy[256];

        (void)snprintf(copy, sizeof(copy), "%s", error);
        state_rollback(&t->s->st); /* a failed task changes nothing but its own record */
        if (log) {
            state_set(&t->s->st, js_ref(log), "tasks", t->upid, "log", NULL);
        }
        if (t->cleanup) {
            t->cleanup(t);
        }
        ended(t, copy);
        return;
    }
    ended(t, NULL);
}

static void run_after(struct sim_task *t, int64_t ms) {
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    if (!t->timer) {
        t->timer = event_new(t->s->base, -1, 0, on_time, t);
    }
    if (!t->timer || event_add(t->timer, &tv) < 0) {
        (void)fprintf(stderr, "pvesim: no timer for task %s\n", t->upid);
    }
}

void tasks_child(struct sim *s) {
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (struct sim_task *t = s->tasks; t; t = t->next) {
            if (t->pid == pid) {
                t->pid = 0;
                t->child_status = status;
                run_after(t, 0);
                break;
            }
        }
    }
}

static const char *injected_failure(struct sim_task *t) {
    return t->exit;
}

/* A backup server writes the id of a task as a unit's name is escaped. */
static void escape(const char *id, char *ret, size_t size) {
    size_t at = 0;

    for (ret[0] = '\0'; *id && at + 5 < size; id++) {
        bool plain = (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') ||
                     (*id >= '0' && *id <= '9') || *id == '_' || *id == '.';

        at += (size_t)snprintf(ret + at, size - at,
                               plain        ? "%c"
                               : *id == '/' ? "-"
                                            : "\\x%02x",
                               (unsigned char)*id);
    }
}

/* When a worker began, in hundredths: of two the later one has the larger number, as on a node. */
static uint32_t ticks(struct sim *s, int64_t now) {
    uint32_t at = (uint32_t)((now - s->started + 600) * 100 + (int64_t)(sim_random(s) % 50));

    s->last_ticks = at > s->last_ticks ? at : s->last_ticks + 1;
    return s->last_ticks;
}

int task_start(struct call *c, struct sim_task *t, const char *node, const char *type,
               const char *id) {
    struct sim *s = c->s;
    js *entry = js_object();
    int64_t now = sim_now(s);
    uint32_t pid = (uint32_t)(1000 + sim_random(s) % 30000);
    uint32_t pstart = ticks(s, now);
    struct fault f = fault_take(s, c->method, c->path, true);
    char shown[200];

    (void)snprintf(t->node, sizeof(t->node), "%s", node);
    do {
        if (s->o.pbs) {
            escape(id, shown, sizeof(shown));
            (void)snprintf(t->upid, sizeof(t->upid), "UPID:%s:%08X:%08X:%08X:%08X:%s:%s:%s:", node,
                           pid++, pstart, (uint32_t)(sim_random(s) % 4096), (unsigned int)now, type,
                           shown, c->auth);
        } else {
            (void)snprintf(t->upid, sizeof(t->upid), "UPID:%s:%08X:%08X:%08X:%s:%s:%s:", node,
                           pid++, pstart, (unsigned int)now, type, id, c->auth);
        }
    } while (state_get(&s->st, "tasks", t->upid, NULL));
    js_add(entry, "node", js_str(node));
    js_add(entry, "type", js_str(type));
    js_add(entry, "id", js_str(id));
    js_add(entry, "user", js_str(c->user));
    if (c->token[0]) {
        js_add(entry, "tokenid", js_str(c->token));
    }
    js_add(entry, "pid", js_int(pid - 1));
    js_add(entry, "pstart", js_int(pstart));
    js_add(entry, "starttime", js_int(now));
    state_set(&s->st, entry, "tasks", t->upid, NULL);
    sim_tick(s);
    if (f.kind == F_TASK_FAIL) {
        (void)snprintf(t->exit, sizeof(t->exit), "%s", f.text);
        t->finish = injected_failure;
        t->begin = NULL;
    }
    t->hang = f.kind == F_TASK_HANG;
    t->warns = f.kind == F_TASK_WARN;
    t->next = s->tasks;
    s->tasks = t;
    if (!t->hang) {
        run_after(t, s->o.task_ms);
    }
    c->data = js_str(t->upid);
    return 0;
}

void tasks_orphans(struct sim *s) {
    js *all = state_get(&s->st, "tasks", NULL);
    js *names = js_array();

    if (all) {
        JS_FOREACH(all, upid, t) {
            if (!js_get(t, "endtime")) {
                js_push(names, js_str(upid));
            }
        }
    }
    for (size_t i = 0; i < js_len(names); i++) {
        const char *upid = json_object_get_string(js_at(names, i));

        state_set(&s->st, js_str("unexpected status"), "tasks", upid, "exitstatus", NULL);
        state_set(&s->st, js_int(sim_now(s)), "tasks", upid, "endtime", NULL);
    }
    js_freep(&names);
}

void tasks_stop(struct sim *s) {
    while (s->tasks) {
        struct sim_task *t = s->tasks;

        s->tasks = t->next;
        task_free(t);
    }
}

/* ---- reading ---- */

js *task_entry(struct sim *s, const char *upid, bool cluster) {
    js *t = state_get(&s->st, "tasks", upid, NULL);
    static const char *const copy[] = {"id", "node", "starttime", "type", "user", "tokenid"};
    js *o;

    if (!t) {
        return NULL;
    }
    o = js_object();
    js_add(o, "upid", js_str(upid));
    for (size_t i = 0; i < ARRAY_LEN(copy); i++) {
        if (js_get(t, copy[i])) {
            js_add(o, copy[i], js_ref(js_get(t, copy[i])));
        }
    }
    if (cluster) {
        if (js_get(t, "endtime")) {
            js_add(o, "saved", js_str("1"));
        }
    } else {
        js_add(o, "pid", js_ref(js_get(t, "pid")));
        js_add(o, "pstart", js_ref(js_get(t, "pstart")));
    }
    if (js_get(t, "endtime")) {
        js_add(o, "endtime", js_ref(js_get(t, "endtime")));
        js_add(o, "status", js_ref(js_get(t, "exitstatus")));
    }
    return o;
}

/* Own tasks, or all of them with Sys.Audit on the node. */
static bool may_see(struct call *c, const js *t) {
    char path[80];

    if (strcmp(js_str_or(t, "user", ""), c->user) == 0) {
        return true;
    }
    if (c->s->o.pbs) {
        return call_has(c, "/system/tasks", "Sys.Audit");
    }
    (void)snprintf(path, sizeof(path), "/nodes/%s", js_str_or(t, "node", ""));
    return call_has(c, path, "Sys.Audit");
}

int route_cluster_tasks(struct call *c) {
    js *all = state_get(&c->s->st, "tasks", NULL);
    js *list = js_array(), *seen = js_array();
    CLEANUP(js_freep) js *count = js_object();

    if (all) {
        JS_FOREACH(all, upid, t) {
            if (may_see(c, t)) {
                js_push(seen, js_str(upid));
            }
        }
    }
    for (size_t i = js_len(seen); i-- > 0;) { /* newest first, the last 25 of each node */
        const char *upid = json_object_get_string(js_at(seen, i));
        const char *node = js_str_or(js_get(all, upid), "node", "");
        int64_t have = js_int_or(count, node, 0);

        if (have < 25) {
            js_add(count, node, js_int(have + 1));
            js_push(list, task_entry(c->s, upid, true));
        }
    }
    js_freep(&seen);
    c->data = list;
    return 0;
}

static bool task_wanted(struct call *c, const js *t) {
    const char *type = call_str(c, "typefilter"), *vmid = call_str(c, "vmid");
    const char *user = call_str(c, "userfilter");
    bool running = call_bool(c, "running", false); /* of a backup server, which lists both */
    const char *source = call_str(c, "source") ? call_str(c, "source")
                         : running             ? "active"
                         : c->s->o.pbs         ? "all"
                                               : "archive";
    const char *exit = js_str_or(t, "exitstatus", "");
    bool done = js_get(t, "endtime") != NULL;
    int64_t start = js_int_or(t, "starttime", 0);

    if ((done && strcmp(source, "active") == 0) || (!done && strcmp(source, "archive") == 0)) {
        return false;
    }
    if (type && strcmp(type, js_str_or(t, "type", "")) != 0) {
        return false;
    }
    if (vmid && strcmp(vmid, js_str_or(t, "id", "")) != 0) {
        return false;
    }
    if (user && !strstr(js_str_or(t, "user", ""), user)) {
        return false;
    }
    if (call_bool(c, "errors", false) && (!done || strcmp(exit, "OK") == 0)) {
        return false;
    }
    return start >= call_int(c, "since", 0) && start <= call_int(c, "until", INT64_MAX);
}

int route_node_tasks(struct call *c) {
    js *all = state_get(&c->s->st, "tasks", NULL);
    const char *node = call_str(c, "node");
    int64_t limit = call_int(c, "limit", 50), start = call_int(c, "start", 0);
    js *list = js_array(), *seen = js_array();
    int64_t total;

    if (all) {
        JS_FOREACH(all, upid, t) {
            if ((c->s->o.pbs || strcmp(js_str_or(t, "node", ""), node) == 0) && may_see(c, t) &&
                task_wanted(c, t)) {
                js_push(seen, js_str(upid));
            }
        }
    }
    total = (int64_t)js_len(seen);
    for (int64_t i = total - start; i-- > 0 && (int64_t)js_len(list) < limit;) {
        js *o = task_entry(c->s, json_object_get_string(js_at(seen, (size_t)i)), false);

        if (c->s->o.pbs) { /* the same under other names */
            js_add(o, "worker_type", js_ref(js_get(o, "type")));
            js_add(o, "worker_id", js_ref(js_get(o, "id")));
            json_object_object_del(o, "type");
            json_object_object_del(o, "id");
        }
        js_push(list, o);
    }
    js_freep(&seen);
    c->data = list;
    c->extra = js_object();
    js_add(c->extra, "total", js_int(total));
    return 0;
}

static js *task_of_call(struct call *c) {
    const char *upid = call_str(c, "upid");
    js *t = state_get(&c->s->st, "tasks", upid, NULL);
    char node[64];

    if (!t || ident_upid_node(upid, node, sizeof(node)) < 0 ||
        (strcmp(node, call_str(c, "node")) != 0 &&
         !(c->s->o.pbs && strcmp(call_str(c, "node"), "localhost") == 0))) {
        (void)call_fail(c, c->s->o.pbs ? 400 : 500, "no such task");
        return NULL;
    }
    if (!may_see(c, t)) {
        (void)call_fail(c, 403, "Permission check failed (/nodes/%s, Sys.Audit)", node);
        return NULL;
    }
    return t;
}

int route_task_index(struct call *c) {
    static const char *const names[] = {"log", "status"};

    c->data = js_array();
    for (size_t i = 0; i < 2; i++) {
        js *o = js_object();

        js_add(o, "name", js_str(names[i]));
        js_push(c->data, o);
    }
    return 0;
}

int route_task_status(struct call *c) {
    js *t = task_of_call(c);
    js *o;

    if (!t) {
        return -1;
    }
    o = task_entry(c->s, call_str(c, "upid"), false);
    json_object_object_del(o, "endtime");
    js_add(o, "status", js_str(js_get(t, "endtime") ? "stopped" : "running"));
    if (js_get(t, "endtime")) {
        js_add(o, "exitstatus", js_ref(js_get(t, "exitstatus")));
    }
    c->data = o;
    return 0;
}

int route_task_log(struct call *c) {
    js *t = task_of_call(c);
    js *log = t ? js_get(t, "log") : NULL;
    int64_t start = call_int(c, "start", 0), limit = call_int(c, "limit", 50);

    if (!t) {
        return -1;
    }
    start -= c->s->o.pbs && start > 0; /* a backup server counts lines from 1 */
    c->data = js_array();
    for (int64_t i = start < 0 ? 0 : start;
         i < (int64_t)js_len(log) && (limit == 0 || i < start + limit); i++) {
        js *o = js_object();

        js_add(o, "n", js_int(i + 1));
        js_add(o, "t", js_ref(js_at(log, (size_t)i)));
        js_push(c->data, o);
    }
    if (!js_len(log)) {
        js *o = js_object();

        js_add(o, "n", js_int(1));
        js_add(o, "t", js_str("no content"));
        js_push(c->data, o);
    }
    c->extra = js_object();
    js_add(c->extra, "total", js_int(js_len(log) ? (int64_t)js_len(log) : 1));
    return 0;
}

int route_task_stop(struct call *c) {
    js *t = task_of_call(c);
    const char *upid = call_str(c, "upid");

    if (!t) {
        return -1;
    }
    for (struct sim_task *at = c->s->tasks; at; at = at->next) {
        if (strcmp(at->upid, upid) == 0) {
            if (at->pid > 0) {
                (void)kill(at->pid, SIGTERM);
            }
            (void)snprintf(at->exit, sizeof(at->exit), "received interrupt");
            at->finish = injected_failure;
            at->begin = NULL;
            run_after(at, 0);
            break;
        }
    }
    return 0; /* stopping an ended task is no error */
}
