/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/reader/reader.h - the reader: a process of its own user that may read the cluster file
 * system, has no network and answers one question on a local socket. It is what keeps the secrets
 * that stand in those files, and the keys beside them, from the half that faces the network. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/digest.h"
#include "common/pvepath.h"

struct err;

struct reader_opts {
    const char *socket_path;
    const char *cluster_fs;
    const char *interfaces; /* this node's own; ".new" behind it are the pending ones */
    char node[64];
    uid_t peer_uid; /* who may ask */
};

/* One file of the closed list that is there, or what could not be looked at. */
struct item {
    char *path; /* as in the inventory */
    const struct pvepath *kind;
    int error; /* errno; then nothing below counts */
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};
struct items {
    struct item *v; /* by path */
    size_t n;
};
/* All files of the list below root (a descriptor). -ENOMEM. */
int items_list(const struct reader_opts *o, int root, struct items *ret);
void items_done(struct items *l);
/* Is the file still the one that was listed? Of live files only whether they are there. */
bool item_is(const struct item *i, const struct stat *st);
/* What stands in the files, as far as names, numbers, sizes and times tell; live files do not
 * count. */
void items_version(const struct items *l, const struct reader_opts *o, struct hash *ret);
/* The folder of the file that was opened last: files come by path, so the next one mostly lies
 * there too. Not kept longer than for one pass. */
struct folder {
    int fd; /* -1: none */
    char path[PVEPATH_MAX];
};
void folder_done(struct folder *f);
/* Opens a listed file without following any link. -errno. */
int item_open(const struct reader_opts *o, int root, struct folder *last, const struct item *i);

/* Answers one connection: reads the question ("inventory <version>|-" and a line feed), writes
 * "same <version>", "error <text>", or "ok <version>" and the inventory. */
void reader_answer(const struct reader_opts *o, int sock);
