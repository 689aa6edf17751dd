/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/then_int.h - inside of then.h: one file for each sort of request. A new one
 * is a row in its file's table. */
#pragma once
#include <stdint.h>

#include "proximo-client/blast/after.h"
#include "proximo-client/blast/then.h"

struct effect;

struct effect_kind {
    const char *method, *pattern; /* of path_fits() */
    /* Whether requests of the kind with this form are computed, and what is needed for it; may be
     * NULL. */
    bool (*begin)(struct effect *x, then_read *read, void *ctx);
    enum then_is (*on)(const struct effect *x, const char *path, js **data);
    const char *guest; /* "lxc", "qemu": of a guest of that sort */
};

struct effect {
    size_t step;
    char *method, *path;
    js *form;
    const struct effect_kind *kind; /* NULL: not computed */
    char id[2][AFTER_ID];
    /* of the guest that it makes, else of the one that it changes */
    char node[AFTER_ID];
    uint32_t vmid;
    js *made;    /* a new guest's configuration; of a backup the guest's */
    js *archive; /* {volid, storage, kind, vmid} */
    /* of the plan: */
    const char *nonce;
    int64_t now;
};

/* A row for containers and one for VMs. */
#define BOTH(method, tail, ...)                                                                    \
    {method, "/nodes/*/lxc/*" tail, __VA_ARGS__, "lxc"}, {                                         \
        method, "/nodes/*/qemu/*" tail, __VA_ARGS__, "qemu"                                        \
    }

extern const struct effect_kind then_guest_kinds[], then_made_kinds[], then_store_kinds[],
    then_access_kinds[], then_backup_kinds[], then_snapshot_kinds[], then_fw_kinds[],
    then_ha_kinds[], then_sdn_kinds[], then_network_kinds[], then_job_kinds[];

/* A read below a guest: "/nodes/NODE/KIND/VMID" + tail, which may end in a query. */
struct guest_read {
    char node[64], kind[8];
    uint32_t vmid;
    const char *tail;
};
bool guest_read_of(const char *path, struct guest_read *ret);
/* Whether it is the effect's own guest. */
bool effect_owns(const struct effect *x, const struct guest_read *g);
/* "/cluster/resources", whole or of guests. */
bool is_guest_list(const char *path);

/* Replaces *data by v (consumed, NULL: it is gone). Returns THEN_KNOWN. */
enum then_is then_set(js **data, js *v);
/* The list with the row of that vmid as edit() leaves a copy of it; edit NULL: without it. Whether
 * there is one. */
bool list_edit_guest(js **list, uint32_t vmid, void (*edit)(js *row, const struct effect *x),
                     const struct effect *x);

/* then_backup.c: the form makes a guest from an archive. */
bool restore_begin(struct effect *x, then_read *read, void *ctx);
/* A guest's own reads that are those of one just made; x->made. */
enum then_is made_answer(const struct effect *x, const char *path, js **data);

/* then_made.c: a configuration's volumes that will be new ("local:8") get the names they may have,
 * so that analysers see a volume. */
/* Whether the path is a node's list of what lies on a storage that the configuration has volumes
 * on. Archives of backups are not among them. */
bool lists_volumes_of(const char *path, const char *kind, const js *config);
void config_allocate(js *config, const char *kind, uint32_t vmid);
