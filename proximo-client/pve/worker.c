/* SPDX-License-Identifier: Apache-2.0 */
/* Every place where the servers fork a worker (PVE 9.1: fork_worker in its API modules; a backup
 * server: WorkerTask). An answer that is no task of that kind says nothing about what was asked. */
#include "proximo-client/pve/worker.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pve/schema.h"

#define N    "/nodes/{node}"
#define Q    N "/qemu/{vmid}"
#define C    N "/lxc/{vmid}"
#define S    N "/storage/{storage}"
#define CEPH N "/ceph"
#define ACME "/cluster/acme/account"
#define V    "{vmid}"

enum { FIELD_START = 3, FIELD_TYPE = 4, FIELD_ID = 5 };

static const struct worker of_pve[] = {
    {"POST", N "/qemu", "qmcreate|qmrestore", V, NULL, NULL},
    {"POST", N "/lxc", "vzcreate|vzrestore", V, NULL, NULL},
    {"DELETE", Q, "qmdestroy", V, NULL, NULL},
    {"DELETE", C, "vzdestroy", V, NULL, NULL},
    {"POST", Q "/config", "qmconfig", V, "background_delay", NULL},
    {"POST", Q "/status/start", "qmstart|hastart", V, NULL, NULL},
    {"POST", C "/status/start", "vzstart|hastart", V, NULL, NULL},
    {"POST", Q "/status/stop", "qmstop|hastop", V, NULL, NULL},
    {"POST", C "/status/stop", "vzstop|hastop", V, NULL, NULL},
    {"POST", Q "/status/shutdown", "qmshutdown|hastop", V, NULL, NULL},
    {"POST", C "/status/shutdown", "vzshutdown|hastop", V, NULL, NULL},
    {"POST", Q "/status/reboot", "qmreboot", V, NULL, NULL},
    {"POST", C "/status/reboot", "vzreboot", V, NULL, NULL},
    {"POST", Q "/status/reset", "qmreset", V, NULL, NULL},
    {"POST", Q "/status/suspend", "qmsuspend|qmpause", V, NULL, NULL},
    {"POST", C "/status/suspend", "vzsuspend", V, NULL, NULL},
    {"POST", Q "/status/resume", "qmresume", V, NULL, NULL},
    {"POST", C "/status/resume", "vzresume", V, NULL, NULL},
    {"POST", Q "/migrate", "qmigrate|hamigrate", V, NULL, NULL},
    {"POST", C "/migrate", "vzmigrate|hamigrate", V, NULL, NULL},
    {"POST", Q "/remote_migrate", "qmigrate", V, NULL, NULL},
    {"POST", C "/remote_migrate", "vzmigrate", V, NULL, NULL},
    {"POST", Q "/clone", "qmclone", V, NULL, NULL},
    {"POST", C "/clone", "vzclone", V, NULL, NULL},
    {"POST", Q "/template", "qmtemplate", V, NULL, NULL},
    {"POST", C "/template", "vztemplate", V, "", NULL},
    {"POST", Q "/move_disk", "qmmove", V "|" V "-*", NULL, NULL},
    {"POST", C "/move_volume", "move_volume", V "|" V "-*", NULL, NULL},
    {"PUT", Q "/resize", "resize", V, NULL, NULL},
    {"PUT", C "/resize", "resize", V, NULL, NULL},
    {"POST", Q "/snapshot", "qmsnapshot", V, NULL, NULL},
    {"POST", C "/snapshot", "vzsnapshot", V, NULL, NULL},
    {"DELETE", Q "/snapshot/{snapname}", "qmdelsnapshot", V, NULL, NULL},
    {"DELETE", C "/snapshot/{snapname}", "vzdelsnapshot", V, NULL, NULL},
    {"POST", Q "/snapshot/{snapname}/rollback", "qmrollback", V, NULL, NULL},
    {"POST", C "/snapshot/{snapname}/rollback", "vzrollback", V, NULL, NULL},
    /* of several guests the task has no id; of several of which one is on the node, that one's */
    {"POST", N "/vzdump", "vzdump", NULL, NULL, NULL},
    {"DELETE", S "/content/{volume}", "imgdel", "{storage}|*@{storage}", "delay", NULL},
    {"POST", S "/content/{volume}", "imgcopy", NULL, NULL, NULL},
    {"DELETE", S "/prunebackups", "prunebackups", "{storage}|*@{storage}", NULL, NULL},
    {"POST", S "/upload", "imgcopy", NULL, NULL, NULL},
    {"POST", S "/download-url", "download", NULL, NULL, NULL},
    {"POST", S "/oci-registry-pull", "ociregistrypull", NULL, NULL, NULL},
    {"POST", N "/aplinfo", "download", NULL, NULL, NULL},
    {"POST", N "/startall", "startall", NULL, NULL, NULL},
    {"POST", N "/stopall", "stopall", NULL, NULL, NULL},
    {"POST", N "/suspendall", "suspendall", NULL, NULL, NULL},
    {"POST", N "/migrateall", "migrateall", NULL, NULL, NULL},
    {"POST", "/cluster/bulk-action/guest/start", "bulk-start", NULL, NULL, NULL},
    {"POST", "/cluster/bulk-action/guest/shutdown", "bulk-shutdown", NULL, NULL, NULL},
    {"POST", "/cluster/bulk-action/guest/suspend", "bulk-suspend", NULL, NULL, NULL},
    {"POST", "/cluster/bulk-action/guest/migrate", "bulk-migrate", NULL, NULL, NULL},
    {"POST", N "/services/{service}/start", "srvstart", NULL, NULL, NULL},
    {"POST", N "/services/{service}/stop", "srvstop", NULL, NULL, NULL},
    {"POST", N "/services/{service}/restart", "srvrestart", NULL, NULL, NULL},
    {"POST", N "/services/{service}/reload", "srvreload", NULL, NULL, NULL},
    {"PUT", N "/network", "srvreload", "networking", NULL, NULL},
    {"PUT", "/cluster/sdn", "reloadnetworkall", NULL, NULL, NULL},
    {"POST", N "/apt/update", "aptupdate", NULL, NULL, NULL},
    {"POST", N "/disks/initgpt", "diskinit", NULL, NULL, NULL},
    {"PUT", N "/disks/wipedisk", "wipedisk", NULL, NULL, NULL},
    {"POST", N "/disks/directory", "dircreate", "{name}", NULL, NULL},
    {"DELETE", N "/disks/directory/{name}", "dirremove", "{name}", NULL, NULL},
    {"POST", N "/disks/lvm", "lvmcreate", "{name}", NULL, NULL},
    {"DELETE", N "/disks/lvm/{name}", "lvmremove", "{name}", NULL, NULL},
    {"POST", N "/disks/lvmthin", "lvmthincreate", "{name}", NULL, NULL},
    {"DELETE", N "/disks/lvmthin/{name}", "lvmthinremove", "*{name}", NULL, NULL},
    {"POST", N "/disks/zfs", "zfscreate", "{name}", NULL, NULL},
    {"DELETE", N "/disks/zfs/{name}", "zfsremove", "{name}", NULL, NULL},
    {"POST", CEPH "/start", "srvstart", NULL, NULL, NULL},
    {"POST", CEPH "/stop", "srvstop", NULL, NULL, NULL},
    {"POST", CEPH "/restart", "srvrestart", NULL, NULL, NULL},
    {"POST", CEPH "/mon/{monid}", "cephcreatemon", NULL, NULL, NULL},
    {"DELETE", CEPH "/mon/{monid}", "cephdestroymon", NULL, NULL, NULL},
    {"POST", CEPH "/mgr/{id}", "cephcreatemgr", NULL, NULL, NULL},
    {"DELETE", CEPH "/mgr/{id}", "cephdestroymgr", NULL, NULL, NULL},
    {"POST", CEPH "/mds/{name}", "cephcreatemds", NULL, NULL, NULL},
    {"DELETE", CEPH "/mds/{name}", "cephdestroymds", NULL, NULL, NULL},
    {"POST", CEPH "/osd", "cephcreateosd", NULL, NULL, NULL},
    {"DELETE", CEPH "/osd/{osdid}", "cephdestroyosd", NULL, NULL, NULL},
    {"POST", CEPH "/pool", "cephcreatepool", "{name}", NULL, NULL},
    {"PUT", CEPH "/pool/{name}", "cephsetpool", "{name}", NULL, NULL},
    {"DELETE", CEPH "/pool/{name}", "cephdestroypool", "{name}", NULL, NULL},
    {"POST", CEPH "/fs/{name}", "cephfscreate", "{name}", NULL, NULL},
    {"DELETE", CEPH "/fs/{name}", "cephdestroyfs", "{name}", NULL, NULL},
    {"PUT", "/cluster/ceph/flags", "cephsetflags", NULL, NULL, NULL},
    {"POST", N "/certificates/acme/certificate", "acmenewcert", NULL, NULL, NULL},
    {"PUT", N "/certificates/acme/certificate", "acmerenew", NULL, NULL, NULL},
    {"DELETE", N "/certificates/acme/certificate", "acmerevoke", NULL, NULL, NULL},
    {"POST", ACME, "acmeregister", NULL, NULL, NULL},
    {"PUT", ACME "/{name}", "acmeupdate|acmerefresh", NULL, NULL, NULL},
    {"DELETE", ACME "/{name}", "acmedeactivate", NULL, NULL, NULL},
    {"POST", "/access/domains/{realm}/sync", "auth-realm-sync|auth-realm-sync-test", "{realm}",
     NULL, NULL},
};

