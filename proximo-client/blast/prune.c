/* SPDX-License-Identifier: Apache-2.0 */
/* A prune, archive by archive: each one that goes, and for each guest what is left to restore from.
 * Archives of a guest that is gone are all that there is of it: taking one of those is high. */
#include "proximo-client/blast/backup_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

void owner_label(const struct picture *p, int64_t vmid, char *ret, size_t size) {
    const struct guest *g =
        vmid > 0 && vmid <= UINT32_MAX ? picture_guest(p, (uint32_t)vmid) : NULL;

    if (g) {
        (void)snprintf(ret, size, "%s", g->resource);
    } else {
        (void)snprintf(ret, size, "guest/%lld", (long long)vmid);
    }
}

/* The guests' share of a prune. */
struct share {
    unsigned int gone, kept, unsure;
    int64_t newest, oldest; /* of what is kept */
};

static void affect_archive(struct pruning *r, const struct archive *a, bool is_orphan) {
    const struct guest *g = is_orphan ? NULL : picture_guest(r->p, (uint32_t)a->vmid);
    char resource[300];
    char age[60];
    char why[200];

    age_text(r->now - a->ctime, age, sizeof(age));
    (void)snprintf(resource, sizeof(resource), "backup/%.280s", a->volid);
    (void)snprintf(why, sizeof(why), "%s by the rules%s (%s old)",
                   a->unsure && a->mark == MARK_KEEP ? "may be removed" : "is removed",
                   a->unsure ? ", depending on the backup server's time zone" : "", age);
    tally_affect(&r->t, r->d,
                 &(struct affect){.resource = resource,
                                  .name = g ? g->name : NULL,
                                  .node = a->node,
                                  .effect = "loses-backup",
                                  .severity = is_orphan ? RISK_HIGH : RISK_MEDIUM,
                                  .running = g && g->running,
                                  .via = r->via,
                                  .why = why});
}

static void affect_rest(struct pruning *r, int64_t vmid, const struct share *s, bool is_orphan) {
    char resource[40];
    char newest[60];
    char oldest[60];
    char why[240];
    int n;

    owner_label(r->p, vmid, resource, sizeof(resource));
    age_text(r->now - s->newest, newest, sizeof(newest));
    age_text(r->now - s->oldest, oldest, sizeof(oldest));
    n = snprintf(why, sizeof(why), "%u of its %u backups on %.60s go", s->gone, s->gone + s->kept,
                 r->storage);
    if (s->kept == 1) {
        (void)snprintf(why + n, sizeof(why) - (size_t)n, "; one is left, %s old", newest);
    } else if (s->kept > 1) {
        (void)snprintf(why + n, sizeof(why) - (size_t)n, "; %u are left, %s to %s old", s->kept,
                       newest, oldest);
    }
    draft_risk(r->d, is_orphan || s->kept == 0 ? RISK_HIGH : RISK_MEDIUM, "%s: %s%s", resource, why,
               is_orphan ? "; the guest is gone, they are all there is of it" : "");
}

static void prune_guest(struct pruning *r, const struct archive *v, size_t n, int64_t vmid) {
    bool is_orphan = vmid <= 0 || vmid > UINT32_MAX || !picture_guest(r->p, (uint32_t)vmid);
    struct share s = {0};

    /* a guest that the token cannot see is no proof that it is gone: unread says so */
    is_orphan = is_orphan && picture_guests_part(r->p)->state == PART_READ;
    for (size_t i = 0; i < n; i++) {
        bool goes = v[i].mark == MARK_REMOVE || (v[i].mark == MARK_KEEP && v[i].unsure);

        s.gone += goes;
        s.unsure += v[i].unsure;
        if (goes) {
            affect_archive(r, &v[i], is_orphan);
            continue;
        }
        s.newest = s.kept == 0 || v[i].ctime > s.newest ? v[i].ctime : s.newest;
        s.oldest = s.kept == 0 || v[i].ctime < s.oldest ? v[i].ctime : s.oldest;
        s.kept++;
    }
    if (s.gone > 0) {
        r->pruned += s.gone;
        affect_rest(r, vmid, &s, is_orphan);
    }
    if (s.unsure > 0) {
        draft_unread(r->d, "the backup server's time zone",
                     "some archives lie at the edge of a day or week there", NULL);
    }
}

static int by_vmid(const void *x, const void *y) {
    const struct archive *a = x;
    const struct archive *b = y;

    return a->vmid != b->vmid ? (a->vmid > b->vmid) - (a->vmid < b->vmid)
                              : (a->at > b->at) - (a->at < b->at);
}

void pruning_tell(struct pruning *r, struct archive *v, size_t n) {
    if (n > 1) {
        qsort(v, n, sizeof(*v), by_vmid);
    }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && v[end].vmid == v[i].vmid; end++) {
        }
        prune_guest(r, v + i, end - i, v[i].vmid);
    }
}

/* The archives of the storage as `node` shows them. */
static size_t collect(const struct picture *p, const char *storage, const char *node,
                      const char *type, int64_t vmid, struct archive **ret) {
    const struct content *c;
    size_t lists = picture_contents(p, &c);
    size_t n = 0;

    *ret = NULL;
    for (size_t i = 0; i < lists; i++) {
        if (strcmp(c[i].storage, storage) != 0 || strcmp(c[i].node, node) != 0) {
            continue;
        }
        *ret = calloc(js_len(c[i].list) + 1, sizeof(**ret));
        if (!*ret) {
            abort();
        }
        for (size_t k = 0; k < js_len(c[i].list); k++) {
            struct archive *a = &(*ret)[n];

            if (archive_of(js_at(c[i].list, k), storage, node, a) &&
                (!type || strcmp(type, a->type) == 0) && (vmid == 0 || vmid == a->vmid)) {
                a->at = n++;
            }
        }
        return n;
    }
    return 0;
}

int blast_prune(const struct picture *p, const char *storage, const char *node, const js *form,
                int64_t now, struct draft *d) {
    const struct store *s = picture_store(p, storage);
    const js *rules = js_get(form, "prune-backups");
    CLEANUP(freep) struct archive *v = NULL;
    struct pruning r = {.p = p, .d = d, .storage = storage, .via = "prune", .now = now};
    struct keep k;
    size_t n;

    blast_unread(p, PIC_STORAGE, 0, d);
    if (!s) {
        draft_unread(d, "the storage's definition", "it is not in the list",
                     "Datastore.Audit on /storage");
        return -ENOENT;
    }
    blast_unread_at(p, storage, node, d);
    rules = rules ? rules : js_get(s->def, "prune-backups");
    if (!rules || keep_parse(rules, &k) < 0) {
        draft_risk(d, RISK_HIGH,
                   rules ? "will be refused: the rules (prune-backups) are not valid"
                         : "will be refused: neither the request nor the storage "
                           "says what to keep (prune-backups)");
        return 0;
    }
    n = collect(p, storage, node, js_get_str(form, "type"), js_int_or(form, "vmid", 0), &v);
    retention_mark(v, n, &k);
    pruning_tell(&r, v, n);
    if (r.pruned == 0) {
        draft_risk(d, RISK_NONE, "no backup on %s is outside the rules: nothing goes", storage);
    }
    tally_risk(&r.t, d);
    return 0;
}
