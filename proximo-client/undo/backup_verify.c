/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a backup that was just made is one that a destroyed guest can come back from. A task that
 * ended well is no proof: it may have warned, left a disk out, or written another guest's number.
 * What cannot be made sure of counts as no backup, because the next request destroys the original.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/archive_config.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/backup.h"

/* What names the archive and its disks stands in the first lines of the log; progress follows. */
#define LOG_LINES 1000

bool backup_point_of(const js *request, struct backup_point *ret) {
    const char *path = js_str_or(request, "path", "");
    const js *form = js_get(request, "form");
    size_t len = strlen(path);

    *ret = (struct backup_point){.storage = js_str_or(form, "storage", ""),
                                 .mark = js_str_or(form, "notes-template", ""),
                                 .vmid = js_int_or(form, "vmid", 0)};
    return len > 7 && strcmp(path + len - 7, "/vzdump") == 0 &&
           strncmp(ret->mark, BACKUP_MARK, strlen(BACKUP_MARK)) == 0 &&
           pve_path_part(path, 1, ret->node, sizeof(ret->node));
}

const js *backup_find(const js *content, const struct backup_point *b, const char **ret_why) {
    const js *found = NULL;

    *ret_why = "no archive with its mark is on the storage";
    for (size_t i = 0; i < js_len(content); i++) {
        const js *v = js_at(content, i);

        if (strcmp(js_str_or(v, "notes", ""), b->mark) != 0) {
            continue;
        }
        if (found) {
            *ret_why = "two archives have its mark";
            return NULL;
        }
        found = v;
    }
    if (found && js_int_or(found, "size", 0) <= 0) {
        *ret_why = "the archive is empty";
        return NULL;
    }
    if (found && (js_int_or(found, "vmid", 0) != b->vmid || !js_get_str(found, "volid"))) {
        *ret_why = "the archive is of another guest";
        return NULL;
    }
    return found;
}

struct verify {
    struct session *s;
    struct backup_point b;
    char kind[8];
    const char *upid;
    const char *volid;
    js *content, *log, *config;
    js *text; /* inside the archive */
};

static void verify_done(struct verify *v) {
    json_object_put(v->content);
    json_object_put(v->log);
    json_object_put(v->config);
    json_object_put(v->text);
}

static int unverified(struct err *e, const char *what, const char *more) {
    (void)err_tag(e, -EIO, "backup_unverified", "the backup is not one to rely on: %s%.200s", what,
                  more);
    return err_hint(e, "nothing was destroyed; look at the backup task, then plan again");
}

/* The guest's kind, by the request that destroys it. */
static bool find_kind(struct verify *v, const js *plan) {
    const js *all = js_get(plan, "requests");

    for (size_t i = 0; i < js_len(all); i++) {
        const char *path = js_str_or(js_at(all, i), "path", "");
        char vmid[16] = "";
        uint32_t n = 0;

        if (strcmp(js_str_or(js_at(all, i), "phase", ""), "execute") == 0 &&
            pve_path_part(path, 2, v->kind, sizeof(v->kind)) &&
            pve_path_part(path, 3, vmid, sizeof(vmid)) && ident_vmid(vmid, &n) == 0 &&
            (int64_t)n == v->b.vmid) {
            return true;
        }
    }
    return false;
}

static int get(struct verify *v, const char *template, const js *names, const js *query, js **ret,
               struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = pve_path(template, names, &path, e);

    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : pve_get(v->s->pve, buf_str(&path), ret, e);
    return r < 0 ? err_wrap(e, "verify the backup") : 0;
}

static int read_archive(struct verify *v, struct err *e) {
    CLEANUP(js_freep) js *names = js_object();
    CLEANUP(js_freep) js *query = js_object();
    const char *why = "";
    const js *found;
    int r;

    js_add(names, "node", js_str(v->b.node));
    js_add(names, "storage", js_str(v->b.storage));
    js_add(query, "content", js_str("backup"));
    js_add(query, "vmid", js_int(v->b.vmid));
    r = get(v, "/nodes/{node}/storage/{storage}/content", names, query, &v->content, e);
    if (r < 0) {
        return r;
    }
    found = backup_find(v->content, &v->b, &why);
    if (!found) {
        return unverified(e, why, "");
    }
    if (!js_bool_or(found, "protected", false)) {
        return unverified(e, "the archive is not protected from pruning", "");
    }
    v->volid = js_get_str(found, "volid");
    return 0;
}

