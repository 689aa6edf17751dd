/* SPDX-License-Identifier: Apache-2.0 */
/* Things that the API keeps as named sections of one file each: mapped devices, metric servers,
 * notification targets and matchers, ACME plugins, realm sync jobs. One set of handlers; what
 * differs between them (error texts, the digest, secrets that are never shown) is data. */
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

struct section_kind {
    const char *path;    /* of the collection */
    const char *at, *in; /* where in the state: at/in/id */
    const char *id;      /* the parameter that names one */
    const char *shown;   /* what a list calls it; "=" before: one by itself is named, too */
    const char *type;    /* a constant member "type", NULL: it is given */
    const char *ints;    /* members that are numbers in answers */
    const char *arrays;  /* members that are lists */
    const char *secret;  /* parameters that are kept apart and never shown */
    const char *brief;   /* members that the list shows; NULL: all */
    int status;          /* of "is not there" and "is there already" */
    const char *absent_get, *absent_put, *exists;            /* '@' stands for the name */
    enum { DIGEST_NONE, DIGEST_SHA1, DIGEST_SHA256 } digest; /* in the answer about one */
    bool whole_file; /* the digest is over `at`, not at/in alone */
};

#define NOTIFY_MAIL_LISTS "mailto mailto-user"
#define NOTIFY_KIND(name, sub, lists, hidden)                                                      \
    {                                                                                              \
        .path = "/cluster/notifications/" sub, .at = "notifications", .in = (name), .id = "name",  \
        .shown = "=name", .ints = "disable port invert-match", .arrays = (lists),                  \
        .secret = (hidden), .status = 404, .absent_get = "no such " name ": @",                    \
        .absent_put = "no such " name ": @",                                                       \
        .exists = "Cannot create '@', an entity with the same name already exists",                \
        .digest = DIGEST_SHA256, .whole_file = true,                                               \
    }
#define MAPPING_KIND(name)                                                                         \
    {                                                                                              \
        .path = "/cluster/mapping/" name, .at = "mapping", .in = (name), .id = "id",               \
        .shown = "id", .type = (name), .ints = "mdev live-migration-capable", .arrays = "map",     \
        .status = 500, .absent_get = "mapping '@' not found",                                      \
        .absent_put = "update hardware mapping failed: " name " ID '@' does not exist",            \
        .exists = "create hardware mapping failed: " name " ID '@' already defined",               \
        .digest = DIGEST_SHA1,                                                                     \
    }

static const struct section_kind kinds[] = {
    MAPPING_KIND("pci"),
    MAPPING_KIND("usb"),
    MAPPING_KIND("dir"),
    {
        .path = "/cluster/metrics/server",
        .at = "metrics",
        .in = "server",
        .id = "id",
        .shown = "id",
        .ints = "disable port mtu timeout max-body-size verify-certificate otel-verify-ssl "
                "otel-timeout otel-max-body-size",
        .secret = "token",
        .brief = "disable type server port",
        .status = 500,
        .absent_get = "status server entry '@' does not exist",
        .absent_put = "no such server '@'",
        .exists = "Metric server '@' already exists",
        .digest = DIGEST_NONE,
    },
    NOTIFY_KIND("sendmail", "endpoints/sendmail", NOTIFY_MAIL_LISTS, NULL),
    NOTIFY_KIND("gotify", "endpoints/gotify", NULL, "token"),
    NOTIFY_KIND("smtp", "endpoints/smtp", NOTIFY_MAIL_LISTS, "password"),
    NOTIFY_KIND("webhook", "endpoints/webhook", "header", "secret"),
    NOTIFY_KIND("matcher", "matchers", "match-field match-severity match-calendar target", NULL),
    {
        .path = "/cluster/acme/plugins",
        .at = "acme",
        .in = "plugins",
        .id = "id",
        .shown = "=plugin",
        .ints = "disable validation-delay",
        .status = 500,
        .absent_get = "ACME plugin '@' not defined",
        .absent_put = "ACME plugin ID '@' does not exist",
        .exists = "ACME plugin ID '@' already exists",
        .digest = DIGEST_SHA1,
    },
    {
        .path = "/cluster/jobs/realm-sync",
        .at = "realm-sync",
        .in = "jobs",
        .id = "id",
        .shown = "=id",
        .type = "realm-sync",
        .ints = "enabled enable-new",
        .status = 500,
        .absent_get = "No such job '@'",
        .absent_put = "No such job '@'",
        .exists = "Job '@' already exists",
        .digest = DIGEST_NONE,
    },
};

