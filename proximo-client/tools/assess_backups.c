/* SPDX-License-Identifier: Apache-2.0 */
/* Analysers of rows about backups. */
#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/look.h"

/* A new job, other settings of one, or its end: told apart by the request, because an undo has the
 * row's opposite do its work. */
int assess_backup_job(struct draft *d, const struct assess *a, struct err *e) {
    /* who is in a pool or at a node decides whom the job takes */
    CLEANUP(look_done)
    struct look l = {.paths = "/storage /cluster/backup /pools /cluster/resources?type=vm"};
    const struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    const bool is_new = strcmp(a->method, "POST") == 0;
    const char *id = is_new ? NULL : js_get_str(a->args, "id");
    int r = look_open(&l, d, &ask, e);

    return r < 0 ? r
                 : look_close(&l,
                              blast_backup_job(l.p, id, a->form, js_get(a->form, "delete"),
                                               strcmp(a->method, "DELETE") == 0, clock_unix(), d),
                              e);
}

int assess_backup_now(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(look_done) struct look l = {.guest = {a->guest->vmid}, .paths = "/storage"};
    const struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    int r = look_open(&l, d, &ask, e);

    return r < 0
               ? r
               : look_close(&l, blast_backup_now(l.p, a->guest->node, a->form, clock_unix(), d), e);
}

int assess_restore(struct draft *d, const struct assess *a, struct err *e) {
    const char *kind = strrchr(a->path, '/') + 1;
    const char *node = js_str_or(a->args, "node", "");
    const char *archive = js_str_or(a->args, "archive", "");
    const int64_t vmid = js_int_or(a->args, "vmid", 0);
    char storage[128];
    CLEANUP(look_done) struct look l = {.guest = {(uint32_t)vmid}, .paths = "/storage"};
    const struct picture_ask ask = {
        .what = BLAST_RESTORE_NEEDS, .storage = storage, .nodes = node, .archive = archive};
    int r;

    (void)snprintf(storage, sizeof(storage), "%.*s", (int)strcspn(archive, ":"), archive);
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r : look_close(&l, blast_restore(l.p, kind, node, a->form, clock_unix(), d), e);
}
