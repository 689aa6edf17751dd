/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/grant.h - the proof, in the type system, that a plan was approved and its
 * intent is on disk. Opaque; made only by pipeline/approve.c, once per intent. */
#pragma once
#include <stdbool.h>

struct grant;
struct hash;

/* Whether the grant covers this API request (hash of "METHOD\nPATH\nFORM" with FORM as canonical
 * JSON) / this node request. The changing functions call these and abort on false: it is a
 * programming error, not a refusal. */
bool grant_covers_api(const struct grant *g, const struct hash *request);
bool grant_covers_node(const struct grant *g, const char *node, const struct hash *request);
/* The one form of the hash, used for the intent's `api` lines too. */
struct json_object;
int grant_api_hash(const char *method, const char *path, const struct json_object *form,
                   struct hash *ret);
