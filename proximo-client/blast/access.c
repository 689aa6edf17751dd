/* SPDX-License-Identifier: Apache-2.0 */
/* A change of users, groups, roles, tokens, realms, pools or access lists: who gains, who loses,
 * who is locked out, whether an administrator is left, and whether we take something from
 * ourselves. Effective privileges are computed before and after, for everybody, on every path on
 * which either of the two says anything; what holds on a path's children is compared too. */
#include "proximo-client/blast/access.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/blast/blast_int.h"

static const char no_path[] = "everywhere";

/* ---- the world out of the picture ---- */

static bool take(const struct picture *p, js *world, const char *name, const char *path) {
    const js *v = picture_answer(p, path, NULL);

    if (v) {
        js_add(world, name, js_ref((js *)(uintptr_t)v));
    }
    return v != NULL;
}

static void take_pools(const struct picture *p, js *world) {
    const js *names = picture_answer(p, "/pools", NULL);
    js *pools = js_array();

    for (size_t i = 0; i < js_len(names); i++) {
        char path[256];
        js *one;

        (void)snprintf(path, sizeof(path), "/pools?poolid=%.200s",
                       js_str_or(js_at(names, i), "poolid", ""));
        one = js_at(picture_answer(p, path, NULL), 0);
        js_push(pools, js_ref(one ? one : js_at(names, i)));
    }
    js_add(world, "pools", pools);
}

js *access_world(const struct picture *p) {
    CLEANUP(js_freep) js *world = js_object();
    bool whole = take(p, world, "users", "/access/users?full=1");

    whole &= take(p, world, "roles", "/access/roles");
    whole &= take(p, world, "acl", "/access/acl");
    whole &= take(p, world, "groups", "/access/groups");
    (void)take(p, world, "domains", "/access/domains");
    take_pools(p, world);
    return whole ? TAKE(world) : NULL;
}

/* ---- before and after ---- */

/* One side: the model and every path taken apart once. */
struct side {
    struct access *a;
    struct access_path **path;
    size_t n;
};

static void side_done(struct side *s) {
    for (size_t i = 0; i < s->n; i++) {
        access_path_free(s->path[i]);
    }
    free(s->path);
    access_free(s->a);
}

static void side_open(struct side *s, const js *paths) {
    s->path = calloc((size_t)js_members(paths) + 1, sizeof(struct access_path *));
    if (!s->path) {
        abort();
    }
    JS_FOREACH(paths, path, on) {
        (void)on;
        s->path[s->n++] = access_path_new(s->a, path);
    }
}

/* Each path with a child of its own that nothing is said about ("*" is no name of anything): an
 * entry that does not propagate hides on its path what the children still get from above, so
 * neither can be told from the other. */
static void path_add(js *all, const char *path) {
    char child[260];

    js_add(all, path, js_bool(true));
    (void)snprintf(child, sizeof(child), "%.250s/*", path[1] ? path : "");
    js_add(all, child, js_bool(true));
}

static bool is_child(const char *path) {
    size_t n = strlen(path);

    return n >= 2 && strcmp(path + n - 2, "/*") == 0;
}

static void paths_add(js *all, js *more) {
    JS_FOREACH(more, path, on) {
        (void)on;
        path_add(all, path);
    }
    js_freep(&more);
}

static js *all_paths(const struct access *before, const struct access *after) {
    /* where PVE's own checks look when nothing is said anywhere nearer; "/" comes first */
    static const char *const top[] = {"/",        "/access", "/access/groups", "/access/realm",
                                      "/mapping", "/nodes",  "/pool",          "/sdn",
                                      "/storage", "/vms"};
    js *all = js_object();

    for (size_t i = 0; i < ARRAY_LEN(top); i++) {
        path_add(all, top[i]);
    }
    paths_add(all, access_paths(before));
    paths_add(all, access_paths(after));
    return all;
}

/* What somebody can really do: nothing when he cannot log in. */
static struct privs effective(const struct side *s, size_t who, size_t path, int64_t now) {
    if (who == SIZE_MAX || !access_is_usable(s->a, who, now)) {
        return (struct privs){0};
    }
    return access_privs(s->a, who, s->path[path]);
}