/* A backup server escapes the id of a task as a unit's name; the type is enough here. */
static const struct worker of_pbs[] = {
    {"POST", "/config/datastore", "create-datastore", NULL, NULL, NULL},
    {"DELETE", "/config/datastore/{store}", "delete-datastore", NULL, NULL, NULL},
    {"POST", "/admin/datastore/{store}/gc", "garbage_collection", NULL, NULL, NULL},
    {"POST", "/admin/datastore/{store}/prune-datastore", "prune", NULL, NULL, NULL},
    {"POST", "/admin/datastore/{store}/prune", "prune", NULL, NULL, "use-task"},
    {"POST", "/admin/datastore/{store}/verify", "verify|verify_group|verify_snapshot", NULL, NULL,
     NULL},
    {"POST", "/admin/prune/{id}/run", "prunejob", NULL, NULL, NULL},
    {"POST", "/admin/verify/{id}/run", "verificationjob", NULL, NULL, NULL},
    {"POST", "/admin/sync/{id}/run", "syncjob", NULL, NULL, NULL},
};

const struct worker *worker_of(bool pbs, const char *method, const char *path, const js *form) {
    const struct worker *list = pbs ? of_pbs : of_pve;
    size_t n = pbs ? ARRAY_LEN(of_pbs) : ARRAY_LEN(of_pve);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].method, method) == 0 && segments_match(list[i].path, path, NULL) &&
            (!list[i].when || js_get(form, list[i].when))) {
            return &list[i];
        }
    }
    return NULL;
}

