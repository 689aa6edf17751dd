/* SPDX-License-Identifier: Apache-2.0 */
/* An undo by a backup that stopped half way: the guest is back, and some of what named it is not.
 * It may be asked for again, and goes on, if the guest that has the number is the one in the
 * archive. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/blast/archive_config.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/backup.h"

static bool is_made_up(const char *key) {
    return strcmp(key, "vmgenid") == 0 || strcmp(key, "meta") == 0 || backup_leaves_out(key);
}

/* Volumes come back under names of their own, and what no backup takes does not. */
static bool same_value(const char *kind, const char *key, const js *was, const js *is) {
    const char *a, *b;

    if (!key_is_disk(kind, key)) {
        return value_same(was, is);
    }
    a = js_is_str(was) ? json_object_get_string((js *)(uintptr_t)was) : NULL;
    b = js_is_str(is) ? json_object_get_string((js *)(uintptr_t)is) : NULL;
    if (!a || !backup_takes(kind, key, a)) {
        return true;
    }
    return b && backup_disk_size(a) == backup_disk_size(b);
}

static bool same_key(const char *kind, const char *key, const js *was, const js *is,
                     struct buf *ret) {
    if (is_made_up(key) || same_value(kind, key, was, is)) {
        return true;
    }
    (void)buf_addf(ret, "%s%.60s is %.100s in the backup and %.100s there", ret->len ? "; " : "",
                   key, was ? value_text(was) : "not", is ? value_text(is) : "not");
    return false;
}

bool backup_is_guest(const char *kind, const js *config, const char *text,
                     struct buf *ret_differing) {
    CLEANUP(js_freep) js *in = archive_config(text);
    bool same = true;

    JS_FOREACH(in, key, was) {
        same &= same_key(kind, key, was, js_get(config, key), ret_differing);
    }
    JS_FOREACH(config, name, is) {
        same &= js_get(in, name) || same_key(kind, name, NULL, is, ret_differing);
    }
    return same;
}
