/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/pvetree_int.h - inside of pvetree*.c. */
#pragma once
#include "common/err.h"
#include "proximo-client/pve/pvetree.h"

struct pvetree {
    js *files;  /* path -> what the parser made of it; of a guest's file the text */
    js *notes;  /* path -> array of strings */
    js *unread; /* path -> why */
    js *guests; /* vmid -> path, in the order of files */
    js *last;   /* the guest's file that was asked for last, parsed */
    js *bare;   /* the list of snapshots of all guests that have none; NULL before the first */
    char last_path[256];
};

/* The API's path in pieces, and what came up while it was answered. */
struct ask {
    struct pvetree *t;
    const char *v[8]; /* without the leading slash */
    size_t n;
    const char *query; /* after '?', or NULL */
    char doubt[200];   /* something was not understood */
    char failed[200];  /* something is there and could not be read */
};

/* What a file holds; an empty object when there is no such file. Borrowed: a guest's until the
 * next guest is asked for. */
const js *pvetree_file(struct ask *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Strings that are decimal integers become numbers, for the keys in a list of words. */
void pvetree_ints(js *o, const char *keys);
/* "a=b,c=d" becomes an object, for the keys in a list of words. */
void pvetree_pairs(js *o, const char *keys);
/* {id: {…}} as [{id_key: id, …}]. ints: see pvetree_ints. */
js *pvetree_list(const js *sections, const char *id_key, const char *ints);

/* Each answers some paths; NULL: not one of its own, or not in the files. */
js *pvetree_answer_guest(struct ask *a);
js *pvetree_answer_list(struct ask *a);
js *pvetree_answer_access(struct ask *a);
js *pvetree_answer_firewall(struct ask *a);
js *pvetree_answer_network(struct ask *a);

/* path is exactly so many pieces and these: "*" is any. */
bool ask_is(const struct ask *a, size_t n, const char *const *want);
#define ASK_IS(a, ...)                                                                             \
    ask_is(a, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                   \
           (const char *const[]){__VA_ARGS__})
