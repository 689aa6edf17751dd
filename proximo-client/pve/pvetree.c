/* SPDX-License-Identifier: Apache-2.0 */
/* Files in, answers out: which parser reads which file, and who answers which path. */
#include "proximo-client/pve/pvetree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "common/pvefile.h"
#include "common/pvepath.h"
#include "proximo-client/pve/pvetree_int.h"

int pvetree_new(struct pvetree **ret, struct err *e) {
    struct pvetree *t = calloc(1, sizeof(*t));

    if (!t) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    t->files = js_object();
    t->notes = js_object();
    t->unread = js_object();
    t->guests = js_object();
    *ret = t;
    return 0;
}

void pvetree_free(struct pvetree *t) {
    if (t) {
        js_freep(&t->files);
        js_freep(&t->notes);
        js_freep(&t->unread);
        js_freep(&t->guests);
        js_freep(&t->last);
        js_freep(&t->bare);
        free(t);
    }
}

static js *parse_sections(const char *text, size_t len, js *notes) {
    return pvefile_sections(text, len, false, notes);
}

/* A subnet has a line for each of its ranges; of any other key the last line counts. */
static js *parse_subnets(const char *text, size_t len, js *notes) {
    js *all = pvefile_lists(text, len, true, notes);

    JS_FOREACH(all, id, subnet) {
        (void)id;
        JS_FOREACH(subnet, key, value) {
            if (js_is_array(value) && strcmp(key, "dhcp-range") != 0) {
                js_add(subnet, key, js_ref(js_at(value, js_len(value) - 1)));
            }
        }
    }
    return all;
}

static js *parse_sids(const char *text, size_t len, js *notes) {
    return pvefile_sections(text, len, true, notes);
}

static js *parse_vm(const char *text, size_t len, js *notes) {
    return pvefile_guest(false, text, len, notes);
}

static js *parse_ct(const char *text, size_t len, js *notes) {
    return pvefile_guest(true, text, len, notes);
}

static js *parse_json(const char *text, size_t len, js *notes) {
    struct err e = {0};
    js *v = NULL;

    if (js_parse(text, len, &v, &e) < 0 || !js_is_object(v)) {
        js_push(notes, js_str(e.msg[0] ? e.msg : "is no object"));
        js_freep(&v);
        return js_object();
    }
    return v;
}

/* Patterns of common/pvepath.h. Not .vmlist: which guests there are is said by their files. */
static const struct {
    const char *path;
    js *(*parse)(const char *text, size_t len, js *notes);
} kinds[] = {
    {"nodes/*/qemu-server/*.conf", parse_vm},
    {"nodes/*/lxc/*.conf", parse_ct},
    {"nodes/*/host.fw", pvefile_firewall},
    {"nodes/*/lrm_status", parse_json},
    {"storage.cfg", parse_sections},
    {"user.cfg", pvefile_users},
    {"domains.cfg", parse_sections},
    {"jobs.cfg", parse_sections},
    {"vzdump.cron", pvefile_cron},
    {"replication.cfg", parse_sections},
    {"datacenter.cfg", pvefile_options},
    {"ha/resources.cfg", parse_sids},
    {"ha/rules.cfg", parse_sections},
    {"ha/groups.cfg", parse_sections},
    {"ha/manager_status", parse_json},
    {"firewall/*.fw", pvefile_firewall},
    {"sdn/firewall/*.fw", pvefile_firewall},
    {"sdn/zones.cfg", parse_sections},
    {"sdn/vnets.cfg", parse_sections},
    {"sdn/subnets.cfg", parse_subnets},
    {"sdn/controllers.cfg", parse_sections},
    {"sdn/ipams.cfg", parse_sections},
    {"sdn/dns.cfg", parse_sections},
    {"corosync.conf", pvefile_corosync},
    {"etc/network/interfaces@*", pvefile_interfaces},
    {"etc/network/interfaces.new@*", pvefile_interfaces},
    {".members", parse_json},
};

