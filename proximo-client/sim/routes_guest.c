/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: lists, status, configuration. A change of configuration checks every key by itself and
 * reports all that is wrong at once; what a running guest cannot take waits in [PENDING]. */
#include <string.h>
#include <strings.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"
#include "proximo-client/sim/routes.h"

struct list_ctx {
    struct call *c;
    bool lxc;
};

static void list_one(void *ctx, const struct guest *g) {
    struct list_ctx *l = ctx;
    char path[40];

    if (g->lxc != l->lxc || strcmp(g->node, call_str(l->c, "node")) != 0) {
        return;
    }
    (void)snprintf(path, sizeof(path), "/vms/%u", g->vmid);
    if (call_has(l->c, path, "VM.Audit")) {
        js_push(l->c->data, guest_status(l->c->s, g, false));
    }
}

int route_guest_list(struct call *c) {
    struct list_ctx l = {c, strcmp(call_str(c, "kind"), "lxc") == 0};

    c->data = js_array();
    guest_each(c->s, list_one, &l);
    return 0;
}

int route_guest_index(struct call *c) {
    static const char *const lxc[] = {"config",    "pending",      "status",     "vncproxy",
                                      "termproxy", "vncwebsocket", "spiceproxy", "migrate",
                                      "clone",     "rrd",          "rrddata",    "firewall",
                                      "snapshot",  "resize",       "interfaces"};
    static const char *const qemu[] = {
        "config",   "cloudinit",  "pending", "status",   "unlink",  "vncproxy",      "termproxy",
        "migrate",  "resize",     "move",    "rrd",      "rrddata", "monitor",       "agent",
        "snapshot", "spiceproxy", "sendkey", "firewall", "mtunnel", "remote_migrate"};
    struct guest g;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    c->data =
        g.lxc ? index_of("subdir", lxc, ARRAY_LEN(lxc)) : index_of("subdir", qemu, ARRAY_LEN(qemu));
    return 0;
}

int route_guest_status_index(struct call *c) {
    static const char *const lxc[] = {"current", "start", "stop", "shutdown", "reboot", "migrate"};
    static const char *const qemu[] = {"current",  "start",   "stop",  "reset",
                                       "shutdown", "suspend", "reboot"};
    struct guest g;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    c->data =
        g.lxc ? index_of("subdir", lxc, ARRAY_LEN(lxc)) : index_of("subdir", qemu, ARRAY_LEN(qemu));
    return 0;
}

int route_guest_current(struct call *c) {
    struct guest g;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    c->data = guest_status(c->s, &g, true);
    return 0;
}

/* Values as the API shows them; an LXC description ends with a newline there. */
js *config_out(bool lxc, const js *section) {
    js *o = js_object();

    JS_FOREACH(section, key, value) {
        if (lxc && strcmp(key, "description") == 0) {
            js_addf(o, key, "%s\n", json_object_get_string(value));
        } else if (strcmp(key, "cipassword") == 0) {
            js_add(o, key, js_str("**********"));
        } else {
            js_add(o, key, guest_value_out(lxc, key, value));
        }
    }
    return o;
}

static bool deleted(const js *pending, const char *key) {
    const char *list = js_get_str(pending, "delete");
    size_t n = strlen(key);

    for (const char *at = list; at && *at;) {
        size_t len = strcspn(at, ",");

        if (len == n && strncmp(at, key, n) == 0) {
            return true;
        }
        at += len + (at[len] == ',');
    }
    return false;
}

