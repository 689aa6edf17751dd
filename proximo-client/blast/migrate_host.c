/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest takes from its host and needs again at the target: devices, processor features,
 * memory, bridges. Without them a running guest does not arrive, and a stopped one does not start.
 */
#include "proximo-client/blast/migrate_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/after.h"

static bool is_numbered(const char *key, const char *stem) {
    return key_is(key, stem) && strcmp(key, stem) != 0;
}

/* "map": ["id=…,node=c1,path=…", …] of a mapping; whether one entry is for the node. */
static bool is_mapped_at(const js *mapping, const char *node) {
    const js *map = js_get(mapping, "map");

    for (size_t i = 0; i < js_len(map); i++) {
        const js *entry = js_at(map, i);
        char have[80];

        if (js_is_str(entry) &&
            config_option(json_object_get_string((js *)(uintptr_t)entry), "node", have,
                          sizeof(have)) &&
            strcmp(have, node) == 0) {
            return true;
        }
    }
    return false;
}

static void check_mapping(struct move *m, const char *key, const char *kind, const char *id) {
    char path[40];
    const js *list;
    struct part part;

    (void)snprintf(path, sizeof(path), "/cluster/mapping/%s", kind);
    list = picture_answer(m->p, path, &part);
    if (part.state != PART_READ && part.state != PART_PARTIAL) {
        return; /* told as unread */
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *mapping = js_at(list, i);

        if (strcmp(js_str_or(mapping, "id", ""), id) != 0) {
            continue;
        }
        if (!is_mapped_at(mapping, m->target)) {
            move_blocks(m, key, "the mapping %.60s has no device at %s", id, m->target);
        } else if (m->live && !js_bool_or(mapping, "live-migration-capable", false)) {
            move_blocks(m, key, "the mapped device %.60s cannot be taken along while running", id);
        }
        return;
    }
    move_blocks(m, key, "there is no mapping %.60s", id);
}

static void check_device(struct move *m, const char *key, const char *value) {
    char id[80];

    if (is_numbered(key, "hostpci") || is_numbered(key, "usb")) {
        if (config_option(value, "mapping", id, sizeof(id))) {
            check_mapping(m, key, key[0] == 'h' ? "pci" : "usb", id);
        } else if (key[0] == 'h' ||
                   !(strncmp(value, "spice", 5) == 0 ||
                     (config_option(value, "host", id, sizeof(id)) && strcmp(id, "spice") == 0))) {
            move_blocks(m, key, "is a device of %s", m->g->node);
        }
    } else if ((is_numbered(key, "serial") && strcmp(value, "socket") != 0) ||
               is_numbered(key, "parallel") || strcmp(key, "ivshmem") == 0 ||
               strcmp(key, "hostusb") == 0 || strcmp(key, "hostpci") == 0) {
        move_blocks(m, key, "is a device of %s", m->g->node);
    } else if (is_numbered(key, "virtiofs")) {
        if (m->live) {
            move_blocks(m, key, "shares a directory, which a running VM cannot take along");
        }
        (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(value, ","), value);
        if (!config_option(value, "dirid", id, sizeof(id))) {
            (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(value, ","), value);
        }
        check_mapping(m, key, "dir", id);
    } else if (m->live && strcmp(key, "amd-sev") == 0) {
        move_blocks(m, key, "encrypted memory cannot be taken along");
    } else if (m->live && strcmp(key, "vga") == 0 && strstr(value, "clipboard=vnc")) {
        move_blocks(m, key, "a VNC clipboard cannot be taken along");
    }
}

/* Containers: PVE does not look at these, the start at the target fails. */
static void check_ct_device(struct move *m, const char *key, const char *value) {
    if (is_numbered(key, "dev")) {
        move_hit(m, "wont-boot", RISK_HIGH, key, "needs %.60s, a device of %s, also at %s", value,
                 m->g->node, m->target);
    } else if (strcmp(key, "lxc") == 0) {
        move_hit(m, "degraded", RISK_MEDIUM, key,
                 "has raw LXC settings, which may name things of %s", m->g->node);
    }
}

