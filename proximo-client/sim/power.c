/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop and what lies between. A guest that HA manages is only asked for: the task ends OK as
 * soon as the request is filed, and the manager acts then by tasks of its own. */
#include <string.h>
#include <sys/wait.h>

#include "common/own.h"
#include "proximo-client/sim/ha.h"

static bool of_task(struct sim_task *t, struct guest *g) {
    return guest_find(t->s, t->vmid, g);
}

static const char *gone(struct sim_task *t) {
    (void)snprintf(t->exit, sizeof(t->exit), "guest %u does not exist any more", t->vmid);
    return t->exit;
}

static void set_running(struct sim_task *t, const struct guest *g, bool on) {
    struct sim *s = t->s;

    state_set(&s->st, js_int(on), "guests", g->key, "running", NULL);
    if (on) {
        state_set(&s->st, js_int(sim_now(s)), "guests", g->key, "started", NULL);
        state_set(&s->st, js_int((int64_t)(1000 + sim_random(s) % 30000)), "guests", g->key, "pid",
                  NULL);
    }
    if (js_get(g->obj, "paused")) {
        state_del(&s->st, "guests", g->key, "paused", NULL);
    }
}

static const char *child_failed(struct sim_task *t, const char *what) {
    if (WIFEXITED(t->child_status) && WEXITSTATUS(t->child_status) == 0) {
        return NULL;
    }
    (void)snprintf(t->exit, sizeof(t->exit), "%s failed with status %d", what,
                   WIFEXITED(t->child_status) ? WEXITSTATUS(t->child_status) : -1);
    return t->exit;
}

static pid_t begin_start(struct sim_task *t) {
    static const char *const detached[] = {"-d", NULL};
    struct guest g;
    char why[256];

    if (!of_task(t, &g) || guest_volumes_bad(t->s, &g, why, sizeof(why)) ||
        guest_running(t->s, &g)) {
        return 0; /* finish says why */
    }
    return backing_spawn(&g, "lxc-start", detached);
}

static pid_t begin_stop(struct sim_task *t) {
    static const char *const hard[] = {"-k", NULL};
    static const char *const soft[] = {"-t", "10", NULL};
    struct guest g;

    if (!of_task(t, &g) || !guest_running(t->s, &g)) {
        return 0;
    }
    return backing_spawn(&g, "lxc-stop", strcmp(t->arg, "stop") == 0 ? hard : soft);
}

const char *finish_start(struct sim_task *t) {
    struct guest g;
    const char *bad;

    if (!of_task(t, &g)) {
        return gone(t);
    }
    bad = guest_volumes_bad(t->s, &g, t->exit, sizeof(t->exit));
    if (bad) {
        return bad;
    }
    if (backing_name(&g)) {
        if (child_failed(t, "lxc-start") || !guest_running(t->s, &g)) {
            return t->exit[0] ? t->exit : "container did not start";
        }
        task_log(t, "container '%s' started", backing_name(&g));
    } else if (guest_running(t->s, &g)) {
        (void)snprintf(t->exit, sizeof(t->exit), "%s %u already running", guest_label(&g), g.vmid);
        return t->exit;
    }
    guest_apply_pending(t->s, &g);
    set_running(t, &g, true);
    return NULL;
}

const char *finish_stop(struct sim_task *t) {
    struct guest g;

    if (!of_task(t, &g)) {
        return gone(t);
    }
    if (backing_name(&g)) {
        if (child_failed(t, "lxc-stop") && guest_running(t->s, &g)) {
            return t->exit;
        }
        task_log(t, "container '%s' stopped", backing_name(&g));
    }
    set_running(t, &g, false);
    guest_apply_pending(t->s, &g);
    return NULL;
}

static pid_t begin_reboot_start(struct sim_task *t) {
    static const char *const detached[] = {"-d", NULL};
    struct guest g;

    return of_task(t, &g) ? backing_spawn(&g, "lxc-start", detached) : 0;
}

static const char *finish_reboot(struct sim_task *t) {
    struct guest g;

    if (!of_task(t, &g)) {
        return gone(t);
    }
    if (backing_name(&g) && !guest_running(t->s, &g)) {
        return child_failed(t, "lxc-start") ? t->exit : "container did not start";
    }
    guest_apply_pending(t->s, &g);
    set_running(t, &g, true);
    return NULL;
}

