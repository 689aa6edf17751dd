/* SPDX-License-Identifier: Apache-2.0 */
/* backup: a destroyed guest is restored from the archive that was made and verified before, under
 * its number; then what named it is made again. Nothing is overwritten: a guest that has the number
 * by now is shown. The archive must be the one that was verified; where somebody removed it or put
 * another in its place there is no way back, and that is said. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/undo/backup.h"
#include "proximo-client/undo/kinds.h"

struct comeback {
    struct draft *d;
    const struct undone *u;
    struct backup_point b;
    const js *record; /* of the archive as it was verified */
    const char *text; /* the configuration inside it, borrowed */
    char resource[24];
    char vmid[16];
    bool is_ct;
    bool is_back;   /* an undo before this one has restored it */
    size_t missing; /* of what named it */
};

static int gone(const struct comeback *c, struct err *e, const char *why, const char *more) {
    (void)err_tag(e, -ENOENT, "undo_gone", "the backup of guest %s cannot be restored: %s%.200s",
                  c->vmid, why, more);
    return err_hint(e,
                    "pve_storage_content of %.60s shows what backups there are; "
                    "pve_restore_%s restores one",
                    c->b.storage, c->is_ct ? "ct" : "vm");
}

static const js *request_by(const struct undone *u, const char *phase, struct backup_point *ret) {
    const js *q;

    for (size_t i = 0; (q = undone_request(u, phase, i)); i++) {
        if (backup_point_of(q, ret)) {
            return q;
        }
    }
    return NULL;
}

static int begin(struct comeback *c, struct err *e) {
    const js *archives = js_get(c->u->outcome, "archives");
    const char *path = js_str_or(undone_request(c->u, "undo", 0), "path", "");
    char kind[8];

    if (!request_by(c->u, "prepare", &c->b) || !pve_path_part(path, 2, kind, sizeof(kind))) {
        return err_tag(e, -EINVAL, "bad_plan", "the recorded way back names no backup");
    }
    c->is_ct = strcmp(kind, "lxc") == 0;
    (void)snprintf(c->vmid, sizeof(c->vmid), "%u", (unsigned int)c->b.vmid);
    (void)snprintf(c->resource, sizeof(c->resource), "%s/%s", c->is_ct ? "ct" : "vm", c->vmid);
    for (size_t i = 0; i < js_len(archives); i++) {
        if (strcmp(js_str_or(js_at(archives, i), "mark", ""), c->b.mark) == 0) {
            c->record = js_at(archives, i);
        }
    }
    return c->record ? 0 : gone(c, e, "the ledger does not say that it was verified", "");
}

/* The cluster's own word, which does not depend on what guests the token may see. 1: free. */
static int number_is_free(const struct comeback *c, struct err *e) {
    char path[60];
    struct err why = {0};
    int r;

    (void)snprintf(path, sizeof(path), "/cluster/nextid?vmid=%s", c->vmid);
    r = draft_read(c->d, path, "whole", NULL, &why);
    if (r == 0 || why.http_status == 400) {
        return r == 0;
    }
    if (e) {
        *e = why;
    }
    return r;
}

/* The guest that has the number is ours if it is what is in the archive: then an undo before this
 * one stopped half way, and this one goes on. Any other is shown and not touched. */
static int look_at_it(struct comeback *c, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *args = js_object();
    const char *kind = c->is_ct ? "lxc" : "qemu";
    struct guest_ref g;
    js *config = NULL;
    int r;

    js_add(args, "vmid", js_int(c->b.vmid));
    r = plan_guest(c->d, args, &g, NULL, e);
    r = r < 0 ? r : plan_guest_read(c->d, &g, "/config", "config", &config, e);
    if (r < 0) {
        return err_wrap(e, "there is a guest %s again", c->vmid);
    }
    c->is_back = strcmp(g.kind, kind) == 0 && backup_is_guest(kind, config, c->text, &b);
    if (c->is_back) {
        return 0;
    }
    (void)err_tag(e, -EEXIST, "already_exists",
                  "there is a guest %s again, and it is another than in the backup: %.500s",
                  c->vmid, b.len ? buf_str(&b) : "it is of the other kind");
    return err_hint(e, "it is not overwritten; pve_restore_%s restores %.200s under another number",
                    c->is_ct ? "ct" : "vm", js_str_or(c->record, "volid", "the archive"));
}

