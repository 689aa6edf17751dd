/* SPDX-License-Identifier: Apache-2.0 */
/* What the phase prepare has made, held to its promise before anything is executed: a backup is
 * verified, and what it was found to be is in the ledger, synced, before the guest goes. So an
 * operation that died without that record has executed nothing. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/undo/backup.h"

static int verify(struct change *c, const js *q, size_t ordinal, struct err *e) {
    CLEANUP(js_freep) js *archive = NULL;
    const js *t = change_task(c, ordinal);
    int r = undo_verify_backup(c->s, c->p.v, q, js_str_or(t, "upid", ""), js_str_or(t, "exit", ""),
                               &archive, e);

    return r < 0 ? r : change_progress(c, ordinal, js_str_or(t, "upid", ""), "archive", archive, e);
}

int stage_verify(struct change *c, struct err *e) {
    struct backup_point b;
    const js *q;
    size_t ordinal;
    int r = 0;

    for (size_t i = 0; r == 0 && (q = plan_request(&c->p, "prepare", i, &ordinal)); i++) {
        if (backup_point_of(q, &b)) {
            r = verify(c, q, ordinal, e);
        }
    }
    if (r < 0) {
        c->out = OUT_NOT_STARTED;
    }
    return r;
}

void prepared_left_over(struct change *c) {
    struct backup_point b;
    const js *q;
    size_t ordinal;

    if (c->out != OUT_NOT_STARTED || !c->prepared) {
        return;
    }
    for (size_t i = 0; (q = plan_request(&c->p, "prepare", i, &ordinal)); i++) {
        if (backup_point_of(q, &b) && change_task(c, ordinal)) {
            char text[400];

            (void)snprintf(text, sizeof(text),
                           "the backup on %.60s with the notes \"%.100s\" may be there, protected "
                           "(pve_volume_update with protected=false, then pve_volume_delete)",
                           b.storage, b.mark);
            js_push(c->leftover, js_str(text));
        }
    }
}

/* A storage's content without the archives that this plan made on it. New value. */
static js *without_archives(const struct change *c, const char *path, const js *data) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(data); i++) {
        struct backup_point b;
        const js *q;
        bool ours = false;

        for (size_t k = 0; !ours && (q = plan_request(&c->p, "prepare", k, NULL)); k++) {
            char part[128];

            ours = backup_point_of(q, &b) && pve_path_part(path, 3, part, sizeof(part)) &&
                   strcmp(part, b.storage) == 0 &&
                   strcmp(js_str_or(js_at(data, i), "notes", ""), b.mark) == 0;
        }
        if (!ours) {
            js_push(list, js_ref(js_at(data, i)));
        }
    }
    return list;
}

bool prepared_is_all(const struct change *c, const js *pre, const js *data) {
    CLEANUP(js_freep) js *before = NULL;
    const char *path = js_str_or(pre, "read", "");
    char text[HASH_HEX_LEN + 1];
    struct hash h;

    if (!js_is_array(data) || !strstr(path, "/content")) {
        return false;
    }
    before = without_archives(c, path, data);
    if (js_len(before) == js_len(data) ||
        reduce_digest(js_str_or(pre, "reduce", ""), before, &h, NULL) < 0) {
        return false;
    }
    hash_text(&h, text);
    return strcmp(text, js_str_or(pre, "digest", "")) == 0;
}
