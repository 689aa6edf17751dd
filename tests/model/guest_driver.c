/* SPDX-License-Identifier: Apache-2.0 */
/* The analysers' side of the differential tests: one case a line on standard input, one verdict a
 * line on standard output. A case is {"call": NAME, "world": {path: answer}, …}; a verdict is
 * {"affects": [line …], "says": [line …], "risk": N}, or what the call answers instead. The cases
 * come from the models beside this file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/blast/retention.h"
#include "tests/model/driver.h"

static js *verdict(void) {
    js *o = js_object();

    js_add(o, "affects", record_lines(buf_str(&record_affects)));
    js_add(o, "says", record_lines(buf_str(&record_rest)));
    js_add(o, "risk", js_int(record_risk));
    return o;
}

/* {"rules": "keep-last=1", "archives": [content row …]} -> {volid: mark} */
static js *call_retention(const js *c) {
    const js *rows = js_get(c, "archives");
    CLEANUP(freep) struct archive *v = calloc(js_len(rows) + 1, sizeof(*v));
    struct keep k;
    js *o = js_object();
    size_t n = 0;

    if (!v) {
        abort();
    }
    if (keep_parse(js_get(c, "rules"), &k) < 0) {
        js_add(o, "refused", js_bool(true));
        return o;
    }
    for (size_t i = 0; i < js_len(rows); i++) {
        if (archive_of(js_at(rows, i), "s", "n", &v[n])) {
            v[n].at = n;
            n++;
        }
    }
    retention_mark(v, n, &k);
    for (size_t i = 0; i < n; i++) {
        js_addf(o, v[i].volid, "%s%s", mark_name(v[i].mark), v[i].unsure ? "?" : "");
    }
    return o;
}

static int run_storage(const struct picture *p, const js *c, struct draft *d) {
    return blast_storage(p, js_str_or(c, "storage", ""), js_get(c, "set"), js_get(c, "delete"),
                         js_bool_or(c, "gone", false), d);
}

static int run_keep(const struct picture *p, const js *c, struct draft *d) {
    return blast_storage_keep(p, js_str_or(c, "storage", ""), js_get(c, "set"), js_get(c, "delete"),
                              js_int_or(c, "now", 0), d);
}

static int run_config(const struct picture *p, const js *c, struct draft *d) {
    return blast_config(p, (uint32_t)js_int_or(c, "vmid", 0), js_get(c, "set"), js_get(c, "delete"),
                        d);
}

static int run_prune(const struct picture *p, const js *c, struct draft *d) {
    return blast_prune(p, js_str_or(c, "storage", ""), js_str_or(c, "node", ""), js_get(c, "form"),
                       js_int_or(c, "now", 0), d);
}

static int run_volume(const struct picture *p, const js *c, struct draft *d) {
    return blast_volume_delete(p, js_str_or(c, "volid", ""), js_str_or(c, "node", ""),
                               js_int_or(c, "now", 0), d);
}

static int run_destroy(const struct picture *p, const js *c, struct draft *d) {
    return blast_destroy(p, (uint32_t)js_int_or(c, "vmid", 0), js_get(c, "form"),
                         js_int_or(c, "now", 0), d);
}

static int run_migrate(const struct picture *p, const js *c, struct draft *d) {
    return blast_migrate(p, (uint32_t)js_int_or(c, "vmid", 0), js_str_or(c, "target", ""),
                         js_get(c, "form"), d);
}

static int run_evacuate(const struct picture *p, const js *c, struct draft *d) {
    return blast_evacuate(p, js_str_or(c, "node", ""), js_get(c, "moves"), js_get(c, "form"), d);
}

static int run_move(const struct picture *p, const js *c, struct draft *d) {
    return blast_disk_move(p, (uint32_t)js_int_or(c, "vmid", 0), js_get(c, "form"), d);
}

static int run_resize(const struct picture *p, const js *c, struct draft *d) {
    return blast_disk_resize(p, (uint32_t)js_int_or(c, "vmid", 0), js_get(c, "form"), d);
}