/* The n-th field of a valid UPID, counted from the node (0). A backup server has a fourth number
 * before the start time, and so one colon more. */
static const char *field_of(const char *upid, size_t n, char *ret, size_t size) {
    const char *p = upid;
    size_t colons = 0;

    for (const char *q = upid; *q; q++) {
        colons += *q == ':';
    }
    for (n += n >= FIELD_START && colons > 8 ? 2 : 1; n > 0; n--) {
        p = strchr(p, ':') + 1;
    }
    (void)snprintf(ret, size, "%.*s", (int)strcspn(p, ":"), p);
    return ret;
}

int64_t upid_start(const char *upid) {
    char text[16];
    int64_t at = 0;

    if (!ident_is_upid(upid)) {
        return -1;
    }
    for (const char *p = field_of(upid, FIELD_START, text, sizeof(text)); *p; p++) {
        at = at * 16 + (*p <= '9' ? *p - '0' : (*p & ~0x20) - 'A' + 10);
    }
    return at;
}

static bool one_of(const char *list, const char *word) {
    size_t len = strlen(word);

    for (const char *p = list; *p; p += strcspn(p, "|"), p += *p == '|') {
        if (strcspn(p, "|") == len && strncmp(p, word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* One alternative with its names replaced. 1 done, 0 a name has no value. Values are matched as
 * they are: what a pattern would take for its own is escaped. */
static int fill(const char *pattern, size_t len, const js *args, const js *form, struct buf *ret) {
    for (size_t i = 0; i < len; i++) {
        char name[40], number[24];
        const char *value;
        size_t n = strcspn(pattern + i, "}");
        js *v;

        if (pattern[i] != '{') {
            (void)buf_addc(ret, pattern[i]);
            continue;
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)(n - 1), pattern + i + 1);
        v = js_get(args, name) ? js_get(args, name) : js_get(form, name);
        (void)snprintf(number, sizeof(number), "%lld",
                       (long long)(js_get_str(form, name) ? 0 : js_int_or(form, name, 0)));
        value = js_is_str(v) ? json_object_get_string(v) : v ? number : NULL;
        if (!value) {
            return 0;
        }
        for (; *value; value++) {
            if (strchr("*?[\\", *value)) {
                (void)buf_addc(ret, '\\');
            }
            (void)buf_addc(ret, *value);
        }
        i += n;
    }
    return 1;
}

static bool id_fits(const char *patterns, const char *path_template, const char *path,
                    const js *form, const char *id) {
    CLEANUP(js_freep) js *args = js_object();

    (void)segments_match(path_template, path, args);
    for (const char *p = patterns; *p; p += strcspn(p, "|"), p += *p == '|') {
        CLEANUP(buf_done) struct buf one = BUF_INIT(1024);

        if (!fill(p, strcspn(p, "|"), args, form, &one) || fnmatch(buf_str(&one), id, 0) == 0) {
            return true;
        }
    }
    return false;
}

int worker_fits(const struct worker *w, const char *path, const js *form, const char *upid,
                struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    char type[512], id[512], node[64];
    const char *asked;

    if (ident_upid_node(upid, node, sizeof(node)) < 0) {
        return err_tag(e, -EBADMSG, "pve_unknown", "the answer is no task");
    }
    (void)field_of(upid, FIELD_TYPE, type, sizeof(type));
    (void)field_of(upid, FIELD_ID, id, sizeof(id));
    if (!one_of(w->types, type)) {
        return err_tag(e, -EBADMSG, "pve_unknown", "the answer is a task %s, not %s: %s", type,
                       w->types, upid);
    }
    (void)segments_match(w->path, path, args);
    asked = js_get_str(args, "node");
    if (asked && strcmp(asked, node) != 0) {
        return err_tag(e, -EBADMSG, "pve_unknown", "the answer is a task of node %s, not %s: %s",
                       node, asked, upid);
    }
    if (w->id && !id_fits(w->id, w->path, path, form, id)) {
        return err_tag(e, -EBADMSG, "pve_unknown", "the answer is a task about '%s': %s", id, upid);
    }
    return 0;
}
