/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster-wide name for a device or directory changes or goes: a VM that names it takes what it
 * stands for when it starts, and does not start where it stands for nothing. A VM that runs keeps
 * what it has. */
#include "proximo-client/blast/config_int.h"

#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/own.h"
#include "common/buf.h"

struct mapped {
    const char *type, *id;
    const js *before, *after;
    struct tally tally;
    struct draft *d;
};

/* Whether this entry of a VM's configuration takes a mapping of the type: which. */
static bool names_mapping(const char *type, const char *key, const char *value, char *ret,
                          size_t size) {
    if (strcmp(type, "dir") == 0) {
        if (!key_is(key, "virtiofs")) {
            return false;
        }
        if (!config_option(value, "dirid", ret, size)) { /* it may stand first, without its name */
            (void)snprintf(ret, size, "%.*s", (int)strcspn(value, ","), value);
        }
        return true;
    }
    return key_is(key, strcmp(type, "pci") == 0 ? "hostpci" : "usb") &&
           config_option(value, "mapping", ret, size);
}

/* The entries for one node, one after the other. */
static void entries_at(const js *map, const char *node, struct buf *ret) {
    for (size_t i = 0; i < js_len(map); i++) {
        const js *entry = js_at(map, i);
        const char *text =
            js_is_str(entry) ? json_object_get_string((js *)(uintptr_t)entry) : "node=";
        char at[80];

        if (config_option(text, "node", at, sizeof(at)) && strcmp(at, node) == 0) {
            (void)buf_addf(ret, "%s;", text);
        }
    }
}

static void check_guest(struct mapped *m, const struct guest *g, const char *key) {
    CLEANUP(buf_done) struct buf was = BUF_INIT(LIM_LINES), is = BUF_INIT(LIM_LINES);

    entries_at(m->before, g->node, &was);
    entries_at(m->after, g->node, &is);
    if (!is.len) {
        tally_guest(&m->tally, m->d, g, "wont-boot", RISK_HIGH, key,
                    m->after ? "the mapping stands for nothing on its node any more: it does not "
                               "start again"
                             : "it names the mapping: it does not start again without it");
    } else if (!was.len || strcmp(buf_str(&was), buf_str(&is)) != 0) {
        tally_guest(&m->tally, m->d, g, "changed", RISK_MEDIUM, key,
                    "it gets what the mapping then stands for when it next starts");
    }
}

int blast_mapping(const struct picture *p, const char *type, const char *id, const js *before,
                  const js *after, struct draft *d) {
    struct mapped m = {.type = type, .id = id, .before = before, .after = after, .d = d};
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    blast_unread(p, BLAST_MAPPING_NEEDS, 0, d);
    for (size_t i = 0; i < n; i++) {
        if (!g[i].cfg || strcmp(g[i].kind, "qemu") != 0) {
            continue;
        }
        JS_FOREACH(g[i].cfg, key, value) {
            char named[140];

            if (js_is_str(value) &&
                names_mapping(type, key, json_object_get_string(value), named, sizeof(named)) &&
                strcmp(named, id) == 0) {
                check_guest(&m, &g[i], key);
            }
        }
    }
    tally_risk(&m.tally, d);
    return 0;
}
