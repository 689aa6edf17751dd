/* SPDX-License-Identifier: Apache-2.0 */
/* Destroying a guest with `backup`: its archive is made, and verified (undo/backup_verify.c),
 * before anything goes, and restoring it is the way back. A running guest is refused: what it
 * writes between its backup and its end would be lost without a word, and PVE destroys none that
 * runs. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/digest.h"
#include "proximo-client/blast/archive_config.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/guest_life.h"
#include "proximo-client/undo/backup.h"

struct parting {
    struct draft *d;
    const struct assess *a;
    const char *storage;
    char mark[100];
    int64_t bytes;   /* of the disks that the backup takes */
    bool is_unsized; /* of one of them the size is not known */
    struct buf lost; /* disks that no backup takes: "scsi1 (local:…, 4G)" */
    struct buf limits;
};

static void parting_done(struct parting *p) {
    buf_done(&p->lost);
    buf_done(&p->limits);
}

static int impossible(struct err *e, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int impossible(struct err *e, const char *hint, const char *fmt, ...) {
    char why[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    (void)err_tag(e, -EOPNOTSUPP, "backup_impossible", "no backup to come back from: %s", why);
    return err_hint(e, "%s", hint);
}

/* ---- what it takes ---- */

static void look_at_disk(struct parting *p, const char *key, const char *value) {
    const char *kind = p->a->guest->kind;
    int64_t size = backup_disk_size(value);

    if (!key_is_disk(kind, key) && !key_is_unused(key)) {
        return;
    }
    if (backup_takes(kind, key, value)) {
        p->bytes += size > 0 ? size : 0;
        p->is_unsized |= size <= 0;
    } else if (strcmp(kind, "lxc") == 0 && !key_is_unused(key) && !strchr(value, ':')) {
        add_limit(&p->limits, "%s (%.100s, of the node) is not set again: only root@pam may", key,
                  value);
    } else if (!strstr(value, "media=cdrom") && value[0] != '/') {
        (void)buf_addf(&p->lost, "%s%s (%.*s)", p->lost.len ? ", " : "", key,
                       (int)strcspn(value, ","), value);
    }
}

static void look_at_disks(struct parting *p) {
    JS_FOREACH(p->a->before, key, val) {
        if (js_is_str(val)) {
            look_at_disk(p, key, json_object_get_string(val));
        }
    }
}

/* Room is compared with the whole disks. An archive is smaller, mostly: too little is said, and
 * when it was too little indeed the backup fails and nothing is destroyed. */
static int check_storage(struct parting *p, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *names = js_object();
    js *now = NULL, *shown = js_object();
    int64_t avail;
    int r;

    js_add(names, "node", js_str(p->a->guest->node));
    js_add(names, "storage", js_str(p->storage));
    r = pve_path("/nodes/{node}/storage/{storage}/status", names, &path, e);
    r = r < 0 ? r : draft_get(p->d, buf_str(&path), &now, e);
    if (r < 0) {
        json_object_put(shown);
        return err_wrap(e, "storage %s at node %s", p->storage, p->a->guest->node);
    }
    avail = js_int_or(now, "avail", -1);
    js_add(shown, "storage", js_str(p->storage));
    js_add(shown, "mark", js_str(p->mark));
    js_add(shown, "disks_mib", js_int(p->bytes >> 20));
    js_add(shown, "room_mib", js_int(avail < 0 ? -1 : avail >> 20));
    draft_current(p->d, "backup", shown);
    if (!js_bool_or(now, "active", false) || !js_bool_or(now, "enabled", true)) {
        return impossible(e, "pve_node_storages shows what is there",
                          "storage %s is not active at node %s", p->storage, p->a->guest->node);
    }
    if (!strstr(js_str_or(now, "content", ""), "backup")) {
        return impossible(e, "name a storage whose content has backup",
                          "storage %s does not take backups", p->storage);
    }
    if (avail < 0) {
        draft_unread(p->d, "room on the storage for the backup", "it is not told", NULL);
    } else if (p->bytes > avail || p->is_unsized) {
        draft_risk(p->d, RISK_HIGH,
                   "the backup may not fit: %s%" PRId64 " MiB of disks, %" PRId64
                   " MiB left on %.60s; if it does not, nothing is destroyed",
                   p->is_unsized ? "at least " : "", p->bytes >> 20, avail >> 20, p->storage);
    }
    return 0;
}

/* ---- requests ---- */

static int make_backup(struct parting *p, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    js *form = js_object();
    int r = pve_path("/nodes/{node}/vzdump", p->a->args, &path, e);

    js_add(form, "vmid", js_int(p->a->guest->vmid));
    js_add(form, "storage", js_str(p->storage));
    js_add(form, "mode", js_str("stop")); /* it does not run: nothing is interrupted */
    js_add(form, "compress", js_str("zstd"));
    js_add(form, "protected", js_bool(true));
    js_add(form, "remove", js_bool(false)); /* older archives are not pruned for it */
    js_add(form, "notes-template", js_str(p->mark));
    draft_request(p->d, PHASE_PREPARE, "POST", buf_str(&path), form, NULL);
    return r;
}

/* "local-zfs:subvol-1-disk-0,mp=/x,size=8G" asks for "local-zfs:8,mp=/x": PVE would else put all
 * volumes of a container on one storage. It takes GiB; what it counts in is MiB. */
static js *volume_again(const char *value) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    int64_t mib = (backup_disk_size(value) + (1 << 20) - 1) >> 20;
    const char *options = strchr(value, ',');

    (void)buf_addf(&b, "%.*s:%" PRId64, (int)strcspn(value, ":"), value, mib / 1024);
    if (mib % 1024) {
        (void)buf_addf(&b, ".%010" PRId64, (mib % 1024) * 9765625);
    }
    while (options && *options == ',') {
        size_t n = strcspn(options + 1, ",");

        if (strncmp(options + 1, "size=", 5) != 0) {
            (void)buf_add(&b, options, n + 1);
        }
        options += n + 1;
    }
    return js_str(buf_str(&b));
}

/* One request names the storage and the size of each volume. */
static int container_form(struct parting *p, js *form, struct err *e) {
    js_add(form, "ostemplate", js_str(BACKUP_ARCHIVE));
    js_add(form, "restore", js_bool(true));
    js_add(form, "unprivileged", js_bool(js_bool_or(p->a->before, "unprivileged", false)));
    JS_FOREACH(p->a->before, key, val) {
        const char *value = js_is_str(val) ? json_object_get_string(val) : "";

        bool takes = backup_takes("lxc", key, value);

        if (!key_is_disk("lxc", key) || key_is_unused(key) || !strchr(value, ':')) {
            continue;
        }
        if (backup_disk_size(value) > 0) {
            js_add(form, key, volume_again(value));
        } else if (takes) {
            return impossible(e, "pve_disk_resize by +0 writes it there",
                              "the size of %s is not in the configuration", key);
        }
        if (!takes) {
            add_limit(&p->limits,
                      js_get(form, key) ? "%s comes back empty" : "%s does not come back", key);
        }
    }
    return 0;
}

/* The pool by name, as the list of guests tells it. Membership goes with the guest. */
static const char *pool_of_guest(struct parting *p) {
    js *list = NULL;

    if (draft_get(p->d, "/cluster/resources?type=vm", &list, NULL) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "vmid", 0) == (int64_t)p->a->guest->vmid) {
            return js_get_str(js_at(list, i), "pool");
        }
    }
    return NULL;
}