static int run_job(const struct picture *p, const js *c, struct draft *d) {
    return blast_backup_job(p, js_get_str(c, "id"), js_get(c, "set"), js_get(c, "delete"),
                            js_bool_or(c, "gone", false), js_int_or(c, "now", 0), d);
}

static int run_backup(const struct picture *p, const js *c, struct draft *d) {
    return blast_backup_now(p, js_str_or(c, "node", ""), js_get(c, "form"), js_int_or(c, "now", 0),
                            d);
}

static int run_restore(const struct picture *p, const js *c, struct draft *d) {
    return blast_restore(p, js_str_or(c, "kind", ""), js_str_or(c, "node", ""), js_get(c, "form"),
                         js_int_or(c, "now", 0), d);
}

static int run_ha(const struct picture *p, const js *c, struct draft *d) {
    struct blast_request q[8];

    return blast_ha(p, q, driver_requests(c, q, ARRAY_LEN(q)), d);
}

static int run_replication(const struct picture *p, const js *c, struct draft *d) {
    struct blast_request q[8];

    return blast_replication(p, q, driver_requests(c, q, ARRAY_LEN(q)), d);
}

static int run_pool(const struct picture *p, const js *c, struct draft *d) {
    struct blast_request q[8];

    return blast_pool(p, q, driver_requests(c, q, ARRAY_LEN(q)), NULL, js_int_or(c, "now", 0), d);
}

static int run_realm(const struct picture *p, const js *c, struct draft *d) {
    struct blast_request q[1];

    return driver_requests(c, q, 1) == 1
               ? blast_realm(p, js_get(c, "before"), q, js_get_str(c, "own"),
                             js_int_or(c, "now", 0), d)
               : -1;
}

static int run_realm_job(const struct picture *p, const js *c, struct draft *d) {
    return blast_realm_job(p, js_get(c, "settings"), js_get(c, "before"), js_get(c, "after"),
                           js_get_str(c, "own"), js_int_or(c, "now", 0), d);
}

static int run_ceph(const struct picture *p, const js *c, struct draft *d) {
    struct blast_request q[1];

    return driver_requests(c, q, 1) == 1 ? blast_ceph(p, js_str_or(c, "node", ""), q, d) : -1;
}

static int run_storage_create(const struct picture *p, const js *c, struct draft *d) {
    return blast_storage_create(p, js_get(c, "form"), d);
}

static int run_clone(const struct picture *p, const js *c, struct draft *d) {
    return blast_clone(p, (uint32_t)js_int_or(c, "vmid", 0), js_get(c, "form"), d);
}

static int run_create(const struct picture *p, const js *c, struct draft *d) {
    return blast_create(p, js_str_or(c, "kind", ""), js_str_or(c, "node", ""), js_get(c, "form"),
                        d);
}

static int run_template(const struct picture *p, const js *c, struct draft *d) {
    return blast_template(p, (uint32_t)js_int_or(c, "vmid", 0), js_get(c, "form"), d);
}

static int run_disk(const struct picture *p, const js *c, struct draft *d) {
    return blast_node_disk(p, js_str_or(c, "node", ""), js_str_or(c, "devices", ""), d);
}

static int run_disk_pool(const struct picture *p, const js *c, struct draft *d) {
    return blast_node_pool(p, js_str_or(c, "node", ""), js_str_or(c, "kind", ""),
                           js_str_or(c, "name", ""), js_str_or(c, "in", ""), d);
}

static int run_node(const struct picture *p, const js *c, struct draft *d) {
    return blast_node_power(p, js_str_or(c, "node", ""), js_bool_or(c, "reboot", false), d);
}