static int read_rest(struct verify *v, struct err *e) {
    CLEANUP(js_freep) js *names = js_object();
    CLEANUP(js_freep) js *lines = js_object();
    CLEANUP(js_freep) js *volume = js_object();
    CLEANUP(js_freep) js *current = js_object();
    int r;

    js_add(names, "node", js_str(v->b.node));
    js_add(names, "upid", js_str(v->upid));
    js_add(names, "kind", js_str(v->kind));
    js_add(names, "vmid", js_int(v->b.vmid));
    js_add(lines, "start", js_int(0));
    js_add(lines, "limit", js_int(LOG_LINES));
    js_add(volume, "volume", js_str(v->volid));
    js_add(current, "current", js_int(1)); /* what waits for a restart is in no backup */
    r = get(v, "/nodes/{node}/tasks/{upid}/log", names, lines, &v->log, e);
    r = r < 0 ? r : get(v, "/nodes/{node}/vzdump/extractconfig", names, volume, &v->text, e);
    r = r < 0 ? r : get(v, "/nodes/{node}/{kind}/{vmid}/config", names, current, &v->config, e);
    if (r == 0 && (!js_is_str(v->text) || !js_is_object(v->config))) {
        r = unverified(e, "the configuration inside it is not told", "");
    }
    return r;
}

/* A line of the log that holds all of the words. */
static bool log_has(const struct verify *v, const char *word, const char *other) {
    for (size_t i = 0; i < js_len(v->log); i++) {
        const char *line = js_str_or(js_at(v->log, i), "t", "");

        if (strstr(line, word) && strstr(line, other)) {
            return true;
        }
    }
    return false;
}

/* The log names a path, or what the backup server calls it; both end as the volume id does. */
static bool is_of_task(const struct verify *v) {
    const char *name = strrchr(v->volid, '/');

    return log_has(v, "creating ", name ? name + 1 : v->volid);
}

/* Notes are comments there, raw settings of containers are lines that repeat, passwords are never
 * shown. */
bool backup_leaves_out(const char *key) {
    static const char *const keys[] = {"digest",      "lock", "parent",
                                       "description", "lxc",  "snaptime"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return key_is_unused(key) || strncmp(key, "lxc.", 4) == 0 || config_is_secret(key);
}

static int same_config(const struct verify *v, struct err *e) {
    CLEANUP(js_freep) js *in = archive_config(json_object_get_string(v->text));

    JS_FOREACH(v->config, key, val) {
        if (!backup_leaves_out(key) && !value_same(js_get(in, key), val)) {
            return unverified(e, "the configuration inside differs from the guest's in ", key);
        }
    }
    JS_FOREACH(in, name, was) {
        if (was && !backup_leaves_out(name) && !js_get(v->config, name)) {
            return unverified(e, "the configuration inside has what the guest has not: ", name);
        }
    }
    return 0;
}

static int all_disks(const struct verify *v, struct err *e) {
    const char *text = json_object_get_string(v->text);

    JS_FOREACH(v->config, key, val) {
        char words[48];

        if (!js_is_str(val) || !backup_takes(v->kind, key, json_object_get_string(val))) {
            continue;
        }
        (void)snprintf(words, sizeof(words), "mount point %.20s (", key);
        if (strcmp(v->kind, "lxc") == 0 ? !log_has(v, "including ", words)
                                        : !archive_has_disk(text, key)) {
            return unverified(e, "it is not told that it holds ", key);
        }
    }
    return 0;
}

static js *record_of(const struct verify *v) {
    const char *why = "";
    const js *found = backup_find(v->content, &v->b, &why);
    const char *text = json_object_get_string(v->text);
    char digest[HASH_HEX_LEN + 1];
    struct hash h;
    js *o = js_object();

    sha256(text, strlen(text), &h);
    hash_text(&h, digest);
    js_add(o, "volid", js_str(v->volid));
    js_add(o, "size", js_int(js_int_or(found, "size", 0)));
    js_add(o, "ctime", js_int(js_int_or(found, "ctime", 0)));
    js_add(o, "config", js_str(digest));
    js_add(o, "mark", js_str(v->b.mark));
    return o;
}

int undo_verify_backup(struct session *s, const js *plan, const js *request, const char *upid,
                       const char *exit, js **ret, struct err *e) {
    CLEANUP(verify_done) struct verify v = {.s = s, .upid = upid};
    int r;

    if (!backup_point_of(request, &v.b) || !find_kind(&v, plan)) {
        return err_tag(e, -EINVAL, "bad_plan", "the plan does not say what the backup is of");
    }
    if (strcmp(exit, "OK") != 0) {
        return unverified(e, "its task ended in ", exit);
    }
    session_progress(s, 0, 0, "verifying the backup on %s", v.b.storage);
    r = read_archive(&v, e);
    r = r < 0 ? r : read_rest(&v, e);
    if (r == 0 && !is_of_task(&v)) {
        r = unverified(e, "its task does not name ", v.volid);
    }
    r = r < 0 ? r : same_config(&v, e);
    r = r < 0 ? r : all_disks(&v, e);
    if (r == 0) {
        *ret = record_of(&v);
    }
    return r;
}
