/* SPDX-License-Identifier: Apache-2.0 */
/* The picture's memory, its list of wanted reads, and the look-ups. Guests are kept sorted by vmid,
 * so that a look-up among 10,000 is a binary search. No I/O. */
#include "proximo-client/blast/picture_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

void *picture_grow(void *array_ptr, size_t *n, size_t size) {
    void **array = array_ptr;

    /* capacities are powers of two, so the count alone tells when to grow */
    if ((*n & (*n - 1)) == 0) {
        void *more = reallocarray(*array, *n ? *n * 2 : 1, size);

        if (!more) {
            abort();
        }
        *array = more;
    }
    memset((char *)*array + *n * size, 0, size);
    return (char *)*array + (*n)++ * size;
}

const char *picture_strn(struct picture *p, const char *s, size_t len) {
    char **slot = picture_grow(&p->str, &p->n_str, sizeof(*p->str));

    *slot = strndup(s, len);
    if (!*slot) {
        abort();
    }
    return *slot;
}

const char *picture_str(struct picture *p, const char *s) {
    return picture_strn(p, s, strlen(s));
}

const char *picture_strf(struct picture *p, const char *fmt, ...) {
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return picture_str(p, text);
}

static void want_add(struct picture *p, const char *reduce, const struct want_as *as,
                     const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));
static void want_add(struct picture *p, const char *reduce, const struct want_as *as,
                     const char *fmt, va_list ap) {
    struct want *w = picture_grow(&p->want, &p->n_want, sizeof(*p->want));

    if (vasprintf(&w->path, fmt, ap) < 0) {
        abort();
    }
    w->reduce = reduce;
    w->part = (struct part){.state = PART_NOT_ASKED, .why = "not asked for"};
    if (as) {
        w->as = *as;
        js_add(p->by_path, w->path, js_int((int64_t)(p->n_want - 1)));
    }
}

void picture_want(struct picture *p, const char *reduce, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    want_add(p, reduce, NULL, fmt, ap);
    va_end(ap);
}

void picture_want_only(struct picture *p, const char *const *only) {
    p->want[p->n_want - 1].only = only;
}

void picture_want_as(struct picture *p, const struct want_as *as, const char *reduce,
                     const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    want_add(p, reduce, as, fmt, ap);
    va_end(ap);
}

bool picture_wants(const struct picture *p, const char *path) {
    return js_get(p->by_path, path) != NULL;
}

static void part_init(struct part *part) {
    *part = (struct part){.state = PART_NOT_ASKED, .why = "not asked for"};
}

int picture_new(const struct picture_ask *ask, struct picture **ret, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = calloc(1, sizeof(*p));

    if (!p || !(p->keep = js_array()) || !(p->by_path = js_object())) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    p->ask = *ask;
    p->ask_storage = ask->storage ? picture_str(p, ask->storage) : NULL;
    p->ask.storage = p->ask_storage;
    p->ask_nodes = ask->nodes ? picture_str(p, ask->nodes) : NULL;
    p->ask.nodes = p->ask_nodes;
    p->ask_archive = ask->archive ? picture_str(p, ask->archive) : NULL;
    p->ask.archive = p->ask_archive;
    p->ask_guests_at = ask->guests_at ? picture_str(p, ask->guests_at) : NULL;
    p->ask.guests_at = p->ask_guests_at;
    part_init(&p->perms_part);
    part_init(&p->guests_part);
    part_init(&p->nodes_part);
    part_init(&p->storage_part);
    part_init(&p->backup_part);
    part_init(&p->replication_part);
    part_init(&p->ha_part);
    parts_start(p);
    *ret = TAKE(p);
    return 0;
}

void picture_free(struct picture *p) {
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->n_guest; i++) {
        free(p->guest[i].vols.v);
        for (size_t k = 0; k < p->guest[i].n_snap; k++) {
            free(p->guest[i].snap[k].vols.v);
        }
        free(p->guest[i].snap);
    }
    for (size_t i = 0; i < p->n_want; i++) {
        free(p->want[i].path);
    }
    for (size_t i = 0; i < p->n_str; i++) {
        free(p->str[i]);
    }
    free(p->want);
    free(p->out);
    free(p->str);
    free(p->guest);
    free(p->store);
    free(p->node);
    free(p->content);
    free(p->archive);
    js_freep(&p->by_path);
    js_freep(&p->keep);
    free(p);
}

size_t picture_need(struct picture *p, const struct picture_read **ret) {
    free(p->out);
    p->out = NULL;
    p->n_out = 0;
    for (size_t i = 0; i < p->n_want; i++) {
        if (!p->want[i].given) {
            struct picture_read *r = picture_grow(&p->out, &p->n_out, sizeof(*p->out));

            p->want[i].given = true;
            r->path = p->want[i].path;
            r->reduce = p->want[i].reduce;
            r->only = p->want[i].only;
        }
    }
    *ret = p->out;
    return p->n_out;
}

static int by_vmid(const void *key, const void *element) {
    uint32_t vmid = *(const uint32_t *)key;
    uint32_t have = ((const struct guest *)element)->vmid;

    return vmid < have ? -1 : vmid > have;
}

struct guest *picture_guest_mut(struct picture *p, uint32_t vmid) {
    return p->n_guest ? bsearch(&vmid, p->guest, p->n_guest, sizeof(*p->guest), by_vmid) : NULL;
}

const struct guest *picture_guest(const struct picture *p, uint32_t vmid) {
    return p->n_guest ? bsearch(&vmid, p->guest, p->n_guest, sizeof(*p->guest), by_vmid) : NULL;
}

