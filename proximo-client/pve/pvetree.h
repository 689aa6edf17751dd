/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/pvetree.h - a cluster's configuration files (/etc/pve) as the REST API's own
 * answers, so that nothing above knows which of the two was read. Files are handed in one by one (a
 * node's inventory, or a directory); answers are asked for by the API's path. What the files do not
 * say (what runs, how full a storage is, PVE's built-in roles) is not answered. No I/O but
 * pvetree_read_dir. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct err;
struct pvetree;

int pvetree_new(struct pvetree **ret, struct err *e);
void pvetree_free(struct pvetree *t);
static inline void pvetree_freep(struct pvetree **t) {
    pvetree_free(*t);
    *t = NULL;
}

/* path: below /etc/pve ("nodes/c1/lxc/301.conf"); "etc/network/interfaces@NODE" and
 * "…/interfaces.new@NODE" are a node's own. Parsed at once, guests when they are asked for. Unknown
 * files are ignored. Content never fails: doubts come with the answers it leads to. */
void pvetree_put(struct pvetree *t, const char *path, const char *text, size_t len);
/* A file (or, ending with '/', a folder) that is there and could not be read. */
void pvetree_unread(struct pvetree *t, const char *path, const char *why);
/* All of a directory that is a copy of /etc/pve. priv/ is not entered, links are not followed. */
int pvetree_read_dir(const char *dir, struct pvetree **ret, struct err *e);

/* What GET path would answer. 0: *ret is a new reference; e->msg is set (code 0) when something in
 * the files was not understood, so that the answer may lack something. -ENODATA: the files do not
 * say this. -EIO: they would, and could not be read (e says why). */
int pvetree_answer(struct pvetree *t, const char *path, js **ret, struct err *e);

/* Guests whose file is there, read or not; a guest on two nodes counts once. */
size_t pvetree_guests(const struct pvetree *t);
/* kind as the API says it: "lxc", "qemu". */
bool pvetree_has_guest(const struct pvetree *t, uint32_t vmid, const char *kind, const char *node);

/* A picture of the files alone. Nobody's privileges cut it; what only the running cluster knows is
 * in it as failed or partial. */
struct picture;
struct picture_ask;
int picture_of_pvetree(struct pvetree *t, const struct picture_ask *ask, struct picture **ret,
                       struct err *e);
