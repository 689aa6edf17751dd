/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows about guests need beside their data. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/session.h"
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

static uint64_t size_in(const js *config, const char *disk, char *ret, size_t size) {
    const char *now = js_get_str(config, disk);
    const char *was = now ? strstr(now, "size=") : NULL;

    ret[0] = 0;
    if (was) {
        (void)snprintf(ret, size, "%.*s", (int)strcspn(was + 5, ","), was + 5);
    }
    return size_of(ret);
}

int refuse_shrink(struct draft *d, const struct assess *a, struct err *e) {
    const char *disk = js_str_or(a->args, "disk", ""), *size = js_str_or(a->args, "size", "");
    char text[24];
    uint64_t was = size_in(a->before, disk, text, sizeof(text));

    (void)d;
    if (!js_get_str(a->before, disk)) {
        (void)err_tag(e, -EINVAL, "bad_argument", "the guest has no %.20s", disk);
        return err_hint(e, "pve_guest_config_get shows its disks");
    }
    if (*size == '+' ? !size_of(size + 1) : !size_of(size)) {
        return err_tag(e, -EINVAL, "bad_argument", "size must be like 20G or +5G");
    }
    if (*size != '+' && was && size_of(size) < was) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%.20s has %s: it cannot shrink to %.20s", disk,
                      text, size);
        return err_hint(e, "disks only grow; make a smaller one and copy");
    }
    if (*size != '+' && was == size_of(size)) {
        return err_tag(e, -EALREADY, "no_change", "%.20s already has %s", disk, text);
    }
    return 0;
}

/* An online resize that fails inside can still end in OK. Storages round up. */
int check_resize(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    const char *disk = js_str_or(args, "disk", ""), *size = js_str_or(args, "size", "");
    const js *before = js_get(js_get(args, "before"), "guest");
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *config = NULL;
    uint64_t was, is, want;
    char then[24], now[24];
    struct guest_ref g;
    int r = resolve_guest(s, args, &g, e);

    r = r < 0 ? r : guest_path(&g, "/config", &path, e);
    r = r < 0 ? r : pve_get(s->pve, buf_str(&path), &config, e);
    if (r < 0) {
        return r;
    }
    was = size_in(before, disk, then, sizeof(then));
    is = size_in(config, disk, now, sizeof(now));
    want = *size == '+' ? was + size_of(size + 1) : size_of(size);
    if (!is || (*size == '+' && !was)) {
        return 0; /* no size stands there to compare with */
    }
    return check_done(is >= want, ret_ok, ret_text, "%.20s has %s%s%s", disk, now,
                      was ? ", before it had " : "", then);
}

/* Or may be: one that moves just now is not where it was when it was looked up. */
static bool is_ha(struct session *s, const struct guest_ref *g) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *status = NULL;

    return guest_path(g, "/status/current", &path, NULL) < 0 ||
           pve_get(s->pve, buf_str(&path), &status, NULL) < 0 ||
           js_bool_or(js_get(status, "ha"), "managed", false);
}

/* Of a guest under HA the task ends when the wish is filed; the manager moves it some rounds later.
 */
int check_migrate(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    const char *target = js_str_or(args, "target", "");
    struct guest_ref g;
    bool ha = false;

    for (int i = 0;; i++) {
        int r = resolve_guest(s, args, &g, e);

        if (r < 0) {
            return r;
        }
        if (strcmp(g.node, target) == 0) {
            return check_done(true, ret_ok, ret_text, "guest %u is on %s", g.vmid, g.node);
        }
        ha = is_ha(s, &g);
        if (!ha || i == HA_SETTLE_TRIES || session_cancelled(s)) {
            break;
        }
        clock_sleep_ms(HA_SETTLE_MS);
    }
    return check_done(false, ret_ok, ret_text, "guest %u is still on %s%s", g.vmid, g.node,
                      ha ? ": HA took the request and moves it when it can; look again" : "");
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