int route_guest_config(struct call *c) {
    struct guest g;
    const char *snap = call_str(c, "snapshot");
    js *pending;
    char digest[41];

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    guest_digest(&g, digest);
    if (snap) {
        js *section = js_get(js_get(g.obj, "snapshots"), snap);

        if (!section) {
            return call_fail(c, 500, "snapshot '%s' does not exist", snap);
        }
        c->data = config_out(g.lxc, section);
        js_add(c->data, "digest", js_str(digest));
        return 0;
    }
    c->data = config_out(g.lxc, js_get(g.obj, "config"));
    pending = js_get(g.obj, "pending");
    if (pending && !call_bool(c, "current", false)) {
        JS_FOREACH(pending, key, value) {
            if (strcmp(key, "delete") != 0) {
                js_add(c->data, key, guest_value_out(g.lxc, key, value));
            }
        }
        JS_FOREACH(js_get(g.obj, "config"), name, old) {
            (void)old;
            if (deleted(pending, name)) {
                json_object_object_del(c->data, name);
            }
        }
    }
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

int route_guest_pending(struct call *c) {
    struct guest g;
    js *pending, *entry;
    char digest[41];

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    pending = js_get(g.obj, "pending");
    c->data = js_array();
    {
        CLEANUP(js_freep) js *out = config_out(g.lxc, js_get(g.obj, "config"));

        JS_FOREACH(out, key, value) {
            entry = js_object();
            js_add(entry, "key", js_str(key));
            js_add(entry, "value", js_ref(value));
            if (js_get(pending, key)) {
                js_add(entry, "pending", guest_value_out(g.lxc, key, js_get(pending, key)));
            }
            if (deleted(pending, key)) {
                js_add(entry, "delete", js_int(1));
            }
            js_push(c->data, entry);
        }
    }
    if (pending) {
        JS_FOREACH(pending, key, value) {
            if (strcmp(key, "delete") != 0 && !js_get(js_get(g.obj, "config"), key)) {
                entry = js_object();
                js_add(entry, "key", js_str(key));
                js_add(entry, "pending", guest_value_out(g.lxc, key, value));
                js_push(c->data, entry);
            }
        }
    }
    guest_digest(&g, digest);
    entry = js_object();
    js_add(entry, "key", js_str("digest"));
    js_add(entry, "value", js_str(digest));
    js_push(c->data, entry);
    return 0;
}

/* ---- changing ---- */

static bool is_control(const char *name, bool lxc) {
    static const char *const common[] = {"delete", "digest", "revert", "node", "vmid", "kind"};
    static const char *const qemu[] = {"skiplock", "force", "background_delay",
                                       "import-working-storage"};

    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        if (strcmp(name, common[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; !lxc && i < ARRAY_LEN(qemu); i++) {
        if (strcmp(name, qemu[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Keys that only PVE itself writes are not parameters. */
static bool is_internal(const char *name) {
    return strcmp(name, "parent") == 0 || strcmp(name, "snaptime") == 0 ||
           strcmp(name, "vmstate") == 0 || strcmp(name, "meta") == 0 ||
           strncmp(name, "running", 7) == 0;
}

static bool one_line(const char *v) {
    for (; *v; v++) {
        if ((unsigned char)*v < 0x20 || *v == 0x7f) {
            return false;
        }
    }
    return true;
}

static const char *plain_bool(const char *v) {
    return strcasecmp(v, "on") == 0 || strcasecmp(v, "yes") == 0 || strcasecmp(v, "true") == 0 ? "1"
           : strcasecmp(v, "off") == 0 || strcasecmp(v, "no") == 0 || strcasecmp(v, "false") == 0
               ? "0"
               : v;
}

static void check_key(struct call *c, const struct guest *g, const char *name, const char *v) {
    const struct guest_key *k = is_internal(name) ? NULL : guest_key(g->lxc, name);
    char store[512];
    const char *bad;

    if (!k) {
        (void)call_param_error(c, name,
                               "property is not defined in schema and the schema does not "
                               "allow additional properties");
        return;
    }
    if (k->type == 'b') {
        v = plain_bool(v);
    }
    bad = guest_value_bad(k, v, store, sizeof(store));
    if (bad) {
        (void)call_param_error(c, name, "%s", bad);
    } else if (strcmp(name, "description") != 0 && !one_line(v)) {
        (void)call_param_error(c, name, "invalid format - value contains control characters\n");
    }
}

static int check_keys(struct call *c, const struct guest *g) {
    JS_FOREACH(c->params, name, value) {
        if (!is_control(name, g->lxc)) {
            check_key(c, g, name, json_object_get_string(value));
        }
    }
    if (call_str(c, "delete")) {
        char list[2048];

        (void)snprintf(list, sizeof(list), "%s", call_str(c, "delete"));
        for (char *save = NULL, *key = strtok_r(list, ", ;", &save); key;
             key = strtok_r(NULL, ", ;", &save)) {
            if (is_internal(key) || !guest_key(g->lxc, key)) {
                (void)call_param_error(c, "delete", "unknown setting '%.40s'", key);
            } else if (js_get(c->params, key)) {
                (void)call_param_error(
                    c, key, "you can't use '%s' and '-delete %s' at the same time", key, key);
            }
        }
    }
    return c->status == 400 ? -1 : 0;
}

/* Each key wants its own privilege; some only root@pam itself may set. */
static bool may_change(struct call *c, const struct guest *g, const char *key, const char *value) {
    const struct guest_key *k = guest_key(g->lxc, key);
    char path[40];

    if ((strcmp(key, "args") == 0 || strcmp(key, "lock") == 0 || strcmp(key, "hookscript") == 0) ||
        (strncmp(key, "mp", 2) == 0 && g->lxc && value && *value == '/')) {
        (void)call_fail(c, strcmp(key, "args") == 0 ? 500 : 403,
                        strcmp(key, "args") == 0
                            ? "only root can set 'args' config"
                            : "Permission check failed (changing %s needs root@pam)",
                        key);
        return false;
    }
    (void)snprintf(path, sizeof(path), "/vms/%u", g->vmid);
    return call_may(c, path, k->priv);
}

/* Takes a key out of the waiting changes, whichever way it was to change. A section without any is
 * none. */
static void drop_pending(struct sim *s, const struct guest *g, const char *key) {
    js *pending = js_get(g->obj, "pending");
    char list[2048] = "";

    if (!pending) {
        return;
    }
    if (js_get(pending, key)) {
        state_del(&s->st, "guests", g->key, "pending", key, NULL);
    }
    if (deleted(pending, key)) {
        char old[2048];

        (void)snprintf(old, sizeof(old), "%s", js_str_or(pending, "delete", ""));
        for (char *save = NULL, *k = strtok_r(old, ",", &save); k; k = strtok_r(NULL, ",", &save)) {
            if (strcmp(k, key) != 0) {
                (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                               *list ? "," : "", k);
            }
        }
        if (*list) {
            state_set(&s->st, js_str(list), "guests", g->key, "pending", "delete", NULL);
        } else {
            state_del(&s->st, "guests", g->key, "pending", "delete", NULL);
        }
    }
    if (!js_members(js_get(g->obj, "pending"))) {
        state_del(&s->st, "guests", g->key, "pending", NULL);
    }
}

static void add_to_delete(struct sim *s, const struct guest *g, const char *key) {
    const char *old;
    char list[2048];

    drop_pending(s, g, key); /* a deletion replaces a value that waits */
    old = js_get_str(js_get(g->obj, "pending"), "delete");
    (void)snprintf(list, sizeof(list), "%s%s%s", old ? old : "", old ? "," : "", key);
    state_set(&s->st, js_str(list), "guests", g->key, "pending", "delete", NULL);
}

static void apply_revert(struct call *c, const struct guest *g) {
    char list[2048];

    (void)snprintf(list, sizeof(list), "%s", call_str(c, "revert") ? call_str(c, "revert") : "");
    for (char *save = NULL, *key = strtok_r(list, ", ;", &save); key;
         key = strtok_r(NULL, ", ;", &save)) {
        drop_pending(c->s, g, key);
    }
}

/* A drive that goes leaves the boot order, too: at once, or with what waits. */
static void leave_boot_order(struct sim *s, const struct guest *g, const char *key, bool running) {
    const char *boot = guest_conf(g, "boot");
    char list[512], out[512] = "order=";
    size_t n = strlen(out), was = n;
    bool found = false;

    if (g->lxc || !boot || strncmp(boot, "order=", 6) != 0) {
        return;
    }
    (void)snprintf(list, sizeof(list), "%s", boot + 6);
    for (char *save = NULL, *word = strtok_r(list, ";", &save); word;
         word = strtok_r(NULL, ";", &save)) {
        if (strcmp(word, key) == 0) {
            found = true;
        } else if (n + strlen(word) + 2 < sizeof(out)) {
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", n > was ? ";" : "", word);
        }
    }
    if (found) {
        state_set(&s->st, js_str(out), "guests", g->key, running ? "pending" : "config", "boot",
                  NULL);
    }
}

static int apply_delete(struct call *c, const struct guest *g, bool running) {
    char list[2048];

    (void)snprintf(list, sizeof(list), "%s", call_str(c, "delete") ? call_str(c, "delete") : "");
    for (char *save = NULL, *key = strtok_r(list, ", ;", &save); key;
         key = strtok_r(NULL, ", ;", &save)) {
        const char *old = guest_conf(g, key);

        if (!may_change(c, g, key, NULL)) { /* a path of the host may be taken away by anybody */
            return -1;
        }
        if (guest_conf(g, "protection") && strcmp(guest_conf(g, "protection"), "1") == 0 &&
            guest_key_is_volume(g->lxc, key)) {
            return call_fail(c, 500, "can't remove drive '%s' - protection mode enabled", key);
        }
        if (old && guest_key_is_volume(g->lxc, key)) {
            leave_boot_order(c->s, g, key, running);
        }
        if (running && guest_key(g->lxc, key)->pends) {
            if (old) {
                add_to_delete(c->s, g, key);
            } else { /* only waiting: then it waits no more */
                drop_pending(c->s, g, key);
            }
        } else if (old) {
            /* A volume taken out of use stays behind as unusedN. */
            if (guest_key_is_volume(g->lxc, key) && strncmp(key, "unused", 6) != 0 &&
                strchr(old, ':') && !strstr(old, "media=cdrom")) {
                char slot[16], volume[256];

                guest_unused_slot(js_get(g->obj, "config"), slot, sizeof(slot));
                (void)snprintf(volume, sizeof(volume), "%.*s", (int)strcspn(old, ","), old);
                state_set(&c->s->st, js_str(volume), "guests", g->key, "config", slot, NULL);
            }
            state_del(&c->s->st, "guests", g->key, "config", key, NULL);
        }
    }
    return 0;
}

static int apply_keys(struct call *c, const struct guest *g, bool running) {
    JS_FOREACH(c->params, key, value) {
        const char *v = json_object_get_string(value);
        const struct guest_key *k = guest_key(g->lxc, key);
        const char *old = guest_conf(g, key);
        char text[8300];
        size_t n;

        if (is_control(key, g->lxc)) {
            continue;
        }
        (void)snprintf(text, sizeof(text), "%s", k->type == 'b' ? plain_bool(v) : v);
        for (n = strlen(text); n && strcmp(key, "description") == 0 && text[n - 1] == '\n'; n--) {
            text[n - 1] = '\0';
        }
        if (!may_change(c, g, key, v)) {
            return -1;
        }
        if (running) {
            drop_pending(c->s, g, key); /* the new wish replaces the old one, and when it is what
                                         * is there already, nothing waits any more */
        }
        if (old && strcmp(old, text) == 0) {
            continue;
        }
        if (running && k->pends) {
            state_set(&c->s->st, js_str(text), "guests", g->key, "pending", key, NULL);
        } else {
            state_set(&c->s->st, js_str(text), "guests", g->key, "config", key, NULL);
        }
    }
    return 0;
}

static int set_config(struct call *c, struct guest *g) {
    const char *digest = call_str(c, "digest");
    char now[41];
    bool running;

    if (check_keys(c, g) < 0) {
        return -1;
    }
    guest_digest(g, now);
    if (digest && strcmp(digest, now) != 0) {
        return call_fail(c, 500,
                         "detected modified configuration - file changed by other user? "
                         "Try again.");
    }
    if (guest_unlocked(c, g) < 0) {
        return -1;
    }
    running = guest_running(c->s, g);
    apply_revert(c, g);
    if (apply_delete(c, g, running) < 0 || apply_keys(c, g, running) < 0) {
        return -1;
    }
    guest_drop_used(c->s, g);
    sim_tick(c->s);
    return 0;
}

int route_guest_config_set(struct call *c) {
    struct guest g;

    return guest_of_call(c, &g) < 0 ? -1 : set_config(c, &g);
}

static const char *finish_nothing(struct sim_task *t) {
    (void)t;
    return NULL;
}

/* The same with an answer that is a task (VMs only); the change is made at once. */
int route_guest_config_post(struct call *c) {
    struct guest g;
    struct sim_task *t;

    if (guest_of_call(c, &g) < 0 || set_config(c, &g) < 0) {
        return -1;
    }
    t = task_new(c, finish_nothing);
    return t ? task_start(c, t, g.node, "qmconfig", g.key) : call_fail(c, 500, "out of memory");
}
