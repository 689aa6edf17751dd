/* SPDX-License-Identifier: Apache-2.0 */
/* What was not read, told to the draft: one line for each part and reason, not one for each of ten
 * thousand guests. Also guests that others name (HA, replication, backup jobs, volumes' owners) and
 * the guest list does not show: a list cut by privileges gives no other sign. */
#include "proximo-client/blast/blast_int.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"

static void tell(struct draft *d, const char *what, const struct part *part) {
    if (part->state != PART_READ) {
        draft_unread(d, what, part->why, part->privilege);
    }
}

/* Parts of one kind that were not read, by why they were not. */
struct gap {
    unsigned int n;
    const struct part *first;
    char names[120];
};

static void gap_add(struct gap *gap, const struct part *part, const char *resource,
                    const char *detail) {
    size_t at = strlen(gap->names);

    if (gap->n == 0) {
        gap->first = part;
    }
    if (gap->n < 4) {
        (void)snprintf(gap->names + at, sizeof(gap->names) - at, "%s%.23s%s%.24s",
                       gap->n ? ", " : "", resource, detail[0] ? " " : "", detail);
    }
    gap->n++;
}

static void gap_tell(struct draft *d, const struct gap *gap, const char *what) {
    char text[240];

    if (gap->n > 0) {
        (void)snprintf(text, sizeof(text), "%s of %u (%s%s)", what, gap->n, gap->names,
                       gap->n > 4 ? ", …" : "");
        draft_unread(d, text, gap->first->why, gap->first->privilege);
    }
}

/* Two gaps a kind: refused and failed want different remedies. */
struct gaps {
    struct gap denied, failed;
};

static void gaps_add(struct gaps *g, const struct part *part, const char *resource,
                     const char *detail) {
    if (part->state != PART_READ) {
        gap_add(part->state == PART_DENIED ? &g->denied : &g->failed, part, resource, detail);
    }
}

static void gaps_tell(struct draft *d, const struct gaps *g, const char *what) {
    gap_tell(d, &g->denied, what);
    gap_tell(d, &g->failed, what);
}

static void tell_guest(const struct guest *g, unsigned int what, struct gaps *configs,
                       struct gaps *lists, struct gaps *snaps, struct draft *d) {
    if (what & PIC_CONFIGS) {
        gaps_add(configs, &g->config, g->resource, "");
    }
    for (size_t i = 0; i < g->vols.n; i++) {
        if (g->vols.v[i].kind == VOLUME_ODD) {
            char text[64];

            (void)snprintf(text, sizeof(text), "%s %s", g->resource, g->vols.v[i].key);
            draft_unread(d, text, "its value is not understood", NULL);
        }
    }
    if (what & PIC_SNAPSHOTS) {
        gaps_add(lists, &g->snapshots, g->resource, "");
        for (size_t i = 0; i < g->n_snap; i++) {
            gaps_add(snaps, &g->snap[i].config, g->resource, g->snap[i].name);
        }
    }
}

static void tell_guests(const struct picture *p, unsigned int what, uint32_t vmid,
                        struct draft *d) {
    struct gaps configs = {0};
    struct gaps lists = {0};
    struct gaps snaps = {0};
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    unsigned int asked = 0;
    unsigned int read = 0;
    unsigned int online = 0;

    for (size_t i = 0; i < n; i++) {
        if (picture_asks(p, &g[i]) && (vmid == 0 || g[i].vmid == vmid)) {
            asked++;
            read += !(what & PIC_CONFIGS) || g[i].config.state == PART_READ;
            tell_guest(&g[i], what, &configs, &lists, &snaps, d);
        }
    }
    gaps_tell(d, &configs, "configurations");
    gaps_tell(d, &lists, "snapshot lists");
    gaps_tell(d, &snaps, "snapshot configurations");
    for (size_t i = 0; i < picture_nodes(p); i++) {
        bool is_online = false;

        (void)picture_node(p, i, &is_online);
        online += is_online;
    }
    draft_coverage(d, online, (unsigned int)picture_nodes(p), read, asked);
}

struct hidden {
    const struct picture *p;
    struct draft *d;
    const char *by;
    uint32_t told[32];
    size_t n;
};

