/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/after.h - requests of the API carried out on copies of what was read, as PVE
 * carries them out: what analysers share that compare a cluster before and after. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

#define AFTER_ID 200 /* longest name in a path */

/* Whether a path of the API (percent-encoded, a query is ignored) fits a pattern in which '*' is
 * any one segment; what stands for the first and the second '*' is copied, decoded. */
bool path_fits(const char *pattern, const char *path, char id[static 2][AFTER_ID]);

/* A form's list: an array, an integer, or one string with commas, semicolons or blanks. New array
 * of strings, whatever stands in the array. */
js *form_words(const js *form, const char *key);
/* Its words as the one text with commas. New string. */
js *words_joined(const js *words);
/* "a=1,b=2" as {a: "1", b: "2"}; what has no '=' is left out. New object. */
js *options_apart(const char *text);

/* The row of a list whose member `key` is that text; NULL. Borrowed. */
js *list_row(const js *list, const char *key, const char *id);

/* The list without such rows: new array, the other rows shared. */
js *list_without(const js *list, const char *key, const char *id);

/* A row (NULL: a new one) after a form was sent over it: what `delete` names is gone. New object.
 */
js *form_over(const js *row, const js *form);
/* A backup job after a request that sets these has been merged into it: PVE takes guests by one
 * choice alone (vmid, or all with what is left out, or a pool), and the newly asked one drops the
 * others. Source: PVE/API2/Backup.pm, update_job. */
void backup_job_choose(js *job, const js *form);

/* A list of sections (storage.cfg, the lists of HA, replication, realms) after "POST base", "PUT
 * base/ID" or "DELETE base/ID": new array; NULL when the request is none of these, or names what is
 * not there. `key` is the member that names a section; ret_id gets the name. */
js *sections_after(const js *list, const char *key, const char *base, const char *method,
                   const char *path, const js *form, char ret_id[AFTER_ID]);