/* The difference for one principal, in one direction. */
struct change {
    const struct access *names; /* the side whose privileges are meant */
    struct privset what;
    const char *first, *last; /* of the paths; the last that is none's child */
    size_t paths;
};

static void change_add(struct change *c, const char *path, const struct privs *of,
                       const struct privs *without) {
    struct privset here = privset_minus(&of->have, &without->have);

    if (privset_is_empty(&here)) {
        return;
    }
    if (c->paths == 0) {
        c->first = path;
    }
    /* a path and its child are one */
    if (!is_child(path)) {
        c->last = path;
        c->paths++;
    } else if (!c->last || strncmp(c->last, path, strlen(path) - 2) != 0 ||
               strlen(c->last) > strlen(path) - 1) {
        c->paths++;
    }
    for (size_t i = 0; i < ARRAY_LEN(here.w); i++) {
        c->what.w[i] |= here.w[i];
    }
}

/* "VM.Audit, VM.Console and 3 more on /vms/104 and 2 more paths" */
static void change_say(const struct change *c, const char *verb, struct buf *ret) {
    struct privs p = {c->what, c->what};
    CLEANUP(js_freep) js *o = access_object(c->names, &p);
    int n = 0;
    int all = js_members(o);

    (void)buf_addf(ret, "%s ", verb);
    JS_FOREACH(o, priv, on) {
        (void)on;
        if (n < 4) {
            (void)buf_addf(ret, "%s%s", n ? ", " : "", priv);
        }
        n++;
    }
    if (all > 4) {
        (void)buf_addf(ret, " and %d more", all - 4);
    }
    if (is_child(c->first)) {
        (void)buf_addf(ret, " on what is below %.*s", (int)strlen(c->first) - (c->first[2] ? 2 : 1),
                       c->first);
    } else {
        (void)buf_addf(ret, " on %s", c->first);
    }
    if (c->paths > 1) {
        (void)buf_addf(ret, " and %zu more paths", c->paths - 1);
    }
}

/* Rights that lead to more rights. */
static bool is_strong(const struct change *c) {
    static const char *const strong[] = {"Permissions.Modify", "User.Modify",  "Realm.Allocate",
                                         "Realm.AllocateUser", "Sys.Modify",   "Sys.Console",
                                         "Group.Allocate",     "Sys.PowerMgmt"};

    for (size_t i = 0; i < ARRAY_LEN(strong); i++) {
        if (privset_has(c->names, &c->what, strong[i])) {
            return true;
        }
    }
    return false;
}

struct compare {
    struct side before, after;
    const js *paths;
    int64_t now;
    const char *own;
    const char *when; /* before each reason; "" = it is certain */
    struct tally tally;
    struct draft *d;
};

static void compare_done(struct compare *c) {
    side_done(&c->before);
    side_done(&c->after);
}

static void affect(struct compare *c, const char *name, const char *effect, enum risk risk,
                   const struct change *change, const char *verb) {
    CLEANUP(buf_done) struct buf why = BUF_INIT(2000);
    char resource[240];

    (void)buf_adds(&why, c->when);
    change_say(change, verb, &why);
    (void)snprintf(resource, sizeof(resource), "%s/%s", strchr(name, '!') ? "token" : "user", name);
    tally_affect(&c->tally, c->d,
                 &(struct affect){.resource = resource,
                                  .effect = effect,
                                  .severity = risk,
                                  .via = change->first ? change->first : no_path,
                                  .why = buf_str(&why)});
}

static void compare_one(struct compare *c, const char *name) {
    size_t old = access_find(c->before.a, name);
    size_t new = access_find(c->after.a, name);
    bool is_own = c->own && strcmp(c->own, name) == 0;
    struct change loses = {.names = c->after.a};
    struct change gains = {.names = c->after.a};
    bool keeps = false;
    size_t i = 0;

    JS_FOREACH(c->paths, path, on) {
        struct privs x = effective(&c->before, old, i, c->now);
        struct privs y = effective(&c->after, new, i, c->now);

        (void)on;
        keeps |= !privset_is_empty(&y.have);
        change_add(&loses, path, &x, &y);
        change_add(&gains, path, &y, &x);
        i++;
    }
    if (loses.paths > 0 && !keeps) {
        affect(c, name, "lockout", RISK_HIGH, &loses, "can do nothing any more: loses");
    } else if (loses.paths > 0) {
        affect(c, name, "loses-access", is_own ? RISK_HIGH : RISK_MEDIUM, &loses, "loses");
    }
    if (gains.paths > 0) {
        affect(c, name, "gains-access", is_strong(&gains) ? RISK_HIGH : RISK_MEDIUM, &gains,
               "gains");
    }
    if (is_own && loses.paths > 0) {
        draft_risk(c->d, RISK_HIGH,
                   "%sit takes privileges from %s, which this client itself uses: "
                   "it may be unable to undo the change",
                   c->when, name);
    }
}

