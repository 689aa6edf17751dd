/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/schema.h - the API's own description, as each cluster serves it: which methods
 * and parameters there are in its version. Reading only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

struct err;
struct pve;

/* Takes the description out of apidoc.js (JavaScript: a name, '=', one JSON literal, and code that
 * is not looked at). *ret: {"/access/users": {"GET": {params: {userid: {type, optional?, enum?, …}},
 * more: true?}}}; texts are dropped. -EBADMSG "no_schema". */
int apidoc_parse(const char *text, size_t len, js **ret, struct err *e);

/* The cluster's own description; borrowed, valid until pve_close. Read once, kept under the state
 * directory by version. "no_schema" when the cluster does not serve it: the hint says what to do. */
int pve_schema(struct pve *p, const js **ret, struct err *e);

/* The template that a path (percent-encoded, without query) is an instance of, NULL: none. args
 * (may be NULL) gets the decoded values of its {names}. A literal segment goes before a {name}. */
const char *schema_match(const js *schema, const char *path, js *args);
/* A method's description, NULL: the path has no such method. */
const js *schema_method(const js *schema, const char *template, const char *method);
/* A parameter's description ("net0" is found as "net[n]"), NULL: none. */
const js *schema_param(const js *method, const char *name);
/* "/a/{b}" against "/a/x": one segment each, '*' and {names} take anything, a "**" at the end takes
 * the rest. The segments of path are decoded into args by name (NULL: not wanted). */
bool segments_match(const char *template, const char *path, js *args);