/* What a fresh cluster has without anybody making it. */
static const struct {
    const char *in, *id, *json;
} builtin[] = {
    {"sendmail", "mail-to-root",
     "{\"comment\":\"Send mails to root@pam's email address\",\"mailto-user\":[\"root@pam\"]}"},
    {"matcher", "default-matcher",
     "{\"comment\":\"Route all notifications to mail-to-root\",\"mode\":\"all\","
     "\"target\":[\"mail-to-root\"]}"},
};

const char *section_place(size_t i, struct section_place *ret) {
    const struct section_kind *k = i < ARRAY_LEN(kinds) ? &kinds[i] : NULL;

    if (k) {
        *ret = (struct section_place){.at = k->at,
                                      .in = k->in,
                                      .name = k->shown + (k->shown[0] == '='),
                                      .has_type = k->type != NULL};
    }
    return k ? k->path : NULL;
}

static const struct section_kind *kind_of(const struct call *c) {
    const struct section_kind *k = &kinds[0]; /* the routes name paths of the table alone */

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t n = strlen(kinds[i].path);

        if (strncmp(c->path, kinds[i].path, n) == 0 && (!c->path[n] || c->path[n] == '/')) {
            k = &kinds[i];
        }
    }
    return k;
}

static int fail_about(struct call *c, int status, const char *text, const char *id) {
    const char *at = strchr(text, '@');

    return call_fail(c, status, "%.*s%s%s", (int)(at - text), text, id, at + 1);
}

/* A new reference; NULL: there is none of that name that nobody made. */
static js *builtin_of(const struct section_kind *k, const char *id) {
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        js *o = NULL;

        if (strcmp(k->at, "notifications") == 0 && strcmp(builtin[i].in, k->in) == 0 &&
            strcmp(builtin[i].id, id) == 0 &&
            js_parse(builtin[i].json, strlen(builtin[i].json), &o, NULL) == 0) {
            return o;
        }
    }
    return NULL;
}

/* The settings of one as they are: a new reference, or NULL. */
static js *section_now(struct call *c, const struct section_kind *k, const char *id) {
    js *o = state_get(&c->s->st, k->at, k->in, id, NULL);

    return o ? js_ref(o) : builtin_of(k, id);
}

/* PVE's digest is over the file's text; here over the same content in another order. */
static void digest_of(struct call *c, const struct section_kind *k, char ret[static 65]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
    const js *all = k->whole_file ? state_get(&c->s->st, k->at, NULL)
                                  : state_get(&c->s->st, k->at, k->in, NULL);

    if (all) {
        (void)canon_write(all, &b, NULL);
    }
    if (k->digest == DIGEST_SHA256) {
        struct hash h;

        sha256(buf_str(&b), b.len, &h);
        hex_encode(h.b, sizeof(h.b), ret);
    } else {
        sha1_hex(buf_str(&b), b.len, ret);
    }
}