static const char *finish_suspend(struct sim_task *t) {
    struct guest g;

    if (!of_task(t, &g)) {
        return gone(t);
    }
    state_set(&t->s->st, js_int(1), "guests", g.key, "paused", NULL);
    return NULL;
}

static const char *finish_resume(struct sim_task *t) {
    struct guest g;

    if (!of_task(t, &g)) {
        return gone(t);
    }
    state_del(&t->s->st, "guests", g.key, "paused", NULL);
    return NULL;
}

static const char *finish_ha(struct sim_task *t) {
    struct guest g;
    bool on = strcmp(t->arg, "start") == 0;

    if (!of_task(t, &g)) {
        return gone(t);
    }
    task_log(t, "Requesting HA %s for %s %u", on ? "start" : "stop", guest_label(&g), g.vmid);
    ha_request(t->s, &g, on ? "started" : "stopped");
    return NULL;
}

enum want { WANT_STOPPED, WANT_RUNNING, WANT_ANY };

/* One power operation: who may, in which state, which task. */
static int power(struct call *c, const char *verb, enum want want,
                 const char *(*finish)(struct sim_task *), pid_t (*begin)(struct sim_task *)) {
    struct guest g;
    struct sim_task *t;
    char type[32];
    const char *state = NULL;
    bool running, by_ha;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    by_ha =
        ha_managed(c->s, &g, &state) &&
        (strcmp(verb, "start") == 0 || strcmp(verb, "stop") == 0 || strcmp(verb, "shutdown") == 0);
    running = guest_running(c->s, &g);
    if (!by_ha && guest_unlocked(c, &g) < 0) {
        return -1;
    }
    if (want == WANT_STOPPED && guest_conf(&g, "template")) {
        return call_fail(c, 500, "you can't start a %s if it's a template", g.lxc ? "CT" : "vm");
    }
    if (!by_ha && want == WANT_STOPPED && running && g.lxc) {
        return call_fail(c, 500, "CT %u already running", g.vmid);
    }
    /* A VM's start is refused by the task, as the real one does. */
    if (!by_ha && want == WANT_RUNNING && !running) {
        return call_fail(c, 500, "%s %u not running", guest_label(&g), g.vmid);
    }
    t = task_new(c, by_ha ? finish_ha : finish);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = g.vmid;
    t->begin = !by_ha && backing_name(&g) ? begin : NULL;
    (void)snprintf(t->arg, sizeof(t->arg), "%s", verb);
    (void)snprintf(type, sizeof(type), "%s%s",
                   by_ha   ? "ha"
                   : g.lxc ? "vz"
                           : "qm",
                   by_ha && want == WANT_RUNNING ? "stop" : verb);
    return task_start(c, t, g.node, type, g.key);
}

int route_guest_start(struct call *c) {
    return power(c, "start", WANT_STOPPED, finish_start, begin_start);
}

int route_guest_stop(struct call *c) {
    return power(c, "stop", WANT_RUNNING, finish_stop, begin_stop);
}

int route_guest_shutdown(struct call *c) {
    return power(c, "shutdown", WANT_RUNNING, finish_stop, begin_stop);
}

/* A backed container is stopped, then started: two children, one after the other. */
static const char *finish_reboot_half(struct sim_task *t);

static pid_t begin_reboot(struct sim_task *t) {
    return begin_stop(t);
}

static const char *finish_reboot_half(struct sim_task *t) {
    struct guest g;
    int status = 0;
    pid_t pid;

    if (!of_task(t, &g) || !backing_name(&g)) {
        return finish_reboot(t);
    }
    pid = begin_reboot_start(t);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
    }
    t->child_status = status;
    return finish_reboot(t);
}

int route_guest_reboot(struct call *c) {
    return power(c, "reboot", WANT_RUNNING, finish_reboot_half, begin_reboot);
}

int route_guest_reset(struct call *c) {
    return power(c, "reset", WANT_RUNNING, finish_reboot, NULL);
}

int route_guest_suspend(struct call *c) {
    return power(c, "suspend", WANT_RUNNING, finish_suspend, NULL);
}

int route_guest_resume(struct call *c) {
    return power(c, "resume", WANT_RUNNING, finish_resume, NULL);
}
