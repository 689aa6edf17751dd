/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and snapshots of the simulated backup server. Whoever has only the lesser privilege sees
 * and changes the groups that he owns. */
#include "proximo-client/sim/pbs.h"

#include <string.h>

#include "common/own.h"

struct where {
    const char *store, *ns;
    char key[280], group[300], time[24];
    js *obj, *snap; /* borrowed; NULL: not there */
    bool limited;
};

static int locate(struct call *c, const char *full, const char *partial, struct where *w) {
    *w = (struct where){.store = pbs_text(c, "store"), .ns = pbs_text(c, "ns")};
    pbs_ns_key(w->ns, w->key);
    (void)snprintf(w->group, sizeof(w->group), "%s/%s", pbs_text(c, "backup-type"),
                   pbs_text(c, "backup-id"));
    (void)snprintf(w->time, sizeof(w->time), "%s", pbs_text(c, "backup-time"));
    if (pbs_ns_may(c, w->store, w->ns, full, partial, &w->limited) < 0 ||
        pbs_store_of(c, w->store) < 0) {
        return -1;
    }
    w->obj = state_get(&c->s->st, "content", w->store, w->key, w->group, NULL);
    w->snap = js_get(js_get(w->obj, "snapshots"), w->time);
    if (w->limited && call_str(c, "backup-id") && call_str(c, "backup-type") &&
        !pbs_owns(c, js_str_or(w->obj, "owner", ""))) {
        return call_fail(c, 400, "backup owner check failed (%s != %s)", c->auth,
                         js_str_or(w->obj, "owner", ""));
    }
    return 0;
}

/* Both must be there, or it is what opening the file says. */
static int must(struct call *c, const void *there, const char *what) {
    return there ? 0
                 : call_fail(c, 400, "unable to load %s - No such file or directory (os error 2)",
                             what);
}

static const char *id_of(const char *group) {
    return group + strcspn(group, "/") + 1;
}

static js *names_of(const char *group) {
    js *o = js_object();

    js_add(o, "backup-type", js_str_n(group, strcspn(group, "/")));
    js_add(o, "backup-id", js_str(id_of(group)));
    return o;
}

static void first_line(js *o, const js *from) {
    const char *notes = js_str_or(from, "notes", "");

    if (*notes) {
        js_add(o, "comment", js_str_n(notes, strcspn(notes, "\n")));
    }
}

static js *snapshot_out(const char *group, const js *g, const char *time, const js *snap) {
    js *o = names_of(group), *files = js_array();

    js_addf(o, "x", "%s", time);
    js_add(o, "backup-time", js_int(js_int_or(o, "x", 0)));
    json_object_object_del(o, "x");
    for (size_t i = 0; i < js_len(js_get(snap, "files")); i++) {
        js *f = js_object();

        js_add(f, "filename", js_copy(js_at(js_get(snap, "files"), i)));
        js_add(f, "crypt-mode", js_str("none"));
        js_push(files, f);
    }
    js_add(o, "files", files);
    js_add(o, "owner", js_str(js_str_or(g, "owner", "root@pam")));
    js_add(o, "protected", js_bool(js_bool_or(snap, "protected", false)));
    js_add(o, "size", js_int(js_int_or(snap, "size", 0)));
    first_line(o, snap);
    if (js_get(snap, "verification")) {
        js_add(o, "verification", js_copy(js_get(snap, "verification")));
    }
    return o;
}

static bool visible(const struct call *c, const struct where *w, const js *g) {
    return !w->limited || pbs_owns(c, js_str_or(g, "owner", ""));
}

static int no_namespace(struct call *c, const struct where *w) {
    return must(c, js_get(pbs_content(c->s, w->store), w->key), "namespace");
}

int route_pbs_groups(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Audit", "Datastore.Backup", &w) < 0 || no_namespace(c, &w) < 0) {
        return -1;
    }
    c->data = js_array();
    JS_FOREACH(js_get(pbs_content(c->s, w.store), w.key), group, g) {
        const js *snaps = js_get(g, "snapshots");
        int64_t last = 0;
        js *o;

        if (!js_members(snaps) || !visible(c, &w, g)) {
            continue;
        }
        JS_FOREACH(snaps, time, snap) {
            CLEANUP(js_freep) js *one = snapshot_out(group, g, time, snap);
            int64_t at = js_int_or(one, "backup-time", 0);

            last = at > last ? at : last;
        }
        o = names_of(group);
        js_add(o, "last-backup", js_int(last));
        js_add(o, "backup-count", js_int(js_members(snaps)));
        js_add(o, "files", js_array());
        js_add(o, "owner", js_str(js_str_or(g, "owner", "root@pam")));
        first_line(o, g);
        js_push(c->data, o);
    }
    return 0;
}

int route_pbs_snapshots(struct call *c) {
    const char *type = call_str(c, "backup-type"), *id = call_str(c, "backup-id");
    struct where w;

    if (locate(c, "Datastore.Audit", "Datastore.Backup", &w) < 0 || no_namespace(c, &w) < 0) {
        return -1;
    }
    c->data = js_array();
    JS_FOREACH(js_get(pbs_content(c->s, w.store), w.key), group, g) {
        if (!visible(c, &w, g) || (id && strcmp(id, id_of(group)) != 0) ||
            (type && (strncmp(type, group, strlen(type)) != 0 || group[strlen(type)] != '/'))) {
            continue;
        }
        JS_FOREACH(js_get(g, "snapshots"), time, snap) {
            js_push(c->data, snapshot_out(group, g, time, snap));
        }
    }
    return 0;
}

