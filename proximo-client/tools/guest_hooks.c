/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows about guests need beside their data. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/guest_life.h"

bool key_of_ct(const char *kind, const char *key) {
    (void)kind;
    return key_is_guest("lxc", key) && !key_is_unused(key);
}

bool key_of_vm(const char *kind, const char *key) {
    (void)kind;
    return key_is_guest("qemu", key) && !key_is_unused(key) && !config_is_secret(key);
}

int assess_power_row(struct draft *d, const struct assess *a, struct err *e) {
    const char *action = strrchr(a->row->send->path, '/') + 1;

    return assess_power(d, a->guest, action, e);
}

/* "32G" in KiB; 0 for what is no size. */
static uint64_t size_of(const char *text) {
    static const char units[] = "KMGT";
    size_t n = strspn(text, "0123456789");
    const char *u = text[n] ? strchr(units, text[n]) : NULL;
    uint64_t v, unit = 1;
    char number[16];

    if (!n || n >= sizeof(number) || (text[n] && (!u || text[n + 1]))) {
        return 0;
    }
    (void)snprintf(number, sizeof(number), "%.*s", (int)n, text);
    if (ident_u64(number, &v) < 0) {
        return 0;
    }
    for (; u && u > units; u--) {
        unit *= 1024;
    }
    return !u ? v / 1024 : v > UINT64_MAX / unit ? 0 : v * unit;
}

int refuse_shrink(struct draft *d, const struct assess *a, struct err *e) {
    const char *disk = js_str_or(a->args, "disk", ""), *size = js_str_or(a->args, "size", "");
    const char *now = js_get_str(a->before, disk);
    const char *was = now ? strstr(now, "size=") : NULL;
    char text[24] = "";

    (void)d;
    if (!now) {
        (void)err_tag(e, -EINVAL, "bad_argument", "the guest has no %.20s", disk);
        return err_hint(e, "pve_guest_config_get shows its disks");
    }
    if (was) {
        (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(was + 5, ","), was + 5);
    }
    if (*size == '+' ? !size_of(size + 1) : !size_of(size)) {
        return err_tag(e, -EINVAL, "bad_argument", "size must be like 20G or +5G");
    }
    if (*size != '+' && size_of(text) && size_of(size) < size_of(text)) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%.20s has %s: it cannot shrink to %.20s", disk,
                      text, size);
        return err_hint(e, "disks only grow; make a smaller one and copy");
    }
    if (*size != '+' && size_of(text) == size_of(size)) {
        return err_tag(e, -EALREADY, "no_change", "%.20s already has %s", disk, text);
    }
    return 0;
}

/* To where it was, in the same manner. Where its volumes changed storage on the way, their old
 * places cannot be told from the mapping alone. */
int back_migrate(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(js_freep) js *args = js_copy(a->args);
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *target = js_str_or(a->args, "target", "");
    js *form = NULL;
    int r;

    if (js_get(a->args, "targetstorage") || js_get(a->args, "target-storage")) {
        draft_undo(d, "none",
                   "its volumes change storage on the way: the way back is a plan of its own", "");
        return 0;
    }
    js_add(args, "target", js_str(a->guest->node));
    r = send_form(a->row, NULL, args, a->guest->kind, &form, e);
    js_add(args, "node", js_str(target));
    r = r < 0 ? r : pve_path(a->row->send->path, args, &path, e);
    if (r < 0) {
        js_freep(&form);
        return r;
    }
    draft_request(d, PHASE_UNDO, "POST", buf_str(&path), form, NULL);
    draft_undo(d, "inverse", "it is migrated back, in the same manner", a->row->send->limits);
    return 0;
}
