/* SPDX-License-Identifier: Apache-2.0 */
/* One inventory instead of thousands of reads. The node is not believed more than the API: only
 * what it says of guests that the API lists is used, its list of guests must be the API's, and the
 * recheck before anything runs asks the API itself, so an inventory that lied makes a plan that is
 * refused as drifted. It is begun before the API's lists are asked for and arrives while they are
 * waited for; what is made of it is made while the API's other answers are. */
#include "proximo-client/pipeline/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/inventory.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/draft.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/pve/pvetree.h"

#define OF_EVERY_GUEST (PIC_CONFIGS | PIC_SNAPSHOTS | PIC_FW_GUESTS)
#define NODES_TRIED    3
#define AT_A_TIME      32 /* answers from the files between two looks at the network */

static const char guests_path[] = "/cluster/resources?type=vm";

struct eye {
    struct draft *d;
    struct session *s;
    struct pvetree *tree; /* complete and to be used when there are `guests` */
    js *guests;           /* the API's list that the tree was held against; NULL: the API alone */
    bool asked;           /* nodes are asked once, whatever came of it */
    char node[64];
    struct inventory_call *call; /* under way: of `node`, into `tree` */
    struct node_inventory info;
    size_t spreads; /* pve_spreads() before this reading */
    char why[400];  /* the API alone, although there are nodes */
};

static void eye_done(struct eye *y) {
    pve_while_waiting(y->s->pve, NULL, NULL);
    inventory_call_freep(&y->call);
    pvetree_freep(&y->tree);
    js_freep(&y->guests);
}

static int on_file(void *ctx, const char *path, const char *text, size_t len) {
    struct eye *y = ctx;

    pvetree_put(y->tree, path, text, len);
    return 0;
}

static int on_unread(void *ctx, const char *path, const char *why) {
    struct eye *y = ctx;

    pvetree_unread(y->tree, path, why);
    return 0;
}

static int on_again(void *ctx) {
    struct eye *y = ctx;

    pvetree_freep(&y->tree);
    return pvetree_new(&y->tree, NULL);
}

/* Where the API says the guests are, there their files must be; and no others, if the list is
 * whole.
 */
static bool agrees(struct eye *y, const js *list, bool whole) {
    size_t n = 0;

    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);
        int64_t vmid = js_int_or(row, "vmid", 0);

        if (vmid < VMID_MIN || vmid > VMID_MAX) {
            continue;
        }
        n++;
        if (!pvetree_has_guest(y->tree, (uint32_t)vmid, js_str_or(row, "type", ""),
                               js_str_or(row, "node", ""))) {
            (void)snprintf(y->why, sizeof(y->why),
                           "node %.63s's inventory and the API do not agree on guest %u", y->node,
                           (uint32_t)vmid);
            return false;
        }
    }
    if (whole && n != pvetree_guests(y->tree)) {
        (void)snprintf(y->why, sizeof(y->why),
                       "node %.63s's inventory has %zu guests, the API lists %zu", y->node,
                       pvetree_guests(y->tree), n);
        return false;
    }
    return true;
}

static int begin(struct eye *y, const struct node_info *node, struct err *e) {
    static const struct inventory_ops ops = {on_file, on_unread, on_again};
    int r;

    (void)snprintf(y->node, sizeof(y->node), "%.63s", node->name);
    pvetree_freep(&y->tree);
    r = pvetree_new(&y->tree, e);
    return r < 0 ? r : node_inventory_begin(y->s->nodes, y->node, &ops, y, &y->call, e);
}

/* The one that is under way, if there is one. */
static int ask_node(struct eye *y, const struct node_info *node, const js *list, bool whole,
                    struct err *e) {
    bool agreed = false;
    int r = 0;

    /* once more when a guest moved between the two reads */
    for (unsigned int i = 0; r == 0 && i < 2 && !agreed; i++) {
        r = y->call ? 0 : begin(y, node, e);
        r = r < 0 ? r : node_inventory_end(&y->call, &y->info, e);
        if (r < 0) {
            (void)snprintf(y->why, sizeof(y->why), "%.40s: %.340s", e->tag, e->msg);
        }
        agreed = r == 0 && agrees(y, list, whole);
        if (!agreed) {
            pvetree_freep(&y->tree);
        }
    }
    return r;
}

