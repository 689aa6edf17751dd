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

/* The disks as they stand in the configuration now; attaching a volume again takes it off the
 * unused ones. PVE takes a disk that goes out of the boot order, too. */
int back_unlink(struct draft *d, const struct assess *a, struct err *e) {
    const js *list = js_get(a->args, "idlist"), *boot = js_get(a->before, "boot");
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *form = js_object();
    int r = pve_path("/nodes/{node}/qemu/{vmid}/config", a->args, &path, e);

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const char *key = json_object_get_string(js_at(list, i));
        const js *value = js_get(a->before, key);

        if (js_bool_or(a->args, "force", false) || strncmp(key, "unused", 6) == 0) {
            draft_undo(d, "none", "a volume that is destroyed is gone", "");
            return 0;
        }
        if (value) {
            js_add(form, key, js_copy(value));
        }
        if (boot && strstr(value_text(boot), key)) {
            js_add(form, "boot", js_copy(boot));
        }
    }
    if (r < 0) {
        return r;
    }
    if (!js_members(form)) {
        draft_undo(d, "none", "none of the disks is there: nothing is taken out", "");
        return 0;
    }
    draft_request(d, PHASE_UNDO, "PUT", buf_str(&path), TAKE(form), NULL);
    draft_undo(d, "inverse", "the volumes are attached again as they are now",
               a->row->send->limits);
    return 0;
}
