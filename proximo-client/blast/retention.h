/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/retention.h - backup archives, and which of them a prune takes. The rules
 * are PVE's own: archives are grouped by kind and guest; within a group the rules keep-last,
 * hourly, daily, weekly (ISO weeks), monthly, yearly are applied in this order, newest archive
 * first; each rule passes over periods in which an archive is kept already; what no rule keeps
 * goes. Protected archives and ones with a name that vzdump would not give are left alone and count
 * for nothing. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct part;
struct picture;

enum mark {
    MARK_NONE,
    MARK_KEEP,
    MARK_REMOVE,
    MARK_PROTECTED,
    MARK_RENAMED,
};
const char *mark_name(enum mark m);

struct archive {
    const char *volid, *storage, *node; /* borrowed */
    char type[8];                       /* "qemu", "lxc", "openvz"; "unknown" */
    int64_t vmid;                       /* 0 = the name does not say */
    int64_t ctime;                      /* Unix seconds, as the storage says; for ages */
    int64_t local;   /* seconds of the wall clock that the name shows, counted as if it were UTC */
    bool is_grouped; /* named as vzdump names archives; others are never pruned */
    bool is_utc;     /* the name shows UTC (backup server): the server's own time zone decides */
    bool unsure;     /* after marking: another time zone of the server gives another mark */
    enum mark mark;  /* before marking: MARK_NONE, _PROTECTED or _RENAMED */
    size_t at;       /* place in the list it was read from */
};
/* One row of a content list. false: it is no backup. Strings stay the row's. */
bool archive_of(const js *row, const char *storage, const char *node, struct archive *ret);

struct keep {
    bool all;
    int64_t last, hourly, daily, weekly, monthly, yearly;
};
/* "keep-last=3,keep-daily=7" or the object that the API shows. -EINVAL: an unknown rule, a negative
 * or odd number, or keep-all beside another rule (PVE refuses that, too). */
int keep_parse(const js *rules, struct keep *ret);
bool keep_is_everything(const struct keep *k); /* PVE keeps everything when no rule is positive */

/* Sorts by group, newest first, and marks each archive. */
void retention_mark(struct archive *v, size_t n, const struct keep *k);

/* Every archive that the picture shows, sorted by guest, newest first. */
struct archives {
    struct archive *v;
    size_t n;
    const struct part *unseen; /* a storage whose archives were not all read; NULL = none */
};
void archives_find(const struct picture *p, struct archives *ret);
void archives_done(struct archives *a);
/* The guest's archives: the first of *ret_n, NULL when there is none. */
const struct archive *archives_of(const struct archives *a, int64_t vmid, size_t *ret_n);