/* nodes/<node>/<kind>/<vmid>.conf. A guest whose file is there twice is being moved right now; the
 * pass over the files is then repeated by who reads them. */
static void put_guest(struct pvetree *t, const char *path) {
    const char *slash = strrchr(path, '/');
    char vmid[16];
    uint32_t n = 0;

    (void)snprintf(vmid, sizeof(vmid), "%.*s", (int)strcspn(slash + 1, "."), slash + 1);
    if (ident_vmid(vmid, &n) == 0) {
        js_add(t->guests, vmid, js_str(path));
    }
}

static js *parse(struct pvetree *t, const char *path, js *(*by)(const char *, size_t, js *),
                 const char *text, size_t len) {
    js *notes = js_array();
    js *made = by(text, len, notes);

    if (js_len(notes) > 0) {
        js_add(t->notes, path, notes);
    } else {
        js_freep(&notes);
    }
    return made;
}

void pvetree_put(struct pvetree *t, const char *path, const char *text, size_t len) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!pvepath_matches(kinds[i].path, path)) {
            continue;
        }
        if (kinds[i].parse == parse_vm || kinds[i].parse == parse_ct) {
            put_guest(t, path);
            js_add(t->files, path, js_str_n(text, len)); /* see guest_file() */
        } else {
            js_add(t->files, path, parse(t, path, kinds[i].parse, text, len));
        }
        return;
    }
}

/* Guests are thousands, and each is asked for a few times in a row: their files are kept as texts,
 * and only the last one is kept parsed. */
static bool is_last(const struct pvetree *t, const char *path) {
    return t->last && strcmp(t->last_path, path) == 0;
}

static const js *guest_file(struct pvetree *t, const char *path, const js *text) {
    js_freep(&t->last);
    (void)snprintf(t->last_path, sizeof(t->last_path), "%s", path);
    t->last = parse(t, path, strstr(path, "/lxc/") ? parse_ct : parse_vm,
                    json_object_get_string((js *)(uintptr_t)text),
                    (size_t)json_object_get_string_len(text));
    return t->last;
}

void pvetree_unread(struct pvetree *t, const char *path, const char *why) {
    const char *slash = strrchr(path, '/');

    js_add(t->unread, path, js_str(why));
    if (slash && pvepath_matches("nodes/*/*/*.conf", path)) {
        put_guest(t, path); /* it is there all the same */
    }
}

size_t pvetree_guests(const struct pvetree *t) {
    return (size_t)json_object_object_length(t->guests);
}

bool pvetree_has_guest(const struct pvetree *t, uint32_t vmid, const char *kind, const char *node) {
    char id[16], path[PVEPATH_MAX];

    (void)snprintf(id, sizeof(id), "%u", vmid);
    (void)snprintf(path, sizeof(path), "nodes/%s/%s/%s.conf", node,
                   strcmp(kind, "lxc") == 0 ? "lxc" : "qemu-server", id);
    return strcmp(js_str_or(t->guests, id, ""), path) == 0;
}

/* The file itself, or a folder above it, could not be read. */
static const char *why_unread(const struct pvetree *t, const char *path) {
    char at[256];
    const char *why;

    if (js_members(t->unread) == 0) { /* nearly always, and asked thousands of times */
        return NULL;
    }
    why = js_get_str(t->unread, path);
    (void)snprintf(at, sizeof(at), "%s", path);
    for (size_t n = strlen(at); n > 0 && !why; n--) {
        if (at[n - 1] == '/') {
            at[n] = '\0';
            why = js_get_str(t->unread, at);
        }
    }
    return why;
}