static js *shown(struct call *c, const struct section_kind *k, const char *id, const js *o,
                 bool alone) {
    const char *name = k->shown[0] == '=' ? k->shown + 1 : k->shown;
    js *out = js_object();
    char digest[65];

    JS_FOREACH(o, key, val) {
        if (alone || !k->brief || list_has(k->brief, key)) {
            js_add(out, key, js_copy(val));
        }
    }
    if (!alone || k->shown[0] == '=') {
        js_add(out, name, js_str(id));
    }
    if (!alone && k->brief && !js_get(out, "disable")) {
        js_add(out, "disable", js_int(0));
    }
    if (k->type) {
        js_add(out, "type", js_str(k->type));
    }
    if (strcmp(k->at, "notifications") == 0) {
        CLEANUP(js_freep) js *base = builtin_of(k, id);

        js_add(out, "origin",
               js_str(!base                                          ? "user-created"
                      : state_get(&c->s->st, k->at, k->in, id, NULL) ? "modified-builtin"
                                                                     : "builtin"));
    }
    if (k->digest != DIGEST_NONE && (alone || strcmp(k->at, "notifications") != 0)) {
        digest_of(c, k, digest);
        js_add(out, "digest", js_str(digest));
    }
    return out;
}

/* Mappings are listed one by one as far as the caller may see each. */
static bool visible(const struct call *c, const struct section_kind *k, const char *id) {
    char path[160];

    (void)snprintf(path, sizeof(path), "/mapping/%s/%.100s", k->in, id);
    return strcmp(k->at, "mapping") != 0 ||
           call_has(c, path, "Mapping.Modify|Mapping.Use|Mapping.Audit");
}

