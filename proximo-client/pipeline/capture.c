/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a whole cluster, level by level: what one level answers names what the next one asks. */
#include "proximo-client/pipeline/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/pipeline/service_int.h"
#include "proximo-client/pve/pve.h"

struct capture {
    struct session s;
    js *reads, *unread, *left_out, *scrubbed;
    js *todo; /* paths of the next level */
    size_t done;
};

/* Below each item of a list: templates with {name} taken from the item. */
struct below {
    const char *list;      /* path of the list, as asked for */
    const char *only;      /* "key=value" that the item must have, or NULL */
    const char *paths[16]; /* templates */
};

static const char *const roots[] = {
    "/version",
    "/cluster/status",
    "/cluster/resources",
    "/cluster/options",
    "/nodes",
    "/storage",
    "/pools",
    "/access/users",
    "/access/groups",
    "/access/roles",
    "/access/acl",
    "/access/domains",
    "/cluster/ha/resources",
    "/cluster/ha/rules",
    "/cluster/ha/groups",
    "/cluster/backup",
    "/cluster/replication",
    "/cluster/firewall/options",
    "/cluster/firewall/rules",
    "/cluster/firewall/aliases",
    "/cluster/firewall/groups",
    "/cluster/firewall/ipset",
    "/cluster/sdn/zones",
    "/cluster/sdn/zones?running=1",
    "/cluster/sdn/vnets",
    "/cluster/sdn/vnets?running=1",
    "/cluster/sdn/controllers",
    "/cluster/sdn/controllers?running=1",
    "/cluster/sdn/ipams",
    "/cluster/sdn/dns",
    "/cluster/mapping/pci",
    "/cluster/mapping/usb",
    "/cluster/mapping/dir",
    "/cluster/metrics/server",
    "/cluster/notifications/endpoints/sendmail",
    "/cluster/notifications/endpoints/gotify",
    "/cluster/notifications/endpoints/smtp",
    "/cluster/notifications/endpoints/webhook",
    "/cluster/notifications/matchers",
    "/cluster/acme/plugins",
    "/cluster/jobs/realm-sync",
};

static const struct below belows[] = {
    {"/nodes",
     NULL,
     {"/nodes/{node}/storage", "/nodes/{node}/network", "/nodes/{node}/firewall/options",
      "/nodes/{node}/firewall/rules", "/nodes/{node}/hosts", "/nodes/{node}/dns",
      "/nodes/{node}/config", "/nodes/{node}/disks/list?include-partitions=1",
      "/nodes/{node}/disks/lvm", "/nodes/{node}/disks/lvmthin", "/nodes/{node}/disks/zfs",
      "/nodes/{node}/disks/directory", "/nodes/{node}/hardware/pci", "/nodes/{node}/hardware/usb"}},
    {"/cluster/sdn/vnets",
     NULL,
     {"/cluster/sdn/vnets/{vnet}/subnets", "/cluster/sdn/vnets/{vnet}/subnets?running=1"}},
    {"/cluster/metrics/server", NULL, {"/cluster/metrics/server/{id}"}},
    {"/pools", NULL, {"/pools?poolid={poolid}"}},
    {"/access/users", NULL, {"/access/users/{userid}"}},
    {"/access/groups", NULL, {"/access/groups/{groupid}"}},
    {"/access/domains", NULL, {"/access/domains/{realm}"}},
    {"/cluster/firewall/groups", NULL, {"/cluster/firewall/groups/{group}"}},
    {"/cluster/firewall/ipset", NULL, {"/cluster/firewall/ipset/{name}"}},
    {"/cluster/resources",
     "type=lxc",
     {"/nodes/{node}/lxc/{vmid}/config", "/nodes/{node}/lxc/{vmid}/status/current",
      "/nodes/{node}/lxc/{vmid}/snapshot", "/nodes/{node}/lxc/{vmid}/firewall/options",
      "/nodes/{node}/lxc/{vmid}/firewall/rules"}},
    {"/cluster/resources",
     "type=qemu",
     {"/nodes/{node}/qemu/{vmid}/config", "/nodes/{node}/qemu/{vmid}/status/current",
      "/nodes/{node}/qemu/{vmid}/snapshot", "/nodes/{node}/qemu/{vmid}/firewall/options",
      "/nodes/{node}/qemu/{vmid}/firewall/rules"}},
};

