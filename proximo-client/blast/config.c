/* SPDX-License-Identifier: Apache-2.0 */
/* Guest configuration: for every key what it is now, what it will be, when that takes effect, and
 * whether it opens a way from the guest to the host or the network. A key whose meaning is not
 * known here counts as needing a restart. Secret values are never shown. */
#include "proximo-client/blast/config_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

bool key_is(const char *key, const char *stem) {
    size_t n = strlen(stem);

    return strncmp(key, stem, n) == 0 && strspn(key + n, "0123456789") == strlen(key + n);
}

static bool key_in(const char *key, const char *const *stems) {
    for (; *stems; stems++) {
        if (key_is(key, *stems)) {
            return true;
        }
    }
    return false;
}

bool config_option(const char *value, const char *name, char *ret, size_t size) {
    size_t want = strlen(name);

    for (const char *s = value; *s;) {
        size_t len = strcspn(s, ",");

        if (len > want && s[want] == '=' && memcmp(s, name, want) == 0) {
            (void)snprintf(ret, size, "%.*s", (int)(len - want - 1), s + want + 1);
            return true;
        }
        s += len + (s[len] == ',');
    }
    ret[0] = 0;
    return false;
}

/* Takes effect in a running guest at once. */
static bool is_live(const struct guest *g, const char *key) {
    static const char *const always[] = {"name",       "description", "tags",   "onboot", "startup",
                                         "protection", "hookscript",  "unused", NULL};
    static const char *const ct[] = {"memory",   "swap", "cores", "cpulimit",
                                     "cpuunits", "net",  "mp",    NULL};
    static const char *const nic[] = {"net", NULL};
    static const char *const disk[] = {"scsi", "virtio", NULL};
    static const char *const usb[] = {"usb", NULL};
    const char *hotplug = js_str_or(g->cfg, "hotplug", "network,disk,usb");
    bool all = strcmp(hotplug, "1") == 0;

    if (key_in(key, always)) {
        return true;
    }
    if (strcmp(g->kind, "lxc") == 0) {
        return key_in(key, ct);
    }
    if (key_in(key, nic)) {
        return all || words_have(hotplug, "network");
    }
    if (key_in(key, disk)) {
        return all || words_have(hotplug, "disk");
    }
    if (key_in(key, usb)) {
        return all || words_have(hotplug, "usb");
    }
    if (strcmp(key, "memory") == 0) {
        return words_have(hotplug, "memory");
    }
    return (strcmp(key, "vcpus") == 0 && words_have(hotplug, "cpu")) ||
           strcmp(key, "cpulimit") == 0 || strcmp(key, "cpuunits") == 0;
}

static bool is_hidden(const char *key) {
    static const char *const keys[] = {"cipassword", "sshkeys", "ssh-public-keys", "password",
                                       NULL};

    return key_in(key, keys);
}

void config_hit(struct diff *c, const char *key, const char *effect, enum risk severity,
                const char *why) {
    tally_guest(&c->t, c->d, c->g, effect, severity, key, why);
}

static void describe(struct diff *c, const char *key, const char *old, const char *now) {
    const char *when = !c->g->running       ? ""
                       : is_live(c->g, key) ? "; takes effect at once"
                                            : "; takes effect after a restart";
    char why[480];

    if (is_hidden(key)) {
        (void)snprintf(why, sizeof(why), "%.40s: %s (value not shown)%s", key,
                       !now  ? "removed"
                       : old ? "replaced"
                             : "set",
                       when);
    } else {
        (void)snprintf(why, sizeof(why), "%.40s: %.180s -> %.180s%s", key, old ? old : "(not set)",
                       now ? now : "(removed)", when);
    }
    config_hit(c, key, "changed", c->g->running ? RISK_MEDIUM : RISK_LOW, why);
}

static void change_one(struct diff *c, const char *key, const char *old, const char *now) {
    if ((!old && !now) || (old && now && strcmp(old, now) == 0)) {
        return;
    }
    c->changes++;
    describe(c, key, old, now);
    config_disk(c, key, old, now);
    config_net(c, key, old, now);
    config_host(c, key, old, now);
    if (strcmp(key, "protection") == 0 && old && strcmp(old, "1") == 0) {
        config_hit(c, key, "exposed", RISK_MEDIUM, "it can be destroyed once protection is off");
    }
    if (strcmp(key, "onboot") == 0 && old && strcmp(old, "1") == 0) {
        config_hit(c, key, "degraded", RISK_MEDIUM, "it no longer starts with its node");
    }
}

static void change_deleted(void *ctx, const char *key) {
    struct diff *c = ctx;
    char tmp[24];

    change_one(c, key, value_print(js_get(c->g->cfg, key), tmp), NULL);
}

int blast_config(const struct picture *p, uint32_t vmid, const js *set, const js *del,
                 struct draft *d) {
    const struct guest *g = picture_guest(p, vmid);
    struct diff c = {.g = g, .d = d};

    blast_unread(p, BLAST_CONFIG_NEEDS, vmid, d);
    if (!g) {
        draft_unread(d, "the guest", "it is not among those the token may see",
                     "VM.Audit on the guest");
        return -ENOENT;
    }
    if (js_is_object(set)) {
        JS_FOREACH(set, key, value) {
            char old[24];
            char now[24];

            if (strcmp(key, "digest") != 0 && strcmp(key, "delete") != 0) {
                change_one(&c, key, value_print(js_get(g->cfg, key), old), value_print(value, now));
            }
        }
    }
    if (js_is_str(del)) {
        words_each(json_object_get_string((js *)(uintptr_t)del), change_deleted, &c);
    }
    for (size_t i = 0; i < js_len(del); i++) {
        if (js_is_str(js_at(del, i))) {
            change_deleted(&c, json_object_get_string(js_at(del, i)));
        }
    }
    if (c.changes == 0) {
        config_hit(&c, NULL, "none", RISK_NONE, "every value is already so: nothing changes");
    }
    if (g->template && c.changes > 0) {
        draft_risk(d, RISK_MEDIUM, "it is a template: later clones get the change, too");
    }
    tally_risk(&c.t, d);
    return 0;
}