static size_t inventory_turn(void *ctx, struct pollfd *fd, size_t max, int *wait_ms) {
    struct eye *y = ctx;

    return node_inventory_turn(y->call, fd, max, wait_ms);
}

/* What cannot be begun is said when it is asked for again. */
static void begin_early(struct eye *y) {
    struct err ignored = {0};

    for (size_t i = 0; i < nodes_count(y->s->nodes); i++) {
        const struct node_info *node = nodes_at(y->s->nodes, i);

        if (node->trusted) {
            if (begin(y, node, &ignored) == 0) {
                pve_while_waiting(y->s->pve, inventory_turn, y);
            }
            return;
        }
    }
}

/* -ECANCELED, or 0 with or without a tree. */
static int open_eye(struct eye *y, const js *list, bool whole, struct err *e) {
    size_t tried = 0;

    y->asked = true;
    pve_while_waiting(y->s->pve, NULL, NULL);
    for (size_t i = 0; !y->guests && tried < NODES_TRIED && i < nodes_count(y->s->nodes); i++) {
        const struct node_info *node = nodes_at(y->s->nodes, i);
        struct err why = {0};

        if (!node->trusted) {
            continue;
        }
        tried++;
        if (ask_node(y, node, list, whole, &why) == -ECANCELED) {
            if (e) {
                *e = why;
            }
            return -ECANCELED;
        }
        y->guests = y->tree ? js_ref((js *)(uintptr_t)list) : NULL;
    }
    return 0;
}

/* Is it one of the reads that are made once a guest? Everything else is asked of the API. */
static bool is_of_guest(const char *path) {
    const char *kind = strncmp(path, "/nodes/", 7) == 0 ? strchr(path + 7, '/') : NULL;

    return kind && (strncmp(kind, "/lxc/", 5) == 0 || strncmp(kind, "/qemu/", 6) == 0) &&
           !strchr(path, '?');
}

static bool by_tree(struct eye *y, struct pve_job *job) {
    struct err doubt = {0};

    job->data = NULL;
    job->result = pvetree_answer(y->tree, job->path, &job->data, &doubt);
    if (job->result == 0 && !doubt.msg[0]) {
        return true;
    }
    js_freep(&job->data);
    return false;
}

enum source {
    BY_API,
    BY_TREE,
    UNSAID, /* not in the files, not read or not understood: the API knows */
    DONE,
};

struct fetching {
    struct eye *y;
    struct pve_job *job;
    enum source *by;
    size_t n, next; /* jobs before `next` are no longer the tree's to answer */
};

static int by_api(struct fetching *f, enum source which, struct err *e) {
    CLEANUP(freep) struct pve_job *rest = calloc(f->n, sizeof(*rest));
    size_t left = 0;
    int r;

    if (!rest) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < f->n; i++) {
        if (f->by[i] == which) {
            rest[left++] = f->job[i];
        }
    }
    r = left ? pve_get_spread(f->y->s->pve, rest, left, e) : 0;
    for (size_t i = 0, k = 0; k < left; i++) {
        if (f->by[i] == which) {
            f->job[i] = rest[k++];
            f->by[i] = DONE;
        }
    }
    return r;
}

/* Answers some jobs from the files; to be called until none are left. */
static size_t tree_turn(void *ctx, struct pollfd *fd, size_t max, int *wait_ms) {
    struct fetching *f = ctx;

    (void)fd;
    (void)max;
    for (size_t k = 0; f->next < f->n && k < AT_A_TIME; f->next++) {
        if (f->by[f->next] == BY_TREE) {
            f->by[f->next] = by_tree(f->y, &f->job[f->next]) ? DONE : UNSAID;
            k++;
        }
    }
    *wait_ms = f->next < f->n ? 0 : *wait_ms;
    return 0;
}

static int by_both(struct eye *y, struct pve_job *job, size_t n, struct err *e) {
    struct fetching f = {.y = y, .job = job, .n = n};
    int ignored = 0, r;

    f.by = calloc(n, sizeof(*f.by));
    if (!f.by) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        f.by[i] = y->guests && is_of_guest(job[i].path) ? BY_TREE : BY_API;
    }
    if (y->guests) {
        pve_while_waiting(y->s->pve, tree_turn, &f);
    }
    r = by_api(&f, BY_API, e);
    if (y->guests) {
        pve_while_waiting(y->s->pve, NULL, NULL);
    }
    while (r == 0 && f.next < n) {
        (void)tree_turn(&f, NULL, 0, &ignored);
    }
    r = r < 0 ? r : by_api(&f, UNSAID, e);
    free(f.by);
    return r;
}

