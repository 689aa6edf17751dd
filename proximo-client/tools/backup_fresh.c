/* SPDX-License-Identifier: Apache-2.0 */
/* pve_backup_freshness: the newest backup of each guest against the schedules. */
#include "common/clock.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/rows.h"

#define MAX_AGE_HOURS 48 /* a nightly schedule, and one night missed */

static const struct field fresh_fields[] = {
    {"max_age", F_INT, "hours after which a backup is old; default 48", .min = 1, .max = 100000},
    {"vmid", F_VMID, "only this guest"},
    FIELDS_PAGE,
    {NULL},
};

static js *only(const js *all, int64_t vmid) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(all); i++) {
        if (vmid == 0 || js_int_or(js_at(all, i), "vmid", 0) == vmid) {
            js_push(out, js_ref(js_at(all, i)));
        }
    }
    return out;
}

static js *counts_of(const js *list) {
    js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const char *state = js_str_or(js_at(list, i), "state", "unknown");

        js_add(o, state, js_int(js_int_or(o, state, 0) + 1));
    }
    return o;
}

static int fresh_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *all = NULL;
    CLEANUP(js_freep) js *list = NULL;
    struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    int r = assess_peek(s, &ask, &p, e);

    if (r < 0) {
        return r;
    }
    all = blast_freshness(p, clock_unix(), js_int_or(args, "max_age", MAX_AGE_HOURS) * 3600);
    list = only(all, js_int_or(args, "vmid", 0));
    *ret = answer_list(list, args, NULL);
    js_add(*ret, "counts", counts_of(list));
    answer_partial(s, *ret, "/vms", "VM.Audit");
    return 0;
}

const struct row backup_fresh_rows[] = {
    {"pve_backup_freshness", "How fresh backups are",
     "Shows of each guest its newest backup, its age, and the schedules that take it; what the "
     "token "
     "cannot see is unknown, never missing. Changes nothing.",
     "backup", EFFECT_READ, ROW_IDEMPOTENT, fresh_fields, .read = fresh_read,
     .privilege = "/vms VM.Audit, VM.Backup and Datastore.AllocateSpace on the storages",
     .result = LIST_RESULT " counts:object partial?:object"},
    {NULL},
};
