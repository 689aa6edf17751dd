/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/undo_check.h - after an undo: is it as before the operation? */
#pragma once
#include <stdbool.h>

struct err;
struct plan;
struct session;

/* Reads again what the operation's plan had seen of the objects that its requests name, and
 * compares the digests recorded then. *ret_ok, and *ret_text: a sentence, malloc'ed; NULL when the
 * plan had read nothing of them, so that nothing can be said. Negative: it could not be read. */
int undo_check(struct session *s, const struct plan *undo, bool *ret_ok, char **ret_text,
               struct err *e);