static void want(struct capture *c, const char *path) {
    if (!js_get(c->reads, path)) {
        js_push(c->todo, js_str(path));
    }
}

/* Fills {names} from the item; what cannot be named safely is reported, not asked for. */
static void want_below(struct capture *c, const char *template, const js *item) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *query = strchr(template, '?');
    CLEANUP(freep) char *fixed = query ? strndup(template, (size_t)(query - template)) : NULL;
    CLEANUP(js_freep) js *args = NULL;
    struct err e = {0};
    int r;

    if (query && !strchr(query, '{')) {
        r = pve_path(fixed, item, &path, &e);
        r = r < 0 ? r : buf_adds(&path, query);
    } else if (query) { /* the one other form there is: ?key={key} */
        const char *eq = strchr(query, '=');
        char key[32];

        (void)snprintf(key, sizeof(key), "%.*s", (int)(eq - query - 1), query + 1);
        args = js_object();
        js_add(args, key, js_str(js_str_or(item, key, "")));
        r = buf_adds(&path, fixed);
        r = r < 0 ? r : pve_query(args, &path, &e);
    } else {
        r = pve_path(template, item, &path, &e);
    }
    if (r == 0) {
        want(c, buf_str(&path));
    }
}

static bool has(const js *item, const char *only) {
    const char *eq = only ? strchr(only, '=') : NULL;
    char key[32];

    if (!eq) {
        return true;
    }
    (void)snprintf(key, sizeof(key), "%.*s", (int)(eq - only), only);
    return strcmp(js_str_or(item, key, ""), eq + 1) == 0;
}

static bool ends_with(const char *path, const char *end) {
    size_t len = strlen(path), n = strlen(end);

    return len > n && strcmp(path + len - n, end) == 0;
}

/* PVE shows these to who may change the cluster only (Sys.Modify on /), and a token for a capture
 * should not be allowed to. */
static bool is_for_administrators(const char *path) {
    return ends_with(path, "/hardware/usb") || strcmp(path, "/cluster/acme/plugins") == 0;
}

static void not_read(struct capture *c, const char *path, const struct err *why) {
    bool left_out = is_for_administrators(path) && why->http_status == 403;
    js *o = js_object();

    js_add(o, "path", js_str(path));
    js_add(o, "why", js_str(why->msg));
    js_push(left_out ? c->left_out : c->unread, o);
}

/* Asks for everything on the list; answers are scrubbed before they are kept anywhere. */
static int level(struct capture *c, struct err *e) {
    CLEANUP(js_freep) js *todo = TAKE(c->todo);
    size_t n = js_len(todo);
    struct pve_job *job = calloc(n + 1, sizeof(*job));
    struct err *errs = calloc(n + 1, sizeof(*errs));
    int r = job && errs ? 0 : err_set(e, -ENOMEM, "out of memory");

    c->todo = js_array();
    for (size_t i = 0; r == 0 && i < n; i++) {
        job[i].path = json_object_get_string(js_at(todo, i));
        job[i].err = &errs[i];
    }
    if (r == 0 && n) {
        session_progress(&c->s, (double)c->done, 0, "%zu answers read, %zu asked for", c->done, n);
        r = pve_get_many(c->s.pve, job, n, e);
    }
    for (size_t i = 0; job && i < n; i++) {
        if (r == 0 && job[i].result < 0) {
            not_read(c, job[i].path, &errs[i]);
        } else if (r == 0) {
            capture_scrub(job[i].path, job[i].data, c->scrubbed);
            js_add(c->reads, job[i].path, js_ref(job[i].data));
        }
        json_object_put(job[i].data);
    }
    c->done += n;
    free(job);
    free(errs);
    return r;
}

/* A cluster keeps HA's wishes as groups (before Proxmox VE 9) or as rules, and has no answer for
 * the other: where one was read nothing is missing. */
static void forget_other_form(struct capture *c) {
    static const char *const forms[] = {"/cluster/ha/groups", "/cluster/ha/rules"};
    js *left = js_array();

    for (size_t i = 0; i < js_len(c->unread); i++) {
        const char *path = js_str_or(js_at(c->unread, i), "path", "");
        bool groups = strcmp(path, forms[0]) == 0, rules = strcmp(path, forms[1]) == 0;

        if (!((groups && js_get(c->reads, forms[1])) || (rules && js_get(c->reads, forms[0])))) {
            js_push(left, js_ref(js_at(c->unread, i)));
        }
    }
    json_object_put(c->unread);
    c->unread = left;
}