const struct guest_snap *guest_snap_find(const struct guest *g, const char *name) {
    for (size_t i = 0; i < g->n_snap; i++) {
        if (strcmp(g->snap[i].name, name) == 0) {
            return &g->snap[i];
        }
    }
    return NULL;
}

const struct store *picture_store(const struct picture *p, const char *id) {
    for (size_t i = 0; i < p->n_store; i++) {
        if (strcmp(p->store[i].id, id) == 0) {
            return &p->store[i];
        }
    }
    return NULL;
}

bool words_have(const char *words, const char *word) {
    size_t want = strlen(word);

    for (const char *s = words; *s;) {
        size_t len = strcspn(s, ",; ");

        if (len == want && memcmp(s, word, len) == 0) {
            return true;
        }
        s += len + (s[len] != 0);
    }
    return false;
}

bool store_on_node(const js *def, const char *node) {
    const char *nodes = js_str_or(def, "nodes", "");

    return !nodes[0] || words_have(nodes, node);
}

void guest_sid(const struct guest *g, char ret[static 24]) {
    (void)snprintf(ret, 24, "%s:%u", strcmp(g->kind, "lxc") == 0 ? "ct" : "vm", g->vmid);
}

const js *picture_ha_managed(const struct picture *p, const struct guest *g) {
    const js *ha = picture_ha_of(p, g);

    return strcmp(js_str_or(ha, "state", ""), "ignored") == 0 ? NULL : ha;
}

const js *picture_ha_recovers(const struct picture *p, const struct guest *g) {
    const js *ha = picture_ha_managed(p, g);

    return strcmp(js_str_or(ha, "state", ""), "disabled") == 0 ? NULL : ha;
}

const js *picture_ha_of(const struct picture *p, const struct guest *g) {
    char sid[24];

    guest_sid(g, sid);
    for (size_t i = 0; i < js_len(p->ha); i++) {
        const js *r = js_at(p->ha, i);
        const char *have = js_str_or(r, "sid", "");

        if (strcmp(have, sid) == 0 || strcmp(have, sid + 3) == 0) {
            return r;
        }
    }
    return NULL;
}

const js *picture_answer(const struct picture *p, const char *path, struct part *ret) {
    int64_t i = -1;
    bool known = js_get_int(p->by_path, path, &i);

    if (ret) {
        *ret = known ? p->want[i].part
                     : (struct part){.state = PART_NOT_ASKED, .why = "not asked for"};
    }
    return known ? p->want[i].data : NULL;
}

void picture_gaps(const struct picture *p, unsigned int bits,
                  void (*f)(void *ctx, const struct picture_gap *gap), void *ctx) {
    for (size_t i = 0; i < p->n_want; i++) {
        const struct want *w = &p->want[i];

        if ((w->as.bits & bits) && w->part.state != PART_READ) {
            struct picture_gap gap = {w->as.label, w->as.whose, &w->part};

            f(ctx, &gap);
        }
    }
}

bool picture_asks(const struct picture *p, const struct guest *g) {
    return (p->ask.vmid == 0 || p->ask.vmid == g->vmid) &&
           (!p->ask_guests_at || strcmp(p->ask_guests_at, g->node) == 0);
}

void picture_doubt_guests(struct picture *p, const char *why) {
    if (p->guests_part.state == PART_READ) {
        p->guests_part = (struct part){PART_PARTIAL, why, NULL};
    }
}

const struct part *picture_guests_part(const struct picture *p) {
    return &p->guests_part;
}
const struct part *picture_nodes_part(const struct picture *p) {
    return &p->nodes_part;
}
const struct part *picture_storage_part(const struct picture *p) {
    return &p->storage_part;
}
const struct part *picture_backup_part(const struct picture *p) {
    return &p->backup_part;
}
const struct part *picture_replication_part(const struct picture *p) {
    return &p->replication_part;
}
const struct part *picture_ha_part(const struct picture *p) {
    return &p->ha_part;
}
size_t picture_guests(const struct picture *p, const struct guest **ret) {
    *ret = p->guest;
    return p->n_guest;
}
size_t picture_stores(const struct picture *p, const struct store **ret) {
    *ret = p->store;
    return p->n_store;
}
size_t picture_contents(const struct picture *p, const struct content **ret) {
    *ret = p->content;
    return p->n_content;
}
size_t picture_archives(const struct picture *p, const struct content **ret) {
    *ret = p->archive;
    return p->n_archive;
}
size_t picture_nodes(const struct picture *p) {
    return p->n_node;
}
const char *picture_node(const struct picture *p, size_t i, bool *ret_online) {
    if (ret_online) {
        *ret_online = p->node[i].online;
    }
    return p->node[i].name;
}
bool picture_node_find(const struct picture *p, const char *name, bool *ret_online) {
    bool online = false;
    bool found = false;

    for (size_t i = 0; !found && i < p->n_node; i++) {
        found = strcmp(p->node[i].name, name) == 0;
        online = found && p->node[i].online;
    }
    if (ret_online) {
        *ret_online = online;
    }
    return found;
}
const js *picture_backup_jobs(const struct picture *p) {
    return p->backup;
}
const js *picture_replication_jobs(const struct picture *p) {
    return p->replication;
}
const js *picture_ha_resources(const struct picture *p) {
    return p->ha;
}
const js *picture_ha_rules(const struct picture *p) {
    return p->rules;
}