static int same_archive(const struct comeback *c, const js *found, struct err *e) {
    if (strcmp(js_str_or(found, "volid", ""), js_str_or(c->record, "volid", "-")) != 0 ||
        js_int_or(found, "size", -1) != js_int_or(c->record, "size", 0) ||
        js_int_or(found, "ctime", -1) != js_int_or(c->record, "ctime", 0)) {
        return gone(c, e, "another archive is in its place: ", js_str_or(found, "volid", ""));
    }
    return 0;
}

/* What is inside, by its configuration; the data itself nobody can compare but by restoring it. */
static int same_inside(struct comeback *c, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *names = js_object();
    CLEANUP(js_freep) js *query = js_object();
    char digest[HASH_HEX_LEN + 1] = "";
    struct hash h;
    js *text = NULL;
    int r;

    js_add(names, "node", js_str(c->b.node));
    js_add(query, "volume", js_copy(js_get(c->record, "volid")));
    r = pve_path("/nodes/{node}/vzdump/extractconfig", names, &path, e);
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : draft_read(c->d, buf_str(&path), "whole", &text, e);
    if (r < 0) {
        return r;
    }
    if (js_is_str(text)) {
        sha256(json_object_get_string(text), strlen(json_object_get_string(text)), &h);
        hash_text(&h, digest);
        c->text = json_object_get_string(text);
    }
    return strcmp(digest, js_str_or(c->record, "config", "-")) == 0
               ? 0
               : gone(c, e, "another guest's or another moment's configuration is inside", "");
}

static int find_archive(struct comeback *c, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *names = js_object();
    CLEANUP(js_freep) js *query = js_object();
    const js *found;
    const char *why = "";
    js *content = NULL;
    int r;

    js_add(names, "node", js_str(c->b.node));
    js_add(names, "storage", js_str(c->b.storage));
    js_add(query, "content", js_str("backup"));
    js_add(query, "vmid", js_int(c->b.vmid));
    r = pve_path("/nodes/{node}/storage/{storage}/content", names, &path, e);
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : draft_read(c->d, buf_str(&path), "whole", &content, e);
    if (r < 0) {
        return r;
    }
    found = backup_find(content, &c->b, &why);
    r = found ? same_archive(c, found, e) : gone(c, e, why, "");
    return r < 0 ? r : same_inside(c, e);
}

/* ---- the requests ---- */

static js *restore_form(const struct comeback *c, const js *q) {
    js *form = js_object();

    JS_FOREACH(js_get(q, "form"), key, val) {
        bool is_mark = js_is_str(val) && strcmp(json_object_get_string(val), BACKUP_ARCHIVE) == 0;

        js_add(form, key, js_copy(is_mark ? js_get(c->record, "volid") : val));
    }
    return form;
}

static int restore(const struct comeback *c, struct err *e) {
    const js *q = undone_request(c->u, "undo", 0);
    CLEANUP(js_freep) js *form = restore_form(c, q);
    CLEANUP(js_freep) js *args = js_object();
    struct assess a = {.row = row_find(c->is_ct ? "pve_restore_ct" : "pve_restore_vm"),
                       .args = args,
                       .method = js_str_or(q, "method", ""),
                       .path = js_str_or(q, "path", ""),
                       .form = form};

    js_add(args, "node", js_str(c->b.node));
    js_add(args, "vmid", js_int(c->b.vmid));
    js_add(args, "archive", js_copy(js_get(c->record, "volid")));
    draft_request(c->d, PHASE_EXECUTE, a.method, a.path, js_copy(form), NULL);
    draft_affect(c->d,
                 &(struct affect){.resource = c->resource,
                                  .node = c->b.node,
                                  .effect = "reverted",
                                  .severity = RISK_LOW,
                                  .via = js_str_or(c->record, "volid", ""),
                                  .why = "it comes back as it was when it was backed up, with "
                                         "the same MAC addresses"});
    return assess_restore(c->d, &a, e);
}

static bool has_word(const char *list, const char *word) {
    size_t len = strlen(word);

    while (*list) {
        size_t n = strcspn(list, ",; ");

        if (n == len && strncmp(list, word, n) == 0) {
            return true;
        }
        list += n + strspn(list + n, ",; ");
    }
    return false;
}

