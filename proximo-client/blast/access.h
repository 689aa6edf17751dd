/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/access.h - effective privileges by PVE's rules, computed from users, groups,
 * roles, ACL and pools as the API answers them. Pure. The analyser compares two of these models. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct access;
struct picture;
struct access_path;

#define ACCESS_PRIVS 192 /* PVE 9.1 knows 47; roles of a later one may name more */
struct privset {
    uint64_t w[ACCESS_PRIVS / 64];
};
struct privs {
    struct privset have;
    /* Of those: what the API calls propagating. What a child of the path has is another question:
     * ask for the child. */
    struct privset below;
};

/* world: {users, groups, roles, acl, domains: as the API answers (users with full=1), pools:
 * [{poolid, members}]}; what is absent is empty. Borrowed while the model lives.
 * like: a model whose privileges keep their numbers, so that sets of both can be compared; or NULL.
 */
struct access *access_new(const js *world, const struct access *like);
void access_free(struct access *a);
static inline void access_freep(struct access **a) {
    access_free(*a);
    *a = NULL;
}

/* The world as a picture shows it (BLAST_ACCESS_NEEDS): new object, NULL when a list that decides
 * was not read. */
js *access_world(const struct picture *p);

/* Users first, then tokens. */
size_t access_principals(const struct access *a);
const char *access_name(const struct access *a, size_t who); /* "a@pve", "a@pve!t" */
bool access_is_token(const struct access *a, size_t who);
/* SIZE_MAX when there is no such user or token. */
size_t access_find(const struct access *a, const char *name);
/* Can log in (a user) or be used (a token) at this time: enabled, not expired, its realm is there.
 */
bool access_is_usable(const struct access *a, size_t who, int64_t now);

/* A path once taken apart may be asked for everybody. Never NULL. */
struct access_path *access_path_new(const struct access *a, const char *path);
void access_path_free(struct access_path *p);
static inline void access_path_freep(struct access_path **p) {
    access_path_free(*p);
    *p = NULL;
}
/* What a principal may do there, whether it is usable or not. */
struct privs access_privs(const struct access *a, size_t who, const struct access_path *path);

/* Paths on which something is said: of ACL entries and of pool members, sorted: {path: true}. */
js *access_paths(const struct access *a);

bool privset_has(const struct access *a, const struct privset *s, const char *priv);
bool privset_is_empty(const struct privset *s);
/* What is in `of` and not in `without`. */
struct privset privset_minus(const struct privset *of, const struct privset *without);
/* {privilege: 1 propagates | 0}, as /access/permissions answers for one path. New reference. */
js *access_object(const struct access *a, const struct privs *p);

/* The world as it would be after a request of the API ("PUT", "/access/acl", form …): a new world,
 * or NULL when the request is of no kind that is understood, or the world no object of lists of
 * objects. form: strings, integers, booleans and arrays, as the row sends it. */
js *access_after(const js *world, const char *method, const char *path, const js *form);

struct draft;
/* Who loses and who gains between two worlds, told to the draft. when: what stands before each
 * reason of something that is only possible ("if …: "); "": it is certain, and whether an
 * administrator is left is told, too. own: as of blast_access(). */
void access_compare(const js *world, const js *then, const char *when, const char *own, int64_t now,
                    struct draft *d);
