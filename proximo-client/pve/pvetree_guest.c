/* SPDX-License-Identifier: Apache-2.0 */
/* Guests as the API answers them: the list (without what runs), configurations, snapshots and each
 * snapshot's own configuration, pending changes. */
#include <stdio.h>
#include <string.h>

#include "common/guestkeys.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pve/pvetree_int.h"

/* nodes/<node>/<lxc|qemu-server>/<vmid>.conf in pieces. */
struct place {
    char node[64];
    bool lxc;
};

static struct place place_of(const char *path) {
    struct place at = {.lxc = strstr(path, "/lxc/") != NULL};
    const char *name = path + strlen("nodes/");

    (void)snprintf(at.node, sizeof(at.node), "%.*s", (int)strcspn(name, "/"), name);
    return at;
}

/* A section as the API prints it. Secrets are never shown, set or not. */
static js *config_of(bool lxc, const js *section) {
    js *o = js_object();

    JS_FOREACH(section, key, value) {
        if (strcmp(key, "cipassword") == 0) {
            js_add(o, key, js_str("**********"));
        } else {
            js_add(o, key, guest_value_out(lxc, key, value));
        }
    }
    return o;
}

static js *guest_row(struct ask *a, const char *vmid, const char *path) {
    struct place at = place_of(path);
    const js *cfg = js_get(pvetree_file(a, "%s", path), "config");
    const char *name = js_get_str(cfg, at.lxc ? "hostname" : "name");
    js *o = js_object();
    uint32_t n = 0;

    (void)ident_vmid(vmid, &n);
    js_add(o, "vmid", js_int(n));
    js_add(o, "type", js_str(at.lxc ? "lxc" : "qemu"));
    js_add(o, "node", js_str(at.node));
    js_addf(o, "id", "%s/%s", at.lxc ? "lxc" : "qemu", vmid);
    js_add(o, "template", js_int(js_bool_or(cfg, "template", false)));
    if (name) {
        js_add(o, "name", js_str(name));
    } else {
        js_addf(o, "name", "%s%s", at.lxc ? "CT" : "VM ", vmid);
    }
    if (js_get_str(cfg, "tags")) {
        js_add(o, "tags", js_str(js_get_str(cfg, "tags")));
    }
    return o;
}

static js *guest_list(struct ask *a) {
    js *list = js_array();

    JS_FOREACH(a->t->guests, vmid, path) {
        js_push(list, guest_row(a, vmid, json_object_get_string(path)));
    }
    /* what is wrong with a configuration is told where it is asked for: the guest is on the list */
    a->doubt[0] = '\0';
    a->failed[0] = '\0';
    JS_FOREACH(a->t->unread, place, why) {
        size_t n = strlen(place);

        /* a folder of guests: who lives there is not known */
        if (strncmp(place, "nodes/", 6) == 0 && place[n - 1] == '/') {
            (void)snprintf(a->failed, sizeof(a->failed), "%.90s: %.90s", place,
                           json_object_get_string(why));
        }
    }
    return list;
}

static js *current_row(const char *parent) {
    js *o = js_object();

    js_add(o, "name", js_str("current"));
    js_add(o, "description", js_str("You are here!"));
    if (parent) {
        js_add(o, "parent", js_str(parent));
    }
    return o;
}

/* Most guests have none, and what is said of them is the same. */
static js *no_snapshots(struct pvetree *t) {
    if (!t->bare) {
        t->bare = js_array();
        js_push(t->bare, current_row(NULL));
    }
    return js_ref(t->bare);
}

static js *snapshot_list(struct pvetree *t, const js *file, bool lxc) {
    const char *parent = js_get_str(js_get(file, "config"), "parent");
    js *list;

    if (!parent && js_members(js_get(file, "snapshots")) == 0) {
        return no_snapshots(t);
    }
    list = js_array();
    JS_FOREACH(js_get(file, "snapshots"), name, cfg) {
        js *o = js_object();
        int64_t when = 0;

        js_add(o, "name", js_str(name));
        js_add(o, "description", js_str(js_str_or(cfg, "description", "")));
        if (js_get_int(cfg, "snaptime", &when)) {
            js_add(o, "snaptime", js_int(when));
        }
        if (js_get_str(cfg, "parent")) {
            js_add(o, "parent", js_str(js_get_str(cfg, "parent")));
        }
        if (js_get_str(cfg, "snapstate")) {
            js_add(o, "snapstate", js_str(js_get_str(cfg, "snapstate")));
        }
        if (!lxc) {
            js_add(o, "vmstate", js_int(js_get(cfg, "vmstate") != NULL));
        }
        js_push(list, o);
    }
    js_push(list, current_row(parent));
    return list;
}