static const js *item_of(struct draft *d, const char *path, const char *id, js **ret_list,
                         struct err *e, int *ret) {
    *ret = draft_read(d, path, "whole", ret_list, e);
    for (size_t i = 0; *ret == 0 && i < js_len(*ret_list); i++) {
        if (strcmp(js_str_or(js_at(*ret_list, i), "id", ""), id) == 0) {
            return js_at(*ret_list, i);
        }
    }
    return NULL;
}

static void affect(const struct comeback *c, const char *kind, const char *id, const char *why,
                   enum risk risk) {
    char label[160];

    (void)snprintf(label, sizeof(label), "%s/%.120s", kind, id);
    draft_affect(c->d, &(struct affect){
                           .resource = label, .effect = "reverted", .severity = risk, .why = why});
}

static size_t words_of(const char *list) {
    size_t n = 0;

    for (list += strspn(list, ",; "); *list; n++) {
        list += strcspn(list, ",; ");
        list += strspn(list, ",; ");
    }
    return n;
}

/* The recorded list, when it is the present one and the guest: its order is kept then. */
static bool is_recorded(const char *recorded, const char *now, const char *vmid) {
    char word[16];
    size_t n = 0, m = 0;

    for (const char *at = recorded; *at; n++) {
        size_t len = strcspn(at, ",; ");

        (void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
        if (strcmp(word, vmid) != 0 && !has_word(now, word)) {
            return false;
        }
        at += len + strspn(at + len, ",; ");
    }
    for (const char *at = now; *at; m++) {
        at += strcspn(at, ",; ");
        at += strspn(at, ",; ");
    }
    return n == m + 1;
}

/* A job that lost the guest gets it back; what else was changed in it since stays. */
static int join_job(struct comeback *c, const js *q, struct err *e) {
    const char *path = js_str_or(q, "path", ""), *id = strrchr(path, '/') + 1;
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    const char *now, *recorded;
    const js *job;
    js *list = NULL, *form;
    int r;

    job = item_of(c->d, "/cluster/backup", id, &list, e, &r);
    if (r < 0) {
        return r;
    }
    if (!job || has_word(js_str_or(job, "vmid", ""), c->vmid)) {
        draft_risk(c->d, RISK_LOW,
                   job ? "backup job %.80s names the guest again already"
                       : "backup job %.80s is gone and is not made again",
                   id);
        return 0;
    }
    now = js_str_or(job, "vmid", "");
    recorded = js_str_or(js_get(q, "form"), "vmid", "");
    if (is_recorded(recorded, now, c->vmid)) {
        (void)buf_adds(&b, recorded);
    } else {
        (void)buf_addf(&b, "%s%s%s", now, *now ? "," : "", c->vmid);
    }
    form = js_object();
    js_add(form, "vmid", js_str(buf_str(&b)));
    draft_request(c->d, PHASE_EXECUTE, "PUT", path, form, NULL);
    c->missing++;
    affect(c, "job", id, "the guest is in the backup job again", RISK_LOW);
    return 0;
}

/* A job that went with the guest is made again, unless somebody has. */
static int make_job(struct comeback *c, const js *q, const char *kind, struct err *e) {
    const char *path = js_str_or(q, "path", ""), *id = js_str_or(js_get(q, "form"), "id", "");
    const js *there;
    js *list = NULL;
    int r;

    there = item_of(c->d, path, id, &list, e, &r);
    if (r < 0) {
        return r;
    }
    if (there) {
        draft_risk(c->d, RISK_LOW, "there is a %s %.80s again: it is left as it is", kind, id);
        return 0;
    }
    undone_copy_request(c->d, q);
    c->missing++;
    affect(c, kind, id, "it is made again as it was recorded", RISK_LOW);
    return 0;
}

/* Whether the guest's HA resource, or each entry that a grant makes, is there again. Asked only
 * when an undo goes on: what cannot be read is asked for again, which changes nothing that is so.
 */
static bool is_granted(const struct comeback *c, const js *form) {
    const char *roles = js_str_or(form, "roles", "");
    js *list = NULL;
    size_t n = 0;

    if (!c->is_back || draft_read(c->d, "/access/acl", "whole", &list, NULL) < 0) {
        return false;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *a = js_at(list, i);
        const char *type = js_str_or(a, "type", "");
        const char *who = js_str_or(form,
                                    strcmp(type, "group") == 0   ? "groups"
                                    : strcmp(type, "token") == 0 ? "tokens"
                                                                 : "users",
                                    "");

        n += strcmp(js_str_or(a, "path", ""), js_str_or(form, "path", "-")) == 0 &&
             has_word(roles, js_str_or(a, "roleid", "-")) &&
             has_word(who, js_str_or(a, "ugid", "-"));
    }
    return n > 0 && !strpbrk(roles, ",; ") &&
           n >= words_of(js_str_or(form, "users", "")) + words_of(js_str_or(form, "groups", "")) +
                    words_of(js_str_or(form, "tokens", ""));
}

static bool is_managed(const struct comeback *c, const js *form) {
    js *list = NULL;

    if (!c->is_back || draft_read(c->d, "/cluster/ha/resources", "whole", &list, NULL) < 0) {
        return false;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "sid", ""), js_str_or(form, "sid", "-")) == 0) {
            return true;
        }
    }
    return false;
}