static const js *answer_to(const struct pve_job *job, size_t n, const char *path) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(job[i].path, path) == 0 && job[i].result == 0) {
            return job[i].data;
        }
    }
    return NULL;
}

/* As the steps before leave it. What they do to it in a way that is not computed is as good as not
 * read: whoever needs it says so. */
static void after_steps(struct draft *d, struct pve_job *job) {
    struct err why = {0};
    bool there = job->result == 0;
    int r = draft_after(d, job->path, &job->data, &why);

    if (r < 0) {
        js_freep(&job->data);
        job->result = r;
        if (job->err) {
            *job->err = why;
        }
    } else if (!there && job->data) {
        job->result = 0;
        if (job->err) {
            *job->err = (struct err){0};
        }
    }
}

static int fetch_now(struct eye *y, struct pve_job *job, size_t n, struct err *e) {
    const js *list;
    int r;

    if (n == 1 && y->guests && strcmp(job[0].path, guests_path) == 0) {
        /* Did it stand still? The files are one moment's, and agreed. */
        job[0].data = js_ref(y->guests);
        job[0].result = 0;
        return 0;
    }
    r = by_both(y, job, n, e);
    list = r == 0 ? answer_to(job, n, guests_path) : NULL;
    if (list && !y->asked) {
        const js *perms = answer_to(job, n, "/access/permissions");

        r = open_eye(y, list, perms && perms_cover(perms, "/vms", "VM.Audit", NULL), e);
    }
    return r;
}

/* " over 3 of 4 addresses (https://c:8006 is left out: …)"; nothing when the first read it all. */
static void addresses(const struct eye *y, char *ret, size_t size) {
    const struct pve *p = y->s->pve;
    const struct err *why = NULL;
    struct pve_endpoint at = {.url = ""};
    char url[sizeof(at.url)] = "";
    size_t used = 0;

    ret[0] = '\0';
    if (pve_spreads(p) == y->spreads) {
        return;
    }
    for (size_t i = 0; i < pve_endpoints(p); i++) {
        pve_endpoint_at(p, i, &at);
        used += !at.why;
        if (at.why) {
            why = at.why;
            memcpy(url, at.url, sizeof(url));
        }
    }
    (void)snprintf(ret, size, " over %zu of %zu addresses%s%.100s%s%.200s%s", used,
                   pve_endpoints(p), why ? " (" : "", url, why ? " is left out: " : "",
                   why ? why->msg : "", why ? ")" : "");
}

static void say_source(struct draft *d, const struct eye *y) {
    char over[400];
    char digest[HASH_HEX_LEN + 1];

    addresses(y, over, sizeof(over));
    if (y->guests) {
        hash_text(&y->info.digest, digest);
        draft_source(d,
                     "inventory of node %s (%s, %llu files, %llu unread) for what is read of every "
                     "guest; the API for the rest",
                     y->node, digest, (unsigned long long)y->info.files,
                     (unsigned long long)y->info.unread);
    } else if (y->why[0]) {
        draft_source(d, "API%s; no inventory: %s", over, y->why);
    } else {
        draft_source(d, "API%s", over);
    }
}

static int fetch(void *ctx, struct pve_job *job, size_t n, struct err *e) {
    struct eye *y = ctx;
    int r = fetch_now(y, job, n, e);

    for (size_t i = 0; r == 0 && i < n; i++) {
        after_steps(y->d, &job[i]);
    }
    return r;
}

int look(struct draft *d, const struct picture_ask *ask, picture_seen seen, void *ctx,
         struct picture **ret, struct err *e) {
    CLEANUP(eye_done)
    struct eye y = {.d = d, .s = draft_session(d), .spreads = pve_spreads(draft_session(d)->pve)};
    bool wanted =
        ask->vmid == 0 && (ask->what & OF_EVERY_GUEST) && y.s->nodes && nodes_count(y.s->nodes) > 0;
    int r;

    y.asked = !wanted;
    if (wanted) {
        begin_early(&y);
    }
    r = picture_read_by(fetch, &y, ask, seen, ctx, ret, e);
    if (r == 0) {
        say_source(d, &y);
    }
    return r;
}
