/* SPDX-License-Identifier: Apache-2.0 */
/* The two sources of one real cluster against each other: what its API answered, and its files.
 * What one of them cannot show is in one table, each line with its reason. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pve/pvetree.h"
#include "tests/unit/blast/world.h"

/* Members that are left out of the comparison, wherever they stand in the answer. */
static const struct {
    const char *path, *key, *reason;
} exceptions[] = {
    {"*", "digest", "over the file's bytes, with what a daemon's inventory leaves out"},
    {"/cluster/backup", "next-run", "computed from the clock"},
    {"/cluster/ha/status/manager_status", "timestamp", "the manager writes it every few seconds"},
    {"/cluster/ha/status/manager_status", "uid", "one for each run of the manager"},
    {"/cluster/ha/status/manager_status", "quorum", "of the running cluster"},
    {"/cluster/ha/status/manager_status", "lrm_status",
     "written every few seconds, not with the rest"},
    {"/nodes/*/snapshot", "running", "not in the files"},
    {"/cluster/resources*", "status", "what runs is not in the files"},
    {"/cluster/options", "allowed-tags", "gathered from the guests"},
    {"/pools*", "status", "what runs is not in the files"},
};
/* Answers that the files give too, and in which the two cannot be equal. */
static const struct {
    const char *path, *reason;
} unequal[] = {
    {"/cluster/sdn/ipams", "PVE has one of its own that no file names"},
};

static js *without(const char *path, const js *v) {
    js *out;

    if (js_is_array(v)) {
        out = js_array();
        for (size_t i = 0; i < js_len(v); i++) {
            /* of pending changes the digest is a row of its own */
            if (strcmp(js_str_or(js_at(v, i), "key", ""), "digest") != 0) {
                js_push(out, without(path, js_at(v, i)));
            }
        }
        return out;
    }
    if (!js_is_object(v)) {
        return js_copy(v);
    }
    out = js_object();
    JS_FOREACH(v, key, value) {
        bool keep = true;

        for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
            keep &=
                !(strcmp(exceptions[i].key, key) == 0 && fnmatch(exceptions[i].path, path, 0) == 0);
        }
        if (keep) {
            js_add(out, key, without(path, value));
        }
    }
    return out;
}

static size_t objects(const js *v) {
    size_t n = js_is_object(v);

    for (size_t i = 0; i < js_len(v); i++) {
        n += objects(js_at(v, i));
    }
    return n;
}

