/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /etc/pve that are nothing but sections of one or a few kinds: written from the state,
 * and read back into it. Whether a key is a number or may be repeated is what the route that makes
 * one takes for it, so a file cannot say otherwise than the API. Secrets are in priv/ and not here.
 */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/pvefile.h"
#include "proximo-client/sim/sim.h"

static const struct kind {
    const char *file;
    const char *at, *in; /* of the state; in NULL: at itself holds them */
    const char *type;    /* of the head; NULL: the member "type"; "": heads have none */
    const char *path;    /* of the route that makes one */
    const char *need;    /* keys that stand first: required by a type; NULL: none */
} kinds[] = {
    {"domains.cfg", "domains", NULL, NULL, "/access/domains"},
    {"status.cfg", "metrics", "server", NULL, "/cluster/metrics/server/{id}", "port,server"},
#define NOTIFY(kind, path)                                                                         \
    { "notifications.cfg", "notifications", kind, kind, "/cluster/notifications/" path }
    NOTIFY("sendmail", "endpoints/sendmail"),
    NOTIFY("smtp", "endpoints/smtp"),
    NOTIFY("gotify", "endpoints/gotify"),
    NOTIFY("webhook", "endpoints/webhook"),
    NOTIFY("matcher", "matchers"),
    {"mapping/pci.cfg", "mapping", "pci", "", "/cluster/mapping/pci"},
    {"mapping/usb.cfg", "mapping", "usb", "", "/cluster/mapping/usb"},
    {"mapping/directory.cfg", "mapping", "dir", "", "/cluster/mapping/dir"},
    {"jobs.cfg", "realm-sync", "jobs", "realm-sync", "/cluster/jobs/realm-sync/{id}"},
    {"sdn/zones.cfg", "sdn", "zones", NULL, "/cluster/sdn/zones",
     "bridge,controller,tag,vrf-vxlan"},
    {"sdn/vnets.cfg", "sdn", "vnets", NULL, "/cluster/sdn/vnets", "zone"},
    {"sdn/subnets.cfg", "sdn", "subnets", NULL, "/cluster/sdn/vnets/{vnet}/subnets", "vnet"},
    {"sdn/controllers.cfg", "sdn", "controllers", NULL, "/cluster/sdn/controllers",
     "asn,isis-domain,isis-ifaces,isis-net,node,peers"},
    {"sdn/ipams.cfg", "sdn", "ipams", NULL, "/cluster/sdn/ipams"},
    {"sdn/dns.cfg", "sdn", "dns", NULL, "/cluster/sdn/dns"},
};

const char *sectfile_name(size_t i, const char **ret_member) {
    size_t at = 0;

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool again = k > 0 && strcmp(kinds[k - 1].file, kinds[k].file) == 0;

        if (again || strcmp(kinds[k].file, "jobs.cfg") == 0) {
            continue;
        }
        if (at++ == i) {
            *ret_member = kinds[k].at;
            return kinds[k].file;
        }
    }
    return NULL;
}

int sectfile_write(struct sim *s, const char *name, struct buf *ret) {
    int r = 0;

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct kind *t = &kinds[k];
        const js *all = strcmp(t->file, name) == 0 ? state_get(&s->st, t->at, t->in, NULL) : NULL;

        JS_FOREACH(all, id, o) {
            r = r ? r
                  : cfg_section(ret, t->type ? t->type : js_str_or(o, "type", "?"), id, o,
                                t->need ? t->need : "");
        }
    }
    return r;
}

/* What "name!=type" of a specification says of a key; "" when it does not name it. */
static const char *type_of(const char *spec, const char *key) {
    size_t n = strlen(key);

    for (const char *at = spec; *at; at += strcspn(at, " "), at += *at == ' ') {
        const char *rest = strncmp(at, key, n) == 0 ? at + n : "";

        rest += *rest == '!';
        if (*rest == '=') {
            return rest + 1;
        }
    }
    return "";
}

static bool is_type(const char *type, const char *word) {
    size_t n = strlen(word);

    return strncmp(type, word, n) == 0 && (!type[n] || type[n] == ' ');
}

js *spec_value(const char *spec, const char *key, const js *values) {
    const char *type = type_of(spec, key);
    const size_t n = js_is_array(values) ? js_len(values) : 0;
    const js *last = n > 0 ? js_at(values, n - 1) : values;
    uint32_t number;

    if (is_type(type, "list")) {
        return js_copy(values);
    }
    if ((is_type(type, "int") || is_type(type, "bool")) && js_is_str(last) &&
        ident_u32(json_object_get_string((js *)(uintptr_t)last), &number) == 0) {
        return js_int(number);
    }
    return js_copy(last);
}

/* One section as the state keeps it. New reference. */
static js *state_of(const struct kind *t, const js *section) {
    const char *spec = route_params(M_POST, t->path);
    js *o = js_object();

    JS_FOREACH(section, key, values) {
        if (strcmp(key, "type") != 0 || !t->type) { /* else the kind says it */
            js_add(o, key, spec_value(spec, key, values));
        }
    }
    return o;
}

/* root/at/in, made when it is not there. */
static js *place(js *root, const struct kind *t) {
    if (!js_get(root, t->at)) {
        js_add(root, t->at, js_object());
    }
    if (t->in && !js_get(js_get(root, t->at), t->in)) {
        js_add(js_get(root, t->at), t->in, js_object());
    }
    return t->in ? js_get(js_get(root, t->at), t->in) : js_get(root, t->at);
}

void sectfile_read(const char *name, const char *text, size_t len, js *root, js *notes) {
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct kind *t = &kinds[k];
        const bool first = k == 0 || strcmp(kinds[k - 1].file, name) != 0;
        CLEANUP(js_freep) js *mine = js_array();
        CLEANUP(js_freep) js *all = NULL;

        if (strcmp(t->file, name) != 0) {
            continue;
        }
        /* a file of several kinds is read once a kind: what is odd about it is told once */
        all = pvefile_lists(text, len, !t->type || *t->type, first ? notes : mine);
        JS_FOREACH(all, id, section) {
            if (!t->type || !*t->type || strcmp(js_str_or(section, "type", ""), t->type) == 0) {
                js_add(place(root, t), id, state_of(t, section));
            }
        }
    }
}