static void next_of_lists(struct capture *c) {
    for (size_t i = 0; i < ARRAY_LEN(belows); i++) {
        const js *list = js_get(c->reads, belows[i].list);

        for (size_t k = 0; k < js_len(list); k++) {
            for (size_t t = 0; belows[i].paths[t] && has(js_at(list, k), belows[i].only); t++) {
                want_below(c, belows[i].paths[t], js_at(list, k));
            }
        }
    }
}

/* Contents of each storage on each node, each snapshot's own configuration, each pool's disks. */
static void next_of_answers(struct capture *c) {
    JS_FOREACH(c->reads, path, v) {
        bool snaps = ends_with(path, "/snapshot"), pools = ends_with(path, "/disks/zfs");
        bool stores = strncmp(path, "/nodes/", 7) == 0 && ends_with(path, "/storage");

        for (size_t i = 0; (snaps || stores || pools) && i < js_len(v); i++) {
            const char *name = js_str_or(js_at(v, i), stores ? "storage" : "name", "");
            CLEANUP(buf_done) struct buf below = BUF_INIT(LIM_LINE);
            CLEANUP(js_freep) js *args = js_object();

            js_add(args, "name", js_str(name));
            if ((snaps && strcmp(name, "current") == 0) ||
                (stores && !js_bool_or(js_at(v, i), "active", true))) {
                continue;
            }
            if (pve_path(snaps   ? "/{name}/config"
                         : pools ? "/{name}"
                                 : "/{name}/content",
                         args, &below, NULL) == 0) {
                CLEANUP(buf_done) struct buf whole = BUF_INIT(2 * LIM_LINE);

                if (buf_addf(&whole, "%s%s", path, buf_str(&below)) == 0) {
                    want(c, buf_str(&whole));
                }
            }
        }
    }
}

static void capture_done(struct capture *c) {
    json_object_put(c->reads);
    json_object_put(c->unread);
    json_object_put(c->left_out);
    json_object_put(c->scrubbed);
    json_object_put(c->todo);
}

int capture_run(struct app *app, const char *cluster, const char *actor,
                void (*progress)(void *ctx, double done, double total, const char *message),
                void *ctx, js **ret, struct err *e) {
    CLEANUP(capture_done)
    struct capture c = {
        .s = {.app = app, .actor = actor, .progress = progress, .ctx = ctx},
        .reads = js_object(),
        .unread = js_array(),
        .left_out = js_array(),
        .scrubbed = js_array(),
        .todo = js_array(),
    };
    int r = app_session(app, cluster, APP_PVE | APP_LEDGER | APP_IS_PVE, &c.s, e);

    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        want(&c, roots[i]);
    }
    if (r == 0) {
        r = level(&c, e);
    }
    if (r == 0 && !js_get(c.reads, "/cluster/resources")) {
        (void)err_tag(e, -EACCES, "capture_empty", "the cluster's resources cannot be read: %.200s",
                      js_str_or(js_at(c.unread, 0), "why", ""));
        return err_hint(e, "a capture needs a token with PVEAuditor on /");
    }
    if (r == 0) {
        forget_other_form(&c);
        next_of_lists(&c);
        r = level(&c, e);
    }
    if (r == 0) {
        next_of_answers(&c);
        r = level(&c, e);
    }
    if (r < 0) {
        return r;
    }
    (void)service_record_read(&c.s, "capture", "ok");
    *ret = js_object();
    js_add(*ret, "v", js_int(1));
    js_add(*ret, "kind", js_str("proximo-capture"));
    js_add(*ret, "cluster", js_str(c.s.cluster));
    js_add(*ret, "time", js_int(clock_unix()));
    js_add(*ret, "reads", TAKE(c.reads));
    js_add(*ret, "unread", TAKE(c.unread));
    js_add(*ret, "left_out", TAKE(c.left_out));
    js_add(*ret, "scrubbed", TAKE(c.scrubbed));
    return 0;
}
