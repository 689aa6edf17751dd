/* SPDX-License-Identifier: Apache-2.0 */
/* What names a guest and goes with it, made again by the undo of its end: with purge its backup
 * jobs, replication jobs and its place under HA, always the grants on its path. The order is that
 * of the undo: HA comes last, because its manager may start the guest at once. */
#include <string.h>

#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/access.h"
#include "proximo-client/tools/guest_life.h"

struct named {
    struct draft *d;
    struct buf *limits;
    char vmid[12], sid[16];
};

/* A list that cannot be read is no reason not to have a backup; what it may have held is said. */
static js *list_of(struct named *n, const char *path, const char *what) {
    js *list = NULL;

    if (draft_read(n->d, path, "whole", &list, NULL) < 0 || !js_is_array(list)) {
        add_limit(n->limits, "%s could not be read: if one names the guest, it is not made again",
                  what);
        return NULL;
    }
    return list;
}

/* The whole object, by the row that makes one. */
static int make_again(struct named *n, const char *deleted_by, const char *field, const char *id,
                      struct err *e) {
    CLEANUP(sending_done) struct sending c = {.read = BUF_INIT(LIM_LINE)};
    CLEANUP(js_freep) js *args = js_object();
    int r;

    js_add(args, field, js_str(id));
    r = sending_open(&c, row_find(deleted_by), n->d, NULL, args, e);
    r = r < 0 ? r : sending_look(&c, e);
    if (r == 0 && c.now) {
        r = send_make(n->d, PHASE_UNDO, c.row->send->on, c.args, c.now, n->limits, e);
    }
    return r;
}

static bool has_word(const char *list, const char *word, bool *ret_alone) {
    size_t len = strlen(word);
    bool found = false;

    *ret_alone = true;
    while (*list) {
        size_t n = strcspn(list, ",; ");

        if (n == len && strncmp(list, word, n) == 0) {
            found = true;
        } else if (n > 0) {
            *ret_alone = false;
        }
        list += n + strspn(list + n, ",; ");
    }
    return found;
}

static int jobs(struct named *n, struct err *e) {
    js *list = list_of(n, "/cluster/backup", "backup jobs");
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *job = js_at(list, i);
        const char *id = js_str_or(job, "id", "");
        bool alone = false;

        if (!has_word(js_str_or(job, "vmid", ""), n->vmid, &alone)) {
            continue;
        }
        if (alone) {
            r = make_again(n, "pve_backup_job_delete", "id", id, e);
        } else {
            CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
            CLEANUP(js_freep) js *names = js_object();
            js *form = js_object();

            js_add(names, "id", js_str(id));
            js_add(form, "vmid", js_copy(js_get(job, "vmid")));
            r = pve_path("/cluster/backup/{id}", names, &path, e);
            draft_request(n->d, PHASE_UNDO, "PUT", buf_str(&path), form, NULL);
        }
    }
    return r;
}

static int replication(struct named *n, struct err *e) {
    js *list = list_of(n, "/cluster/replication", "replication jobs");
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *job = js_at(list, i);

        if (strcmp(value_text(js_get(job, "guest")), n->vmid) == 0) {
            r = make_again(n, "pve_replication_delete", "id", js_str_or(job, "id", ""), e);
        }
    }
    return r;
}

static void grants(struct named *n) {
    js *list = list_of(n, "/access/acl", "grants");
    char path[24];

    (void)snprintf(path, sizeof(path), "/vms/%s", n->vmid);
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "path", ""), path) == 0) {
            draft_request(n->d, PHASE_UNDO, "PUT", "/access/acl", acl_form(js_at(list, i), false),
                          NULL);
        }
    }
}

static int ha(struct named *n, struct err *e) {
    js *list = list_of(n, "/cluster/ha/resources", "HA resources"), *rules = NULL;
    bool alone, is_managed = false;
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "sid", ""), n->sid) == 0) {
            is_managed = true;
            r = make_again(n, "pve_ha_resource_remove", "sid", n->sid, e);
        }
    }
    rules = r == 0 && is_managed ? list_of(n, "/cluster/ha/rules", "HA rules") : NULL;
    for (size_t i = 0; i < js_len(rules); i++) {
        if (has_word(js_str_or(js_at(rules, i), "resources", ""), n->sid, &alone)) {
            add_limit(n->limits, "HA rule %.60s is not put back as it was (pve_ha_rule_%s)",
                      js_str_or(js_at(rules, i), "rule", "?"), alone ? "create" : "update");
        }
    }
    return r;
}

int back_of_named(struct draft *d, const struct assess *a, struct buf *limits, struct err *e) {
    struct named n = {.d = d, .limits = limits};
    const bool purge = js_bool_or(a->form, "purge", false);
    int r = 0;

    (void)snprintf(n.vmid, sizeof(n.vmid), "%u", a->guest->vmid);
    (void)snprintf(n.sid, sizeof(n.sid), "%s:%u", strcmp(a->guest->kind, "lxc") == 0 ? "ct" : "vm",
                   a->guest->vmid);
    if (purge) {
        r = jobs(&n, e);
        r = r < 0 ? r : replication(&n, e);
    }
    if (r == 0) {
        grants(&n);
    }
    return r == 0 && purge ? ha(&n, e) : r;
}