static int grant(struct comeback *c, const js *q, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    struct assess a = {.row = row_find("pve_acl_modify"),
                       .args = args,
                       .method = "PUT",
                       .path = js_str_or(q, "path", ""),
                       .form = js_get(q, "form")};

    if (is_granted(c, a.form)) {
        return 0;
    }
    undone_copy_request(c->d, q);
    c->missing++;
    return assess_access(c->d, &a, e);
}

static void manage(struct comeback *c, const js *q) {
    const char *state = js_str_or(js_get(q, "form"), "state", "started");
    bool starts = strcmp(state, "started") == 0 || strcmp(state, "enabled") == 0;

    if (is_managed(c, js_get(q, "form"))) {
        return;
    }
    undone_copy_request(c->d, q);
    c->missing++;
    affect(c, "ha", js_str_or(js_get(q, "form"), "sid", c->vmid),
           starts ? "HA looks after it again, and starts it" : "HA looks after it again",
           RISK_MEDIUM);
}

static int rest(struct comeback *c, struct err *e) {
    const js *q;
    int r = 0;

    for (size_t i = 1; r == 0 && (q = undone_request(c->u, "undo", i)); i++) {
        const char *path = js_str_or(q, "path", "");

        if (strncmp(path, "/cluster/backup/", 16) == 0) {
            r = join_job(c, q, e);
        } else if (strcmp(path, "/cluster/backup") == 0) {
            r = make_job(c, q, "job", e);
        } else if (strcmp(path, "/cluster/replication") == 0) {
            r = make_job(c, q, "replication", e);
        } else if (strcmp(path, "/access/acl") == 0) {
            r = grant(c, q, e);
        } else {
            manage(c, q);
        }
    }
    return r;
}

static int go_on(struct comeback *c, struct err *e) {
    int r;

    draft_change(c->d,
                 "go on with the undo: guest %s is back as it was backed up, what named it "
                 "follows",
                 c->vmid);
    draft_undo(c->d, "none", "each of them is taken away again by a plan of its own", "");
    draft_affect(c->d, &(struct affect){.resource = c->resource,
                                        .node = c->b.node,
                                        .effect = "none",
                                        .severity = RISK_LOW,
                                        .via = js_str_or(c->record, "volid", ""),
                                        .why = "it has been restored already and is not touched"});
    r = rest(c, e);
    if (r == 0 && !c->missing) {
        return err_tag(e, -EALREADY, "no_change",
                       "guest %s is back, and all that named it names it again", c->vmid);
    }
    return r;
}

int undo_backup(struct draft *d, const struct undone *u, struct err *e) {
    struct comeback c = {.d = d, .u = u};
    int r = begin(&c, e);

    bool free = true;

    if (r == 0) {
        r = number_is_free(&c, e);
        free = r != 0;
    }
    r = r < 0 ? r : find_archive(&c, e);
    if (r == 0 && !free) {
        r = look_at_it(&c, e);
    }
    if (r < 0) {
        return r;
    }
    if (c.is_back) {
        return go_on(&c, e);
    }
    draft_undo(d, "none",
               "what was restored can be destroyed again, by a plan of its own (pve_delete_guest)",
               "the archive stays, protected, until it is deleted");
    r = restore(&c, e);
    return r < 0 ? r : rest(&c, e);
}
