/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/late.h - values of a request that are known only when it is sent. In the
 * plan each stands as an object with the reserved key "late", whose text says of what type it is.
 * No argument can produce one: arguments are texts, numbers, booleans and lists of texts, and so is
 * every value of a form that comes from them. What is approved, hashed and recorded is the object;
 * what takes its place must fit its type, or nothing is sent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct buf;

/* The digest with which PVE notices that somebody else changed an object meanwhile: taken from the
 * recheck's read of the request's `fresh_of`. New value. */
js *late_digest(void);

/* The archive that the backup of a step makes: a volume id on that storage, of a backup of that
 * guest, and nothing else. of: {storage, kind, vmid}. New value. */
js *late_archive(int64_t step, const js *of);

/* The type's name, NULL when v is no late value. */
const char *late_type(const js *v);
/* Whether a text may take the place of that late value. */
bool late_fits(const js *late, const char *value);

/* In words: "the archive of step 2". */
void late_say(const js *late, char *ret, size_t size);

/* As it is shown to whoever approves, with its type: "(the archive of step 2: qemu/104 on backup)".
 * A text argument is shown in quotes, so none can look like it. */
void late_show(const js *late, struct buf *ret);

/* v with late values in the place of what stands for them: names is {text: late value}; a text that
 * is one of them becomes the value, and within a longer text it is said in words. New value. */
js *late_put(const js *v, const js *names);

/* late_find.c, of the log of a backup's task ([{t: line}]) what its line says:
 * "INFO: creating vzdump archive '/mnt/dump/vzdump-lxc-311-….tar.zst'", "creating Proxmox Backup
 * Server archive 'ct/311/2026-…Z'": what is between the quotes. Exactly one line says it. */
bool late_name_in_log(const js *log, char *ret, size_t size);
/* Of a storage's list ([{volid}]) the one that the log names so, borrowed; NULL: none, or several.
 * A path ends as the volume id does, and so does what a backup server calls it. */
const char *late_in_list(const js *list, const char *name);

/* Requests of a plan recorded as version 1, which wrote a digest as the text "@fresh": brought into
 * today's form, so that what it did can be undone. Changes the requests. */
void late_migrate(js *requests);
