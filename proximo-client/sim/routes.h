/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/routes.h - small helpers that several route files share. */
#pragma once
#include "proximo-client/sim/sim.h"

/* routes_guest.c: a configuration section as the API shows it. New reference. */
js *config_out(bool lxc, const js *section);
/* routes.c: [{key: name}, …] */
js *index_of(const char *key, const char *const *names, size_t n);
/* objects.c: takes the members of a list ("a,b") away; and an error in PVE's words unless the
 * caller's digest, if there is one, is this one. */
void drop_keys(js *o, const char *list);
/* objects.c: the call's parameters over an object: what `delete` names is gone, `steers` (names
 * with blanks between; delete and digest always) are left out, `numbers` become numbers. */
void call_over(const struct call *c, js *o, const char *steers, const char *numbers);
/* objects.c: a secret is kept as its hash: enough to see that it is another one. */
void keep_secret(struct call *c, const char *in, const char *id, const char *key, const js *v);
int call_digest(struct call *c, int status, const char *digest);
void realms_digest(struct sim *s, char ret[static 41]); /* realms.c: of the file of realms */
/* sections.c: the i-th kind of section: the path of its list, or NULL past the end; where the state
 * keeps it; the member that names one; whether its type is the kind's and stands in no section. */
struct section_place {
    const char *at, *in, *name;
    bool has_type;
};
const char *section_place(size_t i, struct section_place *ret);
/* capture_more.c: what a capture has besides guests, storage and access. */
void capture_more(const js *reads, js *root);
/* routes.c: 500 unless the node exists. */
int node_of_call(struct call *c, js **ret);
/* storage.c: is name one of a comma list? NULL lists nothing. */
bool list_has(const char *list, const char *name);
/* storage.c: Datastore.Audit or AllocateSpace on it */
bool storage_visible(struct call *c, const char *id);
/* storage.c: one storage on one node, as /nodes/{n}/storage lists it. */
js *storage_status(struct sim *s, const char *id, const char *node, bool list);
js *storage_resource(struct sim *s, const char *id, const char *node);
/* storage.c: 500 unless the storage is there, enabled, and not restricted away from the node. */
int storage_enabled(struct call *c, const char *id, const char *node);
/* volumes.c: 500 unless the call's storage is there on the call's node. */
int storage_ready(struct call *c);
bool volume_here(const js *v, const char *volid, const char *id, const char *node);
bool volume_visible(struct call *c, const js *v);
/* prune.c: one archive, and the marks that "keep-last=3,keep-daily=7" gives those of one group, newest
 * first. What has a mark already counts for nothing and keeps it. */
struct kept {
    const char *volid;
    int64_t vmid, ctime;
    const char *type, *mark; /* mark: NULL until a rule decides */
};
void prune_mark(struct kept *v, size_t n, const char *keep);
/* prune.c: volume ids that the rules take of one guest's archives. New reference. */
js *prune_gone(struct sim *s, const char *storage, const char *node, const char *rule,
               uint32_t vmid, const char *type);