static bool word_in(const char *list, const char *word) {
    size_t n = strlen(word);

    for (const char *s = list; *s; s += strcspn(s, ",; ") + (s[strcspn(s, ",; ")] != 0)) {
        size_t skip = *s == '!'; /* forced removal */

        if (strcspn(s + skip, ",; ") == n && strncmp(s + skip, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* The API answers with what the guest will have at its next start: changes that wait are applied.
 */
static js *config_next(const js *file, bool lxc) {
    const js *pending = js_get(file, "pending");
    const char *gone = js_str_or(pending, "delete", "");
    CLEANUP(js_freep) js *next = NULL;

    if (!pending) {
        return config_of(lxc, js_get(file, "config"));
    }
    next = js_object();
    JS_FOREACH(js_get(file, "config"), key, value) {
        if (!word_in(gone, key)) {
            js_add(next, key, js_ref(value));
        }
    }
    JS_FOREACH(pending, fresh, to_be) {
        if (strcmp(fresh, "delete") != 0) {
            js_add(next, fresh, js_ref(to_be));
        }
    }
    return config_of(lxc, next);
}

/* [{key, value?, pending?, delete?}] */
static js *pending_list(const js *file, bool lxc) {
    const js *pending = js_get(file, "pending");
    const char *gone = js_str_or(pending, "delete", "");
    CLEANUP(js_freep) js *now = config_of(lxc, js_get(file, "config"));
    CLEANUP(js_freep) js *then = config_of(lxc, pending);
    js *list = js_array();

    JS_FOREACH(now, key, value) {
        js *o = js_object();

        js_add(o, "key", js_str(key));
        js_add(o, "value", js_ref(value));
        if (js_get(then, key)) {
            js_add(o, "pending", js_ref(js_get(then, key)));
        }
        if (word_in(gone, key)) {
            js_add(o, "delete", js_int(1));
        }
        js_push(list, o);
    }
    JS_FOREACH(then, fresh, to_be) {
        if (!js_get(now, fresh) && strcmp(fresh, "delete") != 0) {
            js *o = js_object();

            js_add(o, "key", js_str(fresh));
            js_add(o, "pending", js_ref(to_be));
            js_push(list, o);
        }
    }
    return list;
}

js *pvetree_answer_guest(struct ask *a) {
    const char *path;
    const js *file;
    struct place at;
    bool lxc;

    if (ASK_IS(a, "cluster", "resources") && a->query && strcmp(a->query, "type=vm") == 0) {
        return guest_list(a);
    }
    if (a->n < 5 || strcmp(a->v[0], "nodes") != 0 || !(path = js_get_str(a->t->guests, a->v[3]))) {
        return NULL;
    }
    lxc = strcmp(a->v[2], "lxc") == 0;
    file = pvetree_file(a, "%s", path);
    at = place_of(path);
    if (lxc != at.lxc || strcmp(at.node, a->v[1]) != 0) {
        return NULL;
    }
    if (ASK_IS(a, "nodes", "*", "*", "*", "config")) {
        return config_next(file, lxc);
    }
    if (ASK_IS(a, "nodes", "*", "*", "*", "pending")) {
        return pending_list(file, lxc);
    }
    if (ASK_IS(a, "nodes", "*", "*", "*", "snapshot")) {
        return snapshot_list(a->t, file, lxc);
    }
    if (ASK_IS(a, "nodes", "*", "*", "*", "snapshot", "*", "config")) {
        const js *snap = js_get(js_get(file, "snapshots"), a->v[5]);

        return snap ? config_of(lxc, snap) : NULL;
    }
    return NULL;
}
