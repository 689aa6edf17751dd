/* SPDX-License-Identifier: Apache-2.0 */
/* Realms that are made, changed and deleted. The two that are built in are always there: what is
 * deleted of them are their settings. Nobody logs in by a realm here. */
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

static const struct {
    const char *id, *comment;
} builtin[] = {{"pam", "Linux PAM standard authentication"},
               {"pve", "Proxmox VE authentication server"}};

static js *builtin_of(const char *id) {
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        js *o;

        if (strcmp(builtin[i].id, id) == 0) {
            o = js_object();
            js_add(o, "type", js_str(id));
            js_add(o, "comment", js_str(builtin[i].comment));
            return o;
        }
    }
    return NULL;
}

/* Over what the file would hold: a realm as it is built in stands in no file. */
void realms_digest(struct sim *s, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
    CLEANUP(js_freep) js *file = js_object();

    JS_FOREACH(state_get(&s->st, "domains", NULL), id, o) {
        CLEANUP(js_freep) js *base = builtin_of(id);

        if (!base || !js_eq(base, o)) {
            js_add(file, id, js_copy(o));
        }
    }
    if (js_members(file)) {
        (void)canon_write(file, &b, NULL);
    }
    sha1_hex(buf_str(&b), b.len, ret);
}

/* One realm is the default. */
static void only_default(struct call *c, const char *id) {
    CLEANUP(js_freep) js *all = js_copy(js_object_or_empty(state_get(&c->s->st, "domains", NULL)));

    JS_FOREACH(all, other, o) {
        if (strcmp(other, id) != 0 && js_get(o, "default")) {
            state_del(&c->s->st, "domains", other, "default", NULL);
        }
    }
}

static void put(struct call *c, const char *id, js *o) {
    static const char *const secrets[] = {"password", "client-key"};

    call_over(c, o, "realm check-connection password client-key",
              "autocreate case-sensitive default port groups-autocreate groups-overwrite verify "
              "query-userinfo secure");
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (js_get(c->params, secrets[i])) {
            keep_secret(c, "realm", id, secrets[i], js_get(c->params, secrets[i]));
        }
    }
    if (js_bool_or(o, "default", false)) {
        only_default(c, id);
    }
    state_set(&c->s->st, o, "domains", id, NULL);
    sim_tick(c->s);
}

int route_realm_create(struct call *c) {
    const char *id = call_str(c, "realm"), *type = call_str(c, "type");

    if (state_get(&c->s->st, "domains", id, NULL)) {
        return call_fail(c, 500, "add auth server failed: domain '%s' already exists", id);
    }
    if (strcmp(type, "pam") == 0 || strcmp(type, "pve") == 0) {
        return call_fail(c, 500, "add auth server failed: unable to create builtin type '%s'",
                         type);
    }
    put(c, id, js_object());
    return 0;
}

int route_realm_update(struct call *c) {
    const char *id = call_str(c, "realm");
    const js *was = state_get(&c->s->st, "domains", id, NULL);
    char digest[41];

    realms_digest(c->s, digest);
    if (call_digest(c, 500, digest) < 0) {
        return -1;
    }
    if (!was) {
        return call_fail(c, 500, "update auth server failed: domain '%s' does not exist", id);
    }
    put(c, id, js_copy(was));
    return 0;
}

int route_realm_delete(struct call *c) {
    const char *id = call_str(c, "realm");
    js *base;

    if (!state_get(&c->s->st, "domains", id, NULL)) {
        return call_fail(
            c, 500, "delete auth server failed: authentication domain '%s' does not exist", id);
    }
    base = builtin_of(id);
    if (base) {
        state_set(&c->s->st, base, "domains", id, NULL);
    } else {
        state_del(&c->s->st, "domains", id, NULL);
    }
    state_del(&c->s->st, "secrets", "realm", id, NULL);
    sim_tick(c->s);
    return 0;
}