static bool is_unequal(const char *path) {
    for (size_t i = 0; i < ARRAY_LEN(unequal); i++) {
        if (strcmp(unequal[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

struct count {
    size_t parts, objects, bad;
};

static void compare(struct pvetree *t, const char *path, const char *reduce, const js *api,
                    struct count *c) {
    CLEANUP(js_freep) js *files = NULL;
    CLEANUP(js_freep) js *a = NULL;
    CLEANUP(js_freep) js *b = NULL;
    CLEANUP(js_freep) js *ra = NULL;
    CLEANUP(js_freep) js *rb = NULL;
    struct err e = {0};
    int r = pvetree_answer(t, path, &files, &e);

    if (r == -ENODATA || is_unequal(path)) {
        return;
    }
    ck_assert_msg(r == 0 && !e.msg[0], "%s: %s", path, e.msg);
    a = without(path, api);
    b = without(path, files);
    ck_assert_int_eq(reduce_apply(reduce, a, &ra), 0);
    ck_assert_int_eq(reduce_apply(reduce, b, &rb), 0);
    if (!js_eq(ra, rb)) {
        CLEANUP(buf_done) struct buf x = BUF_INIT(LIM_PVE_ANSWER);
        CLEANUP(buf_done) struct buf y = BUF_INIT(LIM_PVE_ANSWER);

        (void)js_print(ra, &x);
        (void)js_print(rb, &y);
        printf("%s\n  API:   %.900s\n  files: %.900s\n", path, buf_str(&x), buf_str(&y));
        c->bad++;
    }
    c->parts++;
    c->objects += objects(api);
}

static js *captured(void) {
    const char *dir = getenv("SHARED_DATA");
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_PVE_ANSWER);
    char path[512];
    js *v = NULL;

    (void)snprintf(path, sizeof(path), "%s/pve-9.1-cluster/reads.json", dir ? dir : "");
    if (!dir || file_read(AT_FDCWD, path, &text, NULL) < 0) {
        printf("SKIP: no captured cluster at $SHARED_DATA\n");
        return NULL;
    }
    ck_assert_int_eq(js_parse(buf_str(&text), text.len, &v, NULL), 0);
    return v;
}

static struct pvetree *tree_of_capture(void) {
    char path[512];
    struct pvetree *t = NULL;
    struct err e = {0};

    (void)snprintf(path, sizeof(path), "%s/pve-9.1-cluster/tree", getenv("SHARED_DATA"));
    ck_assert_msg(pvetree_read_dir(path, &t, &e) == 0, "%s", e.msg);
    return t;
}

/* The list of resources as ?type= answers it. */
static void compare_resources(struct pvetree *t, const js *all, struct count *c) {
    CLEANUP(js_freep) js *guests = js_array();
    CLEANUP(js_freep) js *nodes = js_array();

    for (size_t i = 0; i < js_len(all); i++) {
        const char *type = js_str_or(js_at(all, i), "type", "");

        if (strcmp(type, "qemu") == 0 || strcmp(type, "lxc") == 0) {
            js_push(guests, js_ref(js_at(all, i)));
        } else if (strcmp(type, "node") == 0) {
            js_push(nodes, js_ref(js_at(all, i)));
        }
    }
    compare(t, "/cluster/resources?type=vm", "guests", guests, c);
    compare(t, "/cluster/resources?type=node", "nodes", nodes, c);
}

/* A pool as ?poolid= answers it; of storages, one line each without its node. */
static void compare_pool(struct pvetree *t, const char *id, const js *answer, struct count *c) {
    CLEANUP(js_freep) js *list = js_array();
    js *pool = js_copy(answer);
    js *members = js_array();
    CLEANUP(js_freep) js *seen = js_object();
    char path[128];

    for (size_t i = 0; i < js_len(js_get(pool, "members")); i++) {
        js *m = js_at(js_get(pool, "members"), i);
        const char *storage = js_get_str(m, "storage");

        if (storage && js_get(seen, storage)) {
            continue;
        }
        if (storage) {
            js_add(seen, storage, js_int(1));
            json_object_object_del(m, "node");
            js_addf(m, "id", "storage/%s", storage);
        }
        js_push(members, js_ref(m));
    }
    js_add(pool, "poolid", js_str(id));
    js_add(pool, "members", members);
    js_push(list, pool);
    (void)snprintf(path, sizeof(path), "/pools?poolid=%s", id);
    compare(t, path, "members", list, c);
}

START_TEST(both_sources_say_the_same) {
    CLEANUP(js_freep) js *all = captured();
    CLEANUP(pvetree_freep) struct pvetree *t = all ? tree_of_capture() : NULL;
    struct count c = {0};

    for (size_t i = 0; t && i < js_len(js_get(all, "calls")); i++) {
        const js *call = js_at(js_get(all, "calls"), i);
        const char *path = js_str_or(call, "path", "");
        const js *data = js_get(js_get(call, "body"), "data");

        if (js_int_or(call, "status", 0) != 200) {
            continue;
        }
        if (strcmp(path, "/cluster/resources") == 0) {
            compare_resources(t, data, &c);
        } else if (strncmp(path, "/pools/", 7) == 0) {
            compare_pool(t, path + 7, data, &c);
        } else {
            compare(t, path, "whole", data, &c);
        }
    }
    printf("%zu answers with %zu objects compared, %zu exceptions\n", c.parts, c.objects,
           ARRAY_LEN(exceptions) + ARRAY_LEN(unequal));
    ck_assert_uint_eq(c.bad, 0);
    ck_assert(!t || (c.parts >= 135 && c.objects >= 272));
}
END_TEST

static void same_volumes(const char *who, const struct volumes *a, const struct volumes *b,
                         size_t *n) {
    ck_assert_msg(a->n == b->n, "%s: %zu and %zu volumes", who, a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        bool found = false;

        for (size_t k = 0; k < b->n; k++) {
            const struct volume *x = &a->v[i], *y = &b->v[k];

            found |= strcmp(x->key, y->key) == 0 && x->kind == y->kind &&
                     strcmp(x->storage, y->storage) == 0 && strcmp(x->name, y->name) == 0 &&
                     strcmp(x->mp, y->mp) == 0 && x->base == y->base && x->cdrom == y->cdrom &&
                     x->cloudinit == y->cloudinit && x->unused == y->unused &&
                     x->vmstate == y->vmstate && x->firmware == y->firmware &&
                     x->reference == y->reference && x->replicated == y->replicated;
        }
        ck_assert_msg(found, "%s: %s differs", who, a->v[i].key);
        *n += 1;
    }
}

static size_t same_guest(const struct guest *a, const struct guest *b) {
    size_t n = 1;

    ck_assert_str_eq(a->kind, b->kind);
    ck_assert_uint_eq(a->vmid, b->vmid);
    ck_assert_str_eq(a->node, b->node);
    ck_assert_str_eq(a->name, b->name);
    ck_assert_int_eq(a->template, b->template);
    ck_assert_str_eq(a->parent, b->parent);
    ck_assert_int_eq(a->config.state, b->config.state);
    same_volumes(a->resource, &a->vols, &b->vols, &n);
    ck_assert_uint_eq(a->n_snap, b->n_snap);
    for (size_t i = 0; i < a->n_snap; i++) {
        const struct guest_snap *x = &a->snap[i];
        const struct guest_snap *y = guest_snap_find(b, x->name);

        ck_assert_msg(y != NULL, "%s: no snapshot %s", a->resource, x->name);
        ck_assert_str_eq(x->parent, y->parent);
        ck_assert_int_eq(x->snaptime, y->snaptime);
        ck_assert_int_eq(x->vmstate, y->vmstate);
        /* the API was asked for some of them only; the files have all */
        if (x->config.state == PART_READ) {
            same_volumes(a->resource, &x->vols, &y->vols, &n);
        }
        n++;
    }
    return n;
}

START_TEST(both_pictures_are_equal) {
    struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS | PIC_ACCESS | PIC_POOLS,
                              .storage = "fast"};
    CLEANUP(js_freep) js *all = captured();
    CLEANUP(pvetree_freep) struct pvetree *t = all ? tree_of_capture() : NULL;
    CLEANUP(picture_freep) struct picture *api = NULL;
    CLEANUP(picture_freep) struct picture *files = NULL;
    const struct guest *a, *b;
    const struct store *x;
    char path[512];
    size_t n = 0, n_guests, n_stores;

    if (!t) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/pve-9.1-cluster/reads.json", getenv("SHARED_DATA"));
    api = world_captured(path, &ask);
    ck_assert_int_eq(picture_of_pvetree(t, &ask, &files, NULL), 0);
    n_guests = picture_guests(api, &a);
    ck_assert_uint_eq(n_guests, picture_guests(files, &b));
    for (size_t i = 0; i < n_guests; i++) {
        n += same_guest(&a[i], &b[i]);
    }
    n_stores = picture_stores(api, &x);
    for (size_t i = 0; i < n_stores; i++) {
        const struct store *y = picture_store(files, x[i].id);

        ck_assert_msg(y != NULL, "no storage %s", x[i].id);
        ck_assert_str_eq(x[i].type, y->type);
        ck_assert_str_eq(x[i].path, y->path);
        ck_assert_int_eq(x[i].disabled, y->disabled);
        ck_assert_int_eq(x[i].shared, y->shared);
        n++;
    }
    ck_assert_uint_eq(picture_nodes(api), picture_nodes(files));
    ck_assert_int_eq(picture_backup_part(files)->state, PART_READ);
    ck_assert_int_eq(picture_ha_part(files)->state, PART_READ);
    ck_assert_int_eq(picture_replication_part(files)->state, PART_READ);
    /* what the files cannot say is not silently "none" */
    ck_assert_int_eq(picture_guests_part(files)->state, PART_PARTIAL);
    printf("pictures: %zu guests, %zu storages, %zu nodes; %zu objects equal\n", n_guests, n_stores,
           picture_nodes(api), n);
}
END_TEST

/* The captured cluster has none. What the API answers of such a file is in the sources of PVE:
 * each line taken apart. */
START_TEST(a_subnet_has_all_its_ranges) {
    static const char file[] = "subnet: lab-10.77.0.0-24\n"
                               "\tvnet vn1\n"
                               "\tdhcp-range start-address=10.77.0.50,end-address=10.77.0.60\n"
                               "\tgateway 10.77.0.2\n"
                               "\tgateway 10.77.0.1\n"
                               "\tdhcp-range start-address=10.77.0.80,end-address=10.77.0.90\n"
                               "\tsnat 1\n\n"
                               "subnet: lab-10.78.0.0-24\n"
                               "\tvnet vn1\n";
    static const char want[] =
        "[{\"type\":\"subnet\",\"vnet\":\"vn1\",\"gateway\":\"10.77.0.1\",\"snat\":1,"
        "\"subnet\":\"lab-10.77.0.0-24\",\"id\":\"lab-10.77.0.0-24\",\"zone\":\"lab\","
        "\"network\":\"10.77.0.0\",\"mask\":\"24\",\"cidr\":\"10.77.0.0/24\",\"dhcp-range\":["
        "{\"start-address\":\"10.77.0.50\",\"end-address\":\"10.77.0.60\"},"
        "{\"start-address\":\"10.77.0.80\",\"end-address\":\"10.77.0.90\"}]},"
        "{\"type\":\"subnet\",\"vnet\":\"vn1\",\"subnet\":\"lab-10.78.0.0-24\","
        "\"id\":\"lab-10.78.0.0-24\",\"zone\":\"lab\",\"network\":\"10.78.0.0\",\"mask\":\"24\","
        "\"cidr\":\"10.78.0.0/24\",\"dhcp-range\":[]}]";
    CLEANUP(pvetree_freep) struct pvetree *t = NULL;
    CLEANUP(js_freep) js *api = NULL;
    struct count c = {0};

    ck_assert_int_eq(pvetree_new(&t, NULL), 0);
    pvetree_put(t, "sdn/subnets.cfg", file, strlen(file));
    ck_assert_int_eq(js_parse(want, strlen(want), &api, NULL), 0);
    compare(t, "/cluster/sdn/vnets/vn1/subnets", "whole", api, &c);
    ck_assert_uint_eq(c.parts, 1);
    ck_assert_uint_eq(c.bad, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pve tree");
    TCase *t = tcase_create("captured");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, both_sources_say_the_same);
    tcase_add_test(t, a_subnet_has_all_its_ranges);
    tcase_add_test(t, both_pictures_are_equal);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