void move_devices(struct move *m) {
    char tmp[24];

    JS_FOREACH(m->g->cfg, key, value) {
        const char *text = value_print(value, tmp);

        if (text) {
            m->is_ct ? check_ct_device(m, key, text) : check_device(m, key, text);
        }
    }
}

/* ---- processor ---- */

static const char *flags_of(const js *status) {
    return js_str_or(js_get(status, "cpuinfo"), "flags", "");
}

static bool has_flag(const char *flags, const char *flag) {
    size_t n = strlen(flag);

    for (const char *s = flags; *s; s += strspn(s, " ")) {
        size_t len = strcspn(s, " ");

        if (len == n && memcmp(s, flag, n) == 0) {
            return true;
        }
        s += len;
    }
    return false;
}

/* What the vendor-neutral levels need, by the kernel's names (x86-64 psABI). */
static const struct level {
    const char *type, *flags;
} levels[] = {
    {"x86-64-v2", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"},
    {"x86-64-v2-AES", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 aes"},
    {"x86-64-v3", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 aes avx avx2 bmi1 bmi2 f16c fma abm "
                  "movbe xsave"},
    {"x86-64-v4", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 aes avx avx2 bmi1 bmi2 f16c fma abm "
                  "movbe xsave avx512f avx512bw avx512cd avx512dq avx512vl"},
};

/* The first of `want` that `have` lacks, into tmp; NULL when it lacks none. */
static const char *missing(const char *want, const char *have, char *tmp, size_t size) {
    for (const char *s = want; *s; s += strspn(s, " ")) {
        size_t len = strcspn(s, " ");

        (void)snprintf(tmp, size, "%.*s", (int)len, s);
        if (!has_flag(have, tmp)) {
            return tmp;
        }
        s += len;
    }
    return NULL;
}

/* A running guest does not arrive without the feature; a stopped one does not start. */
static void lacks(struct move *m, const char *what) {
    if (m->live) {
        move_blocks(m, "cpu", "%s lacks %s", m->target, what);
    } else {
        move_hit(m, "wont-boot", RISK_HIGH, "cpu", "%s lacks %s", m->target, what);
    }
}

/* flags=+aes;-pcid: those that the kernel knows by the same name. */
static void check_extra(struct move *m, const char *extra) {
    static const char known[] = "aes,pcid,pdpe1gb,ssbd,ibpb,md_clear";

    for (const char *s = extra; *s;) {
        size_t len = strcspn(s, ";");
        char flag[40];

        (void)snprintf(flag, sizeof(flag), "%.*s", (int)len - (len > 0), s + (len > 0));
        for (char *c = flag; *c; c++) {
            *c = *c == '-' ? '_' : *c;
        }
        if (*s == '+' && words_have(known, flag) && !has_flag(flags_of(m->there), flag)) {
            lacks(m, flag);
        }
        s += len + (s[len] == ';');
    }
}

static void check_cpu(struct move *m) {
    const char *cpu = js_str_or(m->g->cfg, "cpu", "kvm64");
    char type[64];
    char text[160];
    char flag[40];
    const char *bad = NULL;

    if (!config_option(cpu, "cputype", type, sizeof(type))) {
        (void)snprintf(type, sizeof(type), "%.*s", (int)strcspn(cpu, ","), cpu);
    }
    if (config_option(cpu, "flags", text, sizeof(text))) {
        check_extra(m, text);
    }
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(levels[i].type, type) == 0) {
            bad = missing(levels[i].flags, flags_of(m->there), flag, sizeof(flag));
            if (bad) {
                (void)snprintf(text, sizeof(text), "%s, which CPU type %s needs", bad, type);
                lacks(m, text);
            }
            return;
        }
    }
    if (words_have("kvm64,qemu64,kvm32,qemu32,max", type) || !m->here) {
        return;
    }
    bad = missing(flags_of(m->here), flags_of(m->there), flag, sizeof(flag));
    if (strcmp(type, "host") == 0 && m->live && bad) {
        move_hit(m, "degraded", RISK_HIGH, "cpu",
                 "CPU type host, and %s lacks %s: the running guest may crash there", m->target,
                 bad);
    } else if (strcmp(type, "host") != 0 && bad) {
        move_hit(m, "degraded", RISK_MEDIUM, "cpu",
                 "whether %s can do CPU type %s cannot be told: it lacks %s, which %s has",
                 m->target, type, bad, m->g->node);
    }
}