const js *pvetree_file(struct ask *a, const char *fmt, ...) {
    char path[256];
    const char *why;
    const js *notes;
    const js *made;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    why = why_unread(a->t, path);
    if (why) {
        (void)snprintf(a->failed, sizeof(a->failed), "%.100s: %.90s", path, why);
    }
    made = is_last(a->t, path) ? a->t->last : js_get(a->t->files, path);
    if (made && js_is_str(made)) {
        made = guest_file(a->t, path, made);
    }
    notes = js_members(a->t->notes) ? js_get(a->t->notes, path) : NULL; /* nearly always none */
    if (js_len(notes) > 0 && !a->doubt[0]) {
        (void)snprintf(a->doubt, sizeof(a->doubt), "%.80s, %.110s", path,
                       json_object_get_string(js_at(notes, 0)));
    }
    return made ? made : js_object_or_empty(NULL);
}

static bool in_words(const char *words, const char *word) {
    size_t n = strlen(word);

    for (const char *s = words; *s; s += strcspn(s, " ") + (s[strcspn(s, " ")] == ' ')) {
        if (strcspn(s, " ") == n && strncmp(s, word, n) == 0) {
            return true;
        }
    }
    return false;
}

void pvetree_ints(js *o, const char *keys) {
    JS_FOREACH(o, key, value) {
        int64_t n;

        (void)value;
        if (in_words(keys, key) && js_get_int(o, key, &n)) {
            json_object_object_add(o, key, js_int(n));
        }
    }
}

void pvetree_pairs(js *o, const char *keys) {
    JS_FOREACH(o, key, value) {
        js *made;

        if (!in_words(keys, key) || !js_is_str(value)) {
            continue;
        }
        made = js_object();
        for (const char *s = json_object_get_string(value); *s;) {
            size_t n = strcspn(s, ",");
            const char *eq = memchr(s, '=', n);
            char name[64];

            if (eq && (size_t)(eq - s) < sizeof(name)) {
                (void)snprintf(name, sizeof(name), "%.*s", (int)(eq - s), s);
                js_add(made, name, js_str_n(eq + 1, n - (size_t)(eq - s) - 1));
            }
            s += n + (s[n] == ',');
        }
        json_object_object_add(o, key, made);
    }
}

js *pvetree_list(const js *sections, const char *id_key, const char *ints) {
    js *list = js_array();

    JS_FOREACH(sections, id, section) {
        js *o = js_copy(section);

        js_add(o, id_key, js_str(id));
        pvetree_ints(o, ints);
        js_push(list, o);
    }
    return list;
}

bool ask_is(const struct ask *a, size_t n, const char *const *want) {
    for (size_t i = 0; i < n && a->n == n; i++) {
        if (strcmp(want[i], "*") != 0 && strcmp(want[i], a->v[i]) != 0) {
            return false;
        }
    }
    return a->n == n;
}

static js *(*const answerers[])(struct ask *a) = {
    pvetree_answer_guest,    pvetree_answer_list,    pvetree_answer_access,
    pvetree_answer_firewall, pvetree_answer_network,
};

int pvetree_answer(struct pvetree *t, const char *path, js **ret, struct err *e) {
    struct ask a = {.t = t};
    char text[512];
    char *s = text;
    js *made = NULL;

    (void)snprintf(text, sizeof(text), "%s", path);
    s = strchr(text, '?');
    if (s) {
        *s = '\0';
        a.query = s + 1;
    }
    for (s = text; *s == '/' && a.n < ARRAY_LEN(a.v);) {
        *s++ = '\0';
        a.v[a.n++] = s;
        s += strcspn(s, "/");
    }
    for (size_t i = 0; i < ARRAY_LEN(answerers) && !made && !*s; i++) {
        made = answerers[i](&a);
    }
    if (a.failed[0]) {
        js_freep(&made);
        return err_set(e, -EIO, "%s", a.failed);
    }
    if (!made) {
        return err_set(e, -ENODATA, "the cluster's files do not say this");
    }
    if (e) {
        (void)snprintf(e->msg, sizeof(e->msg), "%s", a.doubt);
    }
    *ret = made;
    return 0;
}
