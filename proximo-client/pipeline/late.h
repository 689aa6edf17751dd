/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/late.h - values of a request that are known only when it is sent. In the
 * plan each stands as an object with the reserved key "late", whose text says of what type it is.
 * No argument can produce one: arguments are texts, numbers, booleans and lists of texts, and so is
 * every value of a form that comes from them. What is approved, hashed and recorded is the object;
 * what takes its place must fit its type, or nothing is sent. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

/* The digest with which PVE notices that somebody else changed an object meanwhile: taken from the
 * recheck's read of the request's `fresh_of`. New value. */
js *late_digest(void);

/* The type's name, NULL when v is no late value. */
const char *late_type(const js *v);
/* Whether a text may take the place of that late value. */
bool late_fits(const js *late, const char *value);

/* Requests of a plan recorded as version 1, which wrote a digest as the text "@fresh": brought into
 * today's form, so that what it did can be undone. Changes the requests. */
void late_migrate(js *requests);
