/* SPDX-License-Identifier: Apache-2.0 */
/* Remotes and speed rules of the simulated backup server: sections that are made, changed and
 * removed. A remote's password is kept and never shown. */
#include "proximo-client/sim/pbs.h"

#include <string.h>

#include "common/own.h"

static const struct kind {
    const char *path, *state, *word, *lists, *numbers;
} kinds[] = {
    {"/config/remote", "remotes", "remote", "", "port"},
    {"/config/traffic-control", "traffic", "traffic control rule", "network timeframe", ""},
};

static const struct kind *kind_of(const struct call *c) {
    return strncmp(c->path, kinds[0].path, strlen(kinds[0].path)) == 0 ? &kinds[0] : &kinds[1];
}

static bool has_word(const char *words, const char *word) {
    const char *at = strstr(words, word);
    size_t n = strlen(word);

    return at && (at == words || at[-1] == ' ') && (!at[n] || at[n] == ' ');
}

static js *shown(const char *name, const js *of) {
    js *o = pbs_named(name, of);

    json_object_object_del(o, "password");
    return o;
}

int route_pbs_section_list(struct call *c) {
    const struct kind *k = kind_of(c);

    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, k->state, NULL), name, o) {
        char path[80];

        (void)snprintf(path, sizeof(path), "/remote/%.60s", name);
        if (k != &kinds[0] || call_has(c, path, "Remote.Audit")) {
            js_push(c->data, shown(name, o));
        }
    }
    pbs_with_digest(c, k->state);
    return 0;
}

int route_pbs_section_get(struct call *c) {
    const struct kind *k = kind_of(c);
    const js *o = state_get(&c->s->st, k->state, pbs_text(c, "name"), NULL);

    if (!o) {
        return call_fail(c, 400, "no such %s '%s'", k->word, pbs_text(c, "name"));
    }
    c->data = shown(pbs_text(c, "name"), o);
    pbs_with_digest(c, k->state);
    return 0;
}

static js *merged(const struct call *c, const struct kind *k, const js *was) {
    js *o = was ? js_copy(was) : js_object();

    pbs_drop_deleted(c, o);
    JS_FOREACH(c->params, key, val) {
        if (strcmp(key, "name") == 0 || strcmp(key, "delete") == 0 || strcmp(key, "digest") == 0) {
            continue;
        }
        if (has_word(k->lists, key) && !js_is_array(val)) {
            js *list = js_array();

            js_push(list, js_copy(val));
            js_add(o, key, list);
        } else if (has_word(k->numbers, key)) {
            js_add(o, key, js_int(call_int(c, key, 0)));
        } else if (strcmp(key, "comment") == 0 && !*json_object_get_string(val)) {
            json_object_object_del(o, key);
        } else {
            js_add(o, key, js_copy(val));
        }
    }
    return o;
}

int route_pbs_section_create(struct call *c) {
    const struct kind *k = kind_of(c);
    const char *name = pbs_text(c, "name");

    if (state_get(&c->s->st, k->state, name, NULL)) {
        return call_param_error(c, "name", "%s '%s' already exists.", k->word, name);
    }
    state_set(&c->s->st, merged(c, k, NULL), k->state, name, NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_section_update(struct call *c) {
    const struct kind *k = kind_of(c);
    const char *name = pbs_text(c, "name");
    const js *was = state_get(&c->s->st, k->state, name, NULL);

    if (pbs_same_digest(c, k->state) < 0) {
        return -1;
    }
    if (!was) {
        return call_fail(c, 400, "no such %s '%s'", k->word, name);
    }
    state_set(&c->s->st, merged(c, k, was), k->state, name, NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_section_delete(struct call *c) {
    const struct kind *k = kind_of(c);
    const char *name = pbs_text(c, "name");

    JS_FOREACH(k == &kinds[0] ? state_get(&c->s->st, "sync", NULL) : NULL, id, job) {
        if (strcmp(js_str_or(job, "remote", ""), name) == 0) {
            return call_param_error(c, "name",
                                    "remote '%s' is used by sync job '%s' (datastore '%s')", name,
                                    id, js_str_or(job, "store", ""));
        }
    }
    if (pbs_same_digest(c, k->state) < 0) {
        return -1;
    }
    if (!state_get(&c->s->st, k->state, name, NULL)) {
        return call_fail(c, 404, "%s '%s' does not exist.", k->word, name);
    }
    state_del(&c->s->st, k->state, name, NULL);
    sim_tick(c->s);
    return 0;
}