static const struct call {
    const char *name;
    unsigned int needs;
    int (*run)(const struct picture *p, const js *c, struct draft *d);
} calls[] = {
    {"storage", BLAST_STORAGE_NEEDS, run_storage},
    {"config", BLAST_CONFIG_NEEDS, run_config},
    {"prune", BLAST_PRUNE_NEEDS, run_prune},
    {"volume", BLAST_VOLUME_NEEDS, run_volume},
    {"destroy", BLAST_DESTROY_NEEDS, run_destroy},
    {"move", BLAST_DISK_NEEDS, run_move},
    {"resize", BLAST_DISK_NEEDS, run_resize},
    {"job", BLAST_BACKUP_NEEDS, run_job},
    {"backup", BLAST_BACKUP_NEEDS, run_backup},
    {"restore", BLAST_RESTORE_NEEDS, run_restore},
    {"migrate", BLAST_MIGRATE_NEEDS, run_migrate},
    {"evacuate", BLAST_MIGRATE_NEEDS, run_evacuate},
    {"ha", BLAST_HA_NEEDS, run_ha},
    {"replication", BLAST_REPLICATION_NEEDS, run_replication},
    {"realm", BLAST_ACCESS_NEEDS, run_realm},
    {"realm-job", BLAST_ACCESS_NEEDS, run_realm_job},
    {"ceph", PIC_STORAGE | PIC_CONFIGS | PIC_SNAPSHOTS | PIC_CEPH | PIC_CEPH_MORE, run_ceph},
    {"storage-create", BLAST_STORAGE_CREATE_NEEDS, run_storage_create},
    {"template", BLAST_TEMPLATE_NEEDS, run_template},
    {"clone", BLAST_CLONE_NEEDS, run_clone},
    {"create", BLAST_CREATE_NEEDS, run_create},
    {"node", BLAST_NODE_NEEDS, run_node},
    {"keep", BLAST_STORAGE_NEEDS, run_keep},
    {"pool", BLAST_POOL_NEEDS, run_pool},
    {"disk", BLAST_NODE_DISK_NEEDS, run_disk},
    {"disk-pool", BLAST_NODE_POOL_NEEDS, run_disk_pool},
};

static js *call_blast(const struct call *call, const js *c) {
    struct picture_ask ask = {.what = call->needs,
                              .vmid = (uint32_t)js_int_or(c, "ask_vmid", 0),
                              .storage = js_get_str(c, "storage"),
                              .owner = (uint32_t)js_int_or(c, "vmid", 0),
                              .nodes = js_get_str(c, "nodes"),
                              .archive = js_get_str(c, "archive")};
    CLEANUP(picture_freep)
    struct picture *p = world_picture_of(js_get(c, "world"), &ask);

    (void)call->run(p, c, record_reset());
    return verdict();
}

/* {"entries": [entry …], "says": [line …]} */
static js *call_dangling(const js *c) {
    struct picture_ask ask = {.what = BLAST_DANGLING_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture_of(js_get(c, "world"), &ask);
    js *o = js_object();

    js_add(o, "entries", blast_access_dangling(p, record_reset()));
    js_add(o, "says", record_lines(buf_str(&record_rest)));
    return o;
}

/* {"moves": {vmid: node}, "with": {vmid: vmid}, "stuck": {vmid: why}} */
static js *call_place(const js *c) {
    struct picture_ask ask = {.what = BLAST_MIGRATE_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture_of(js_get(c, "world"), &ask);
    js *o = js_object();
    struct blast_places to;

    blast_place(p, js_str_or(c, "node", ""), js_get(c, "targets"), js_get(c, "exclude"),
                js_get(c, "form"), &to);
    js_add(o, "moves", to.moves);
    js_add(o, "with", to.with);
    js_add(o, "stuck", to.stuck);
    return o;
}

static js *call_freshness(const js *c) {
    struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture_of(js_get(c, "world"), &ask);
    js *o = js_object();

    js_add(o, "items", blast_freshness(p, js_int_or(c, "now", 0), js_int_or(c, "max_age", 0)));
    return o;
}

static js *answer(const js *c) {
    const char *name = js_str_or(c, "call", "");
    js *o;

    if (strcmp(name, "freshness") == 0) {
        return call_freshness(c);
    }
    if (strcmp(name, "place") == 0) {
        return call_place(c);
    }
    if (strcmp(name, "dangling") == 0) {
        return call_dangling(c);
    }

    if (strcmp(name, "retention") == 0) {
        return call_retention(c);
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (strcmp(calls[i].name, name) == 0) {
            return call_blast(&calls[i], c);
        }
    }
    o = js_object();
    js_addf(o, "error", "no call %s", name);
    return o;
}

int main(void) {
    return driver_run(answer);
}