static int restore_it(struct parting *p, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const bool is_ct = strcmp(p->a->guest->kind, "lxc") == 0;
    const char *pool = pool_of_guest(p);
    js *form = js_object();
    int r = pve_path("/nodes/{node}/{kind}", p->a->args, &path, e);

    js_add(form, "vmid", js_int(p->a->guest->vmid));
    if (is_ct) {
        r = r < 0 ? r : container_form(p, form, e);
    } else {
        js_add(form, "archive", js_str(BACKUP_ARCHIVE));
    }
    if (pool) {
        js_add(form, "pool", js_str(pool));
    }
    draft_request(p->d, PHASE_UNDO, "POST", buf_str(&path), form, NULL);
    return r;
}

/* ---- words ---- */

static void say_limits(struct parting *p) {
    const js *was = p->a->before;

    add_limit(&p->limits,
              "disks and configuration come back as they were when the backup was made, "
              "with the same MAC addresses, on volumes with new names");
    if (js_get(was, "parent")) {
        add_limit(&p->limits, "its snapshots are in no backup");
    }
    if (js_get(was, "vmgenid")) {
        add_limit(&p->limits,
                  "vmgenid is a new one, which tells the guest that it went back in time");
    }
    if (js_get(was, "lxc")) {
        add_limit(&p->limits, "raw lxc settings are set again by root@pam only");
    }
    if (strcmp(p->a->guest->kind, "lxc") == 0 && !js_bool_or(was, "unprivileged", false)) {
        add_limit(&p->limits, "it is privileged: restoring it takes Sys.Modify on /");
    }
    add_limit(&p->limits,
              "its firewall rules are in the backup and come back if the token then has "
              "VM.Config.Network on it");
    add_limit(&p->limits,
              "the archive stays on %.60s, protected, also after an undo: nothing removes it by "
              "itself (pve_volume_update with protected=false, then pve_volume_delete)",
              p->storage);
}