/* ---- memory, cores, bridges ---- */

static void check_memory(struct move *m) {
    const js *memory = js_get(m->there, "memory");
    const int64_t total = js_int_or(memory, "total", -1);
    const int64_t avail = js_int_or(memory, "available", js_int_or(memory, "free", -1));
    char tmp[24];
    char current[24];
    const char *text = value_print(js_get(m->g->cfg, "memory"), tmp);
    int64_t want = (int64_t)512 << 20; /* PVE's default of both kinds */
    uint32_t mib;
    int64_t sum;

    if (text) {
        if (config_option(text, "current", current, sizeof(current))) {
            text = current;
        }
        want = ident_u32(text, &mib) == 0 ? (int64_t)mib << 20 : want;
    }
    if (total < 0 || avail < 0) {
        return; /* told as unread */
    }
    if (want > total) {
        m->live ? move_blocks(m, "memory", "%s has less memory than the guest", m->target)
                : move_hit(m, "wont-boot", RISK_HIGH, "memory", "%s has less memory than the guest",
                           m->target);
        return;
    }
    sum = m->g->running ? room_take(m->rooms, m->target, NULL, want) : 0;
    if (sum > avail) {
        move_hit(m, "degraded", RISK_HIGH, "memory",
                 "%" PRId64 " MiB go to %s, where %" PRId64 " MiB are left", sum >> 20, m->target,
                 avail >> 20);
    }
}

static void check_cores(struct move *m) {
    const int64_t have = js_int_or(js_get(m->there, "cpuinfo"), "cpus", -1);
    const int64_t want =
        js_int_or(m->g->cfg, "cores", 1) * (m->is_ct ? 1 : js_int_or(m->g->cfg, "sockets", 1));

    if (have < 0 || want <= have) {
        return;
    }
    if (m->is_ct) {
        move_hit(m, "degraded", RISK_LOW, "cores", "%s has fewer processors (%" PRId64 ")",
                 m->target, have);
    } else if (m->live) {
        move_blocks(m, "cores", "%s has %" PRId64 " processors, the guest wants %" PRId64,
                    m->target, have, want);
    } else {
        move_hit(m, "wont-boot", RISK_HIGH, "cores",
                 "%s has %" PRId64 " processors, the guest wants %" PRId64, m->target, have, want);
    }
}

static bool has_interface(const struct move *m, const char *name, struct part *ret) {
    char path[120];

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/network", m->target);
    return list_row(picture_answer(m->p, path, ret), "iface", name);
}

/* A virtual network is there on every node of its zone. */
static bool has_vnet(const struct move *m, const char *name) {
    const js *vnet = list_row(picture_answer(m->p, "/cluster/sdn/vnets", NULL), "vnet", name);
    const js *zone = list_row(picture_answer(m->p, "/cluster/sdn/zones", NULL), "zone",
                              js_str_or(vnet, "zone", ""));

    /* a zone that is not to be seen: the network is; the key "nodes" is that of a storage */
    return vnet && (!zone || store_on_node(zone, m->target));
}

static void check_bridge(struct move *m, const char *key, const char *value) {
    char bridge[80];
    struct part part;

    if (!is_numbered(key, "net") || !config_option(value, "bridge", bridge, sizeof(bridge)) ||
        has_interface(m, bridge, &part) || part.state != PART_READ || has_vnet(m, bridge)) {
        return;
    }
    if (m->live) {
        move_blocks(m, key, "there is no bridge %.60s at %s", bridge, m->target);
    } else {
        move_hit(m, "wont-boot", RISK_HIGH, key, "there is no bridge %.60s at %s", bridge,
                 m->target);
    }
}

void move_host(struct move *m) {
    JS_FOREACH(m->g->cfg, key, value) {
        if (js_is_str(value)) {
            check_bridge(m, key, json_object_get_string(value));
        }
    }
    if (!m->there) {
        return; /* told as unread */
    }
    if (!m->is_ct) {
        check_cpu(m);
    }
    check_cores(m);
    check_memory(m);
}