static void hidden_check(void *ctx, const char *word) {
    struct hidden *h = ctx;
    const char *colon = strchr(word, ':');
    uint32_t vmid = 0;
    char text[100];

    if (ident_vmid(colon ? colon + 1 : word, &vmid) < 0 || picture_guest(h->p, vmid) ||
        h->n >= sizeof(h->told) / sizeof(h->told[0])) {
        return;
    }
    for (size_t i = 0; i < h->n; i++) {
        if (h->told[i] == vmid) {
            return;
        }
    }
    h->told[h->n++] = vmid;
    (void)snprintf(text, sizeof(text), "guest %u, which %s names", vmid, h->by);
    draft_unread(h->d, text, "it is not among the guests that the token may see",
                 "VM.Audit on /vms");
}

static void hidden_number(struct hidden *h, const js *row, const char *key) {
    int64_t vmid = 0;
    char word[24];

    if (js_get_int(row, key, &vmid)) {
        (void)snprintf(word, sizeof(word), "%lld", (long long)vmid);
        hidden_check(h, word);
    }
}

/* HA and replication name living guests only. Backup jobs may name guests that are gone, so a job's
 * list proves nothing and is left out. */
static void tell_hidden(const struct picture *p, struct draft *d) {
    struct hidden h = {.p = p, .d = d};
    const js *ha = picture_ha_resources(p);
    const js *jobs = picture_replication_jobs(p);

    h.by = "HA";
    for (size_t i = 0; i < js_len(ha); i++) {
        hidden_check(&h, js_str_or(js_at(ha, i), "sid", ""));
    }
    h.by = "replication";
    for (size_t i = 0; i < js_len(jobs); i++) {
        hidden_number(&h, js_at(jobs, i), "guest");
    }
}

/* Gaps of the named reads, one pair for each label. */
struct named {
    struct {
        const char *label;
        struct gaps gaps;
    } row[24];
    size_t n;
    struct draft *d;
};

static void named_add(void *ctx, const struct picture_gap *gap) {
    struct named *t = ctx;
    size_t i = 0;

    while (i < t->n && strcmp(t->row[i].label, gap->label) != 0) {
        i++;
    }
    if (i == sizeof(t->row) / sizeof(t->row[0])) {
        draft_unread(t->d, gap->label, gap->part->why, gap->part->privilege);
        return;
    }
    t->row[i].label = gap->label;
    t->n = i == t->n ? i + 1 : t->n;
    gaps_add(&t->row[i].gaps, gap->part, gap->whose, "");
}

static void tell_named_gap(struct draft *d, const struct gap *gap, const char *label) {
    if (gap->n == 1 && !gap->names[0]) {
        draft_unread(d, label, gap->first->why, gap->first->privilege);
    } else {
        gap_tell(d, gap, label);
    }
}

static void tell_named(const struct picture *p, unsigned int what, struct draft *d) {
    struct named t = {.d = d};

    picture_gaps(p, what, named_add, &t);
    for (size_t i = 0; i < t.n; i++) {
        tell_named_gap(d, &t.row[i].gaps.denied, t.row[i].label);
        tell_named_gap(d, &t.row[i].gaps.failed, t.row[i].label);
    }
}

void blast_unread(const struct picture *p, unsigned int what, uint32_t vmid, struct draft *d) {
    const struct content *c;
    size_t n = picture_contents(p, &c);

    if (vmid == 0) {
        tell(d, "the list of guests", picture_guests_part(p));
        tell_hidden(p, d);
    }
    tell(d, "the list of nodes", picture_nodes_part(p));
    tell_guests(p, what, vmid, d);
    if (what & PIC_STORAGE) {
        tell(d, "storage definitions", picture_storage_part(p));
    }
    if (what & PIC_BACKUP) {
        tell(d, "backup jobs", picture_backup_part(p));
    }
    if (what & PIC_REPLICATION) {
        tell(d, "replication jobs", picture_replication_part(p));
    }
    if (what & PIC_HA) {
        tell(d, "HA resources and rules", picture_ha_part(p));
    }
    tell_named(p, what, d);
    for (size_t i = 0; (what & PIC_CONTENT) && i < n; i++) {
        char text[200];

        (void)snprintf(text, sizeof(text), "volumes on %s at node %s", c[i].storage, c[i].node);
        tell(d, text, &c[i].part);
    }
}

void blast_unread_at(const struct picture *p, const char *storage, const char *node,
                     struct draft *d) {
    const struct content *c;
    size_t n = picture_contents(p, &c);
    char text[200];

    (void)snprintf(text, sizeof(text), "volumes on %.100s at node %.60s", storage, node);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(c[i].storage, storage) == 0 && strcmp(c[i].node, node) == 0) {
            tell(d, text, &c[i].part);
            return;
        }
    }
    draft_unread(d, text, "the node does not have this storage", NULL);
}