int route_section_list(struct call *c) {
    const struct section_kind *k = kind_of(c);
    const js *all = state_get(&c->s->st, k->at, k->in, NULL);

    c->data = js_array();
    if (all) {
        JS_FOREACH(all, id, o) {
            if (visible(c, k, id)) {
                js_push(c->data, shown(c, k, id, o, false));
            }
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        CLEANUP(js_freep) js *o = builtin_of(k, builtin[i].id);

        if (o && !js_get(all, builtin[i].id)) {
            js_push(c->data, shown(c, k, builtin[i].id, o, false));
        }
    }
    return 0;
}

int route_section_get(struct call *c) {
    const struct section_kind *k = kind_of(c);
    const char *id = call_str(c, k->id);
    CLEANUP(js_freep) js *o = section_now(c, k, id);

    if (!o) {
        return fail_about(c, k->status, k->absent_get, id);
    }
    c->data = shown(c, k, id, o, true);
    return 0;
}

/* What was given, in the shape in which it is kept and shown. */
static js *value_of(const struct call *c, const struct section_kind *k, const char *key,
                    const js *v) {
    js *list;

    if (list_has(k->arrays, key)) {
        if (js_is_array(v)) {
            return js_copy(v);
        }
        list = js_array();
        js_push(list, js_copy(v));
        return list;
    }
    return list_has(k->ints, key) ? js_int(call_int(c, key, 0)) : js_copy(v);
}

static void drop_deleted(const struct call *c, js *o) {
    const js *list = js_get(c->params, "delete");

    for (size_t i = 0; i < js_len(list); i++) {
        json_object_object_del(o, json_object_get_string(js_at(list, i)));
    }
    if (!js_is_array(list)) {
        drop_keys(o, call_str(c, "delete"));
    }
}

/* The last one takes its collection along: a file without sections is no file. */
static void drop(struct call *c, const char *at, const char *in, const char *id) {
    if (!state_get(&c->s->st, at, in, id, NULL)) {
        return;
    }
    state_del(&c->s->st, at, in, id, NULL);
    if (!js_members(state_get(&c->s->st, at, in, NULL))) {
        state_del(&c->s->st, at, in, NULL);
    }
    if (!js_members(state_get(&c->s->st, at, NULL))) {
        state_del(&c->s->st, at, NULL);
    }
}

static void put(struct call *c, const struct section_kind *k, const char *id, js *o) {
    CLEANUP(js_freep) js *base = builtin_of(k, id);

    drop_deleted(c, o);
    JS_FOREACH(c->params, key, val) {
        if (strcmp(key, k->id) == 0 || strcmp(key, "digest") == 0 || strcmp(key, "delete") == 0) {
            continue;
        }
        if (list_has(k->secret, key)) {
            keep_secret(c, k->in, id, key, val);
        } else {
            js_add(o, key, value_of(c, k, key, val));
        }
    }
    if (k->type) {
        json_object_object_del(o, "type");
    }
    if (base && js_eq(base, o)) { /* as it comes: nothing of it is kept */
        drop(c, k->at, k->in, id);
        js_freep(&o);
    } else {
        state_set(&c->s->st, o, k->at, k->in, id, NULL);
    }
    sim_tick(c->s);
}

int route_section_create(struct call *c) {
    const struct section_kind *k = kind_of(c);
    const char *id = call_str(c, k->id);
    CLEANUP(js_freep) js *was = section_now(c, k, id);

    if (was) {
        return fail_about(c, k->status == 404 ? 400 : k->status, k->exists, id);
    }
    put(c, k, id, js_object());
    return 0;
}

int route_section_update(struct call *c) {
    const struct section_kind *k = kind_of(c);
    const char *id = call_str(c, k->id);
    CLEANUP(js_freep) js *was = section_now(c, k, id);
    char digest[65];

    digest_of(c, k, digest);
    if (call_digest(c, k->status == 404 ? 400 : 500, digest) < 0) {
        return -1;
    }
    if (!was) {
        return fail_about(c, k->status, k->absent_put, id);
    }
    put(c, k, id, js_copy(was));
    return 0;
}

/* A target that a matcher names, or NULL. */
static const char *matcher_with(struct call *c, const char *id) {
    const js *all = state_get(&c->s->st, "notifications", "matcher", NULL);

    if (all) {
        JS_FOREACH(all, name, m) {
            const js *targets = js_get(m, "target");

            for (size_t i = 0; i < js_len(targets); i++) {
                if (strcmp(json_object_get_string(js_at(targets, i)), id) == 0) {
                    return name;
                }
            }
        }
    }
    return strcmp(id, "mail-to-root") == 0 && !js_get(all, "default-matcher") ? "default-matcher"
                                                                              : NULL;
}

int route_section_delete(struct call *c) {
    const struct section_kind *k = kind_of(c);
    const char *id = call_str(c, k->id), *user;
    CLEANUP(js_freep) js *was = section_now(c, k, id);

    if (!was && k->status == 404) {
        return fail_about(c, 404, k->absent_put, id);
    }
    user = strcmp(k->at, "notifications") == 0 && strcmp(k->in, "matcher") != 0
               ? matcher_with(c, id)
               : NULL;
    if (user && !builtin_of(k, id)) {
        return call_fail(c, 400, "cannot delete '%s', referenced by: %s", id, user);
    }
    drop(c, k->at, k->in, id);
    drop(c, "secrets", k->in, id);
    sim_tick(c->s);
    return 0;
}

/* ---- what goes with them ---- */

int route_notify_targets(struct call *c) {
    static const char *const names[] = {"gotify", "sendmail", "smtp", "webhook"};

    c->data = js_array();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct call one = *c;
        CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);

        (void)buf_addf(&path, "/cluster/notifications/endpoints/%s", names[i]);
        one.path = buf_str(&path);
        one.data = NULL;
        (void)route_section_list(&one);
        for (size_t n = 0; n < js_len(one.data); n++) {
            js *o = js_object();

            js_add(o, "type", js_str(names[i]));
            JS_FOREACH(js_at(one.data, n), key, val) {
                if (list_has("name origin comment disable", key)) {
                    js_add(o, key, js_copy(val));
                }
            }
            js_push(c->data, o);
        }
        js_freep(&one.data);
    }
    return 0;
}

/* A test is sent somewhere, or the target is not known. */
int route_notify_test(struct call *c) {
    const char *name = call_str(c, "name");

    (void)route_notify_targets(c);
    for (size_t i = 0; i < js_len(c->data); i++) {
        if (strcmp(js_str_or(js_at(c->data, i), "name", ""), name) == 0) {
            js_freep(&c->data);
            return 0;
        }
    }
    js_freep(&c->data);
    return call_fail(c, 404, "endpoint '%s' not found", name);
}
