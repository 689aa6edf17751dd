/* SPDX-License-Identifier: Apache-2.0 */
/* common/pvepath.h - the closed list of a cluster's files (/etc/pve) that may leave a node, and what
 * is masked in them. Whoever reads such a tree, and whoever is sent one, goes by this one list:
 * what is not on it (priv/, keys, certificates) is neither read nor taken. Source of the places and
 * keys: a PVE 9.1 cluster's tree. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct buf;

struct pvepath {
    const char *pattern; /* '*' is a piece, or the rest of one, of letters, digits, '_' '-' '.' */
    const char *secrets; /* keys whose values are masked, blank-separated; NULL: none */
    bool live;           /* rewritten every few seconds: changes say nothing about the configuration */
};
extern const struct pvepath pvepaths[];
extern const size_t n_pvepaths;

#define PVEPATH_MAX   256          /* bytes of a path, with the terminator */
#define PVEPATH_MASK  "**********" /* what the API shows in the place of a set password */

/* May this be (a part of) the name of a file or folder on the list? Never "." or "..", no slash, no
 * blank, nothing hidden. */
bool pvepath_is_name(const char *s);
bool pvepath_matches(const char *pattern, const char *path);
const struct pvepath *pvepath_find(const char *path); /* NULL: not on the list */

/* Copies text with the values of secret keys masked, wherever a line (indented or not) begins with
 * one. *ret_masked counts them. 0 or what buf_add gives. */
int pvepath_mask(const struct pvepath *p, const char *text, size_t len, struct buf *ret,
                 size_t *ret_masked);
