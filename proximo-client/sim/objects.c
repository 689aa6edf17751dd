/* SPDX-License-Identifier: Apache-2.0 */
/* HA rules and replication jobs as things that are made, changed and deleted. */
#include <string.h>

#include "common/digest.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"

int call_digest(struct call *c, int status, const char *digest) {
    const char *given = call_str(c, "digest");

    return !given || strcmp(given, digest) == 0
               ? 0
               : call_fail(c, status,
                           "detected modified configuration - file changed by other user? Try "
                           "again.");
}

static int same_digest(struct call *c, int (*write)(struct sim *s, struct buf *ret)) {
    char digest[41];

    cfg_digest(write, c->s, digest);
    return call_digest(c, 500, digest);
}

void drop_keys(js *o, const char *list) {
    while (list && *list) {
        size_t n = strcspn(list, ",; ");
        char key[64];

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, list);
        json_object_object_del(o, key);
        list += n + (list[n] != '\0');
    }
}

void call_over(const struct call *c, js *o, const char *steers, const char *numbers) {
    drop_keys(o, call_str(c, "delete"));
    JS_FOREACH(c->params, key, val) {
        if (strcmp(key, "delete") != 0 && strcmp(key, "digest") != 0 && !list_has(steers, key)) {
            js_add(o, key, list_has(numbers, key) ? js_int(call_int(c, key, 0)) : js_copy(val));
        }
    }
}

void keep_secret(struct call *c, const char *in, const char *id, const char *key, const js *v) {
    const char *text = json_object_get_string((js *)(uintptr_t)v);
    char hex[65];
    struct hash h;

    sha256(text, strlen(text), &h);
    hex_encode(h.b, sizeof(h.b), hex);
    state_set(&c->s->st, js_str(hex), "secrets", in, id, key, NULL);
}

/* The parameters over the object as it was, without what only steers. */
static js *merged(const struct call *c, const js *was, const char *id) {
    js *o = was ? js_copy(was) : js_object();
    char steers[80];

    (void)snprintf(steers, sizeof(steers), "force keep node %s", id);
    call_over(c, o, steers, "strict disable rate");
    return o;
}

/* ---- HA rules ---- */

static const char *unmanaged(struct call *c, char ret[static 40]) {
    const char *list = call_str(c, "resources");

    while (list && *list) {
        size_t n = strcspn(list, ",; ");

        (void)snprintf(ret, 40, "%.*s", (int)(n > 39 ? 39 : n), list);
        if (n && !state_get(&c->s->st, "ha", "resources", ret, NULL)) {
            return ret;
        }
        list += n + (list[n] != '\0');
    }
    return NULL;
}

/* Only what PVE checks of one rule by itself; rules against rules are not checked here. */
static bool is_ineffective(const struct call *c, const js *was) {
    const char *affinity = call_str(c, "affinity");
    const char *list = call_str(c, "resources");

    affinity = affinity ? affinity : js_get_str(was, "affinity");
    list = list ? list : js_str_or(was, "resources", "");
    return affinity && !call_bool(c, "disable", false) && !strpbrk(list, ",; ");
}

static int put_rule(struct call *c, const js *was, const char *what) {
    char sid[40];

    if (is_ineffective(c, was)) {
        return call_param_error(c, "resources",
                                "rule is ineffective as there are less than two resources");
    }
    if (unmanaged(c, sid)) {
        return call_fail(c, 500, "%s ha rule failed: cannot use unmanaged resource(s) %s.", what,
                         sid);
    }
    state_set(&c->s->st, merged(c, was, "rule"), "ha", "rules", call_str(c, "rule"), NULL);
    ha_changed(c->s);
    sim_tick(c->s);
    return 0;
}

int route_ha_rule_create(struct call *c) {
    if (state_get(&c->s->st, "ha", "rules", call_str(c, "rule"), NULL)) {
        return call_fail(c, 500, "create ha rule failed: HA rule '%s' already defined",
                         call_str(c, "rule"));
    }
    return put_rule(c, NULL, "create");
}