static void say_undo(struct parting *p) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    (void)buf_addf(&b,
                   "a backup is made to %.60s and verified before the guest goes; it is restored "
                   "from that under its number",
                   p->storage);
    if (p->lost.len) {
        (void)buf_addf(&b, ", in part: %s are in no backup and are lost for good",
                       buf_str(&p->lost));
        draft_risk(p->d, RISK_HIGH, "lost for good, in spite of the backup: %s", buf_str(&p->lost));
        draft_need(p->d, NEED_OPERATOR, "the backup does not hold all of its disks");
    }
    say_limits(p);
    draft_undo(p->d, "backup", buf_str(&b), buf_str(&p->limits));
}

/* Backups are made before the first step of a plan: one of a guest that a step before this changes,
 * stops or makes would be of another guest than the one that goes. */
static int refuse_later(struct draft *d, const struct guest_ref *g, struct err *e) {
    static const char *const tails[] = {"/config", "/status/current"};

    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
        int r = guest_path(g, tails[i], &path, e);

        if (r < 0) {
            return r;
        }
        if (draft_is_altered(d, buf_str(&path))) {
            return impossible(e, "make two plans: the second when the first is done",
                              "an earlier step changes guest %u, and all backups are made before "
                              "the first step",
                              g->vmid);
        }
    }
    return 0;
}

int more_destroy(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(parting_done)
    struct parting p = {.d = d,
                        .a = a,
                        .storage = js_get_str(a->args, "backup"),
                        .lost = BUF_INIT(LIM_LINES),
                        .limits = BUF_INIT(LIM_LINES)};
    uint8_t raw[16];
    char hex[33];
    int r;

    if (!p.storage || !a->plans) {
        return 0;
    }
    if (a->guest->running) {
        return impossible(e, "stop it (pve_guest_power), then plan again",
                          "guest %u runs, and what it writes after its backup would be lost",
                          a->guest->vmid);
    }
    r = refuse_later(d, a->guest, e);
    if (r < 0) {
        return r;
    }
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), hex);
    (void)snprintf(p.mark, sizeof(p.mark), BACKUP_MARK "%s guest %u before it was destroyed", hex,
                   a->guest->vmid);
    draft_change(d, "destroy guest %u with its disks, after a backup of it to %s", a->guest->vmid,
                 p.storage);
    look_at_disks(&p);
    r = check_storage(&p, e);
    r = r < 0 ? r : make_backup(&p, e);
    r = r < 0 ? r : restore_it(&p, e);
    r = r < 0 ? r : back_of_named(d, a, &p.limits, e);
    if (r == 0) {
        say_undo(&p);
    }
    return r;
}