int route_pbs_group_delete(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Modify", "Datastore.Prune", &w) < 0 ||
        must(c, w.obj, "group directory") < 0) {
        return -1;
    }
    if (!pbs_remove_group(c->s, w.store, w.key, w.group)) { /* what could go is gone */
        (void)call_fail(c, 400, "group only partially deleted due to protected snapshots");
    }
    sim_tick(c->s);
    return 0;
}

int route_pbs_snapshot_delete(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Modify", "Datastore.Prune", &w) < 0 ||
        must(c, w.snap, "snapshot directory") < 0) {
        return -1;
    }
    if (js_bool_or(w.snap, "protected", false)) {
        return call_fail(c, 400, "cannot remove protected snapshot");
    }
    pbs_remove_snapshot(c->s, w.store, w.key, w.group, w.time);
    sim_tick(c->s);
    return 0;
}

int route_pbs_group_notes(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Audit", "Datastore.Backup", &w) < 0) {
        return -1;
    }
    c->data = js_str(js_str_or(w.obj, "notes", ""));
    return 0;
}

int route_pbs_group_notes_set(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Modify", "Datastore.Backup", &w) < 0 ||
        must(c, w.obj, "group directory") < 0) {
        return -1;
    }
    if (*pbs_text(c, "notes")) {
        state_set(&c->s->st, js_str(pbs_text(c, "notes")), "content", w.store, w.key, w.group,
                  "notes", NULL);
    } else {
        state_del(&c->s->st, "content", w.store, w.key, w.group, "notes", NULL);
    }
    sim_tick(c->s);
    return 0;
}

int route_pbs_owner(struct call *c) {
    const char *owner = pbs_text(c, "new-owner"), *bang = strchr(owner, '!');
    char user[128];
    struct where w;

    (void)snprintf(user, sizeof(user), "%.*s", bang ? (int)(bang - owner) : 120, owner);
    if (locate(c, "Datastore.Modify", "Datastore.Backup", &w) < 0 ||
        must(c, w.obj, "owner file") < 0) {
        return -1;
    }
    if (w.limited) { /* between a user and his tokens only: not acted out, always refused */
        return call_fail(c, 401,
                         "%s does not have permission to change owner of backup group '%s' to %s",
                         c->auth, w.group, owner);
    }
    if (!state_get(&c->s->st, "users", user, NULL) ||
        (bang && !state_get(&c->s->st, "users", user, "tokens", bang + 1, NULL))) {
        return call_fail(c, 400, "%s '%s' is inactive or non-existent", bang ? "API token" : "user",
                         owner);
    }
    state_set(&c->s->st, js_str(owner), "content", w.store, w.key, w.group, "owner", NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_files(struct call *c) {
    CLEANUP(js_freep) js *o = NULL;
    struct where w;

    if (locate(c, "Datastore.Audit|Datastore.Read", "Datastore.Backup", &w) < 0 ||
        must(c, w.snap, "blob 'index.json.blob'") < 0) {
        return -1;
    }
    o = snapshot_out(w.group, w.obj, w.time, w.snap);
    c->data = js_copy(js_get(o, "files"));
    return 0;
}

int route_pbs_notes(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Audit", "Datastore.Backup", &w) < 0 ||
        must(c, w.snap, "blob 'index.json.blob'") < 0) {
        return -1;
    }
    c->data = js_str(js_str_or(w.snap, "notes", ""));
    return 0;
}

int route_pbs_notes_set(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Modify", "Datastore.Backup", &w) < 0 ||
        must(c, w.snap, "blob 'index.json.blob'") < 0) {
        return -1;
    }
    if (*pbs_text(c, "notes")) {
        state_set(&c->s->st, js_str(pbs_text(c, "notes")), "content", w.store, w.key, w.group,
                  "snapshots", w.time, "notes", NULL);
    } else {
        state_del(&c->s->st, "content", w.store, w.key, w.group, "snapshots", w.time, "notes",
                  NULL);
    }
    sim_tick(c->s);
    return 0;
}

int route_pbs_protected(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Audit", "Datastore.Backup", &w) < 0) {
        return -1;
    }
    c->data = js_bool(js_bool_or(w.snap, "protected", false)); /* of one that is not there, too */
    return 0;
}

int route_pbs_protected_set(struct call *c) {
    struct where w;

    if (locate(c, "Datastore.Modify", "Datastore.Backup", &w) < 0) {
        return -1;
    }
    if (!w.snap) {
        return call_fail(c, 400, "snapshot %s/%s does not exist!", w.group, w.time);
    }
    if (call_bool(c, "protected", false)) {
        state_set(&c->s->st, js_bool(true), "content", w.store, w.key, w.group, "snapshots", w.time,
                  "protected", NULL);
    } else {
        state_del(&c->s->st, "content", w.store, w.key, w.group, "snapshots", w.time, "protected",
                  NULL);
    }
    sim_tick(c->s);
    return 0;
}