int route_ha_rule_update(struct call *c) {
    const js *was = state_get(&c->s->st, "ha", "rules", call_str(c, "rule"), NULL);

    if (!was) {
        return call_fail(c, 500, "HA rule '%s' does not exist", call_str(c, "rule"));
    }
    return same_digest(c, cfg_ha_rules) < 0 ? -1 : put_rule(c, was, "update");
}

int route_ha_rule_delete(struct call *c) {
    state_del(&c->s->st, "ha", "rules", call_str(c, "rule"), NULL); /* PVE does not mind either */
    sim_tick(c->s);
    ha_changed(c->s);
    return 0;
}

/* ---- replication ---- */

/* The job of the path, after the privilege on its guest: "104-0". */
static int job_of_call(struct call *c, bool must, js **ret) {
    const char *id = call_str(c, "id");
    char vmid[16], path[40];
    struct guest g;
    uint32_t n;

    *ret = NULL;
    (void)snprintf(vmid, sizeof(vmid), "%.*s", (int)strcspn(id, "-"), id);
    if (ident_vmid(vmid, &n) < 0 || !strchr(id, '-')) {
        return call_param_error(c, "id", "invalid format - invalid replication job id '%.60s'\n",
                                id);
    }
    (void)snprintf(path, sizeof(path), "/vms/%s", vmid);
    if (!call_may(c, path, c->method == M_GET ? "VM.Audit" : "VM.Replicate")) {
        return -1;
    }
    *ret = state_get(&c->s->st, "replication", id, NULL);
    if (must && !*ret) {
        return call_fail(c, 500, "no such replication job '%s'", id);
    }
    return must || guest_find(c->s, n, &g) ? 0
                                           : call_fail(c, 500, "guest '%s' does not exist", vmid);
}

int route_replication_job(struct call *c) {
    char digest[41];
    js *job;

    if (job_of_call(c, true, &job) < 0) {
        return -1;
    }
    cfg_digest(cfg_replication, c->s, digest);
    c->data = js_copy(job);
    js_add(c->data, "id", js_str(call_str(c, "id")));
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

/* A target that is there, is not where the guest is, and has no job of the guest yet. */
static int check_target(struct call *c) {
    const char *target = call_str(c, "target");
    struct guest g = {0};
    char vmid[16];
    uint32_t n = 0;

    (void)snprintf(vmid, sizeof(vmid), "%.*s", (int)strcspn(call_str(c, "id"), "-"),
                   call_str(c, "id"));
    if (!state_get(&c->s->st, "nodes", target, NULL)) {
        return call_fail(c, 500, "Target '%s' does not exist.", target);
    }
    if (ident_vmid(vmid, &n) == 0 && guest_find(c->s, n, &g) && strcmp(g.node, target) == 0) {
        return call_fail(c, 500, "Source and target must not be identical");
    }
    JS_FOREACH(state_get(&c->s->st, "replication", NULL), id, job) {
        if (strncmp(id, vmid, strlen(vmid)) == 0 && id[strlen(vmid)] == '-' &&
            strcmp(js_str_or(job, "target", ""), target) == 0) {
            return call_fail(c, 500,
                             "replication job for guest '%s' to target 'local/%s' already exists",
                             vmid, target);
        }
    }
    return 0;
}

int route_replication_create(struct call *c) {
    js *job;

    if (job_of_call(c, false, &job) < 0) {
        return -1;
    }
    if (job) {
        return call_fail(c, 500, "replication job '%s' already exists", call_str(c, "id"));
    }
    if (check_target(c) < 0) {
        return -1;
    }
    state_set(&c->s->st, merged(c, NULL, "id"), "replication", call_str(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}

int route_replication_update(struct call *c) {
    js *job;

    if (job_of_call(c, true, &job) < 0 || same_digest(c, cfg_replication) < 0) {
        return -1;
    }
    state_set(&c->s->st, merged(c, job, "id"), "replication", call_str(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}

int route_replication_delete(struct call *c) {
    js *job;

    if (job_of_call(c, true, &job) < 0) {
        return -1;
    }
    state_del(&c->s->st, "replication", call_str(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}