/* ---- administrators ---- */

static size_t administrators(const struct side *s, int64_t now) {
    size_t n = 0;

    for (size_t who = 0; who < access_principals(s->a); who++) {
        struct privs p;

        if (access_is_token(s->a, who) || strcmp(access_name(s->a, who), "root@pam") == 0) {
            continue;
        }
        p = effective(s, who, 1, now); /* the second path: what is below "/" */
        n += privset_has(s->a, &p.have, "Permissions.Modify");
    }
    return n;
}

static void check_administrators(struct compare *c) {
    size_t root = access_find(c->after.a, "root@pam");
    bool has_root = root != SIZE_MAX && access_is_usable(c->after.a, root, c->now);
    size_t before = administrators(&c->before, c->now);
    size_t after = administrators(&c->after, c->now);

    if (after == 0 && !has_root) {
        draft_risk(c->d, RISK_HIGH, "nobody is left who can change privileges");
    } else if (after == 0 && before > 0) {
        draft_risk(c->d, RISK_HIGH,
                   "it takes the last administrator: only root@pam can change privileges then");
    }
}

/* All requests, one after the other; NULL when one is of no kind that is understood. */
static js *after_all(const js *world, const struct blast_request *req, size_t n) {
    js *then = js_copy(world);

    for (size_t i = 0; i < n && then; i++) {
        js *next = access_after(then, req[i].method, req[i].path, req[i].form);

        js_freep(&then);
        then = next;
    }
    return then;
}

static void compare_all(struct compare *c) {
    side_open(&c->before, c->paths);
    side_open(&c->after, c->paths);
    for (size_t who = 0; who < access_principals(c->before.a); who++) {
        compare_one(c, access_name(c->before.a, who));
    }
    for (size_t who = 0; who < access_principals(c->after.a); who++) {
        if (access_find(c->before.a, access_name(c->after.a, who)) == SIZE_MAX) {
            compare_one(c, access_name(c->after.a, who));
        }
    }
    tally_risk(&c->tally, c->d);
}

void access_compare(const js *world, const js *then, const char *when, const char *own, int64_t now,
                    struct draft *d) {
    /* both number privileges alike, also those of a role that only one of them has */
    CLEANUP(access_freep) struct access *names = access_new(world, NULL);
    CLEANUP(js_freep) js *paths = NULL;
    CLEANUP(compare_done) struct compare c = {.now = now, .own = own, .when = when, .d = d};

    c.after.a = access_new(then, names);
    c.before.a = access_new(world, c.after.a);
    paths = all_paths(c.before.a, c.after.a);
    c.paths = paths;
    compare_all(&c);
    if (!when[0]) {
        check_administrators(&c);
    }
}

int blast_access_all(const struct picture *p, const struct blast_request *req, size_t n,
                     const char *own, int64_t now, struct draft *d) {
    CLEANUP(js_freep) js *world = access_world(p);
    CLEANUP(js_freep) js *then = world ? after_all(world, req, n) : NULL;

    blast_unread(p, BLAST_ACCESS_NEEDS, 0, d);
    if (!world) {
        return 0; /* told: which of the lists was not read */
    }
    if (!then) {
        draft_unread(d, "what the request does to privileges",
                     "its kind, or what it names, is not known", NULL);
        return 0;
    }
    access_compare(world, then, "", own, now, d);
    return 0;
}

int blast_access(const struct picture *p, const char *method, const char *path, const js *form,
                 const char *own, int64_t now, struct draft *d) {
    return blast_access_all(p, &(struct blast_request){method, path, form}, 1, own, now, d);
}
