/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/picture_int.h - inside of the picture: picture.c, fill.c and volume.c. */
#pragma once
#include "common/err.h"
#include "proximo-client/blast/picture.h"

struct node {
    const char *name;
    bool online;
};

/* A read that is wanted, on its way or answered. */
struct want {
    char *path;
    const char *reduce;
    bool given; /* handed out by picture_need */
    bool put;
};

struct picture {
    struct picture_ask ask;
    const char *ask_storage;
    struct want *want;
    size_t n_want;
    struct picture_read *out;
    size_t n_out;

    char **str; /* every string of ours */
    size_t n_str;
    js *keep; /* every answer that strings are borrowed from */

    js *perms;
    struct part perms_part, guests_part, nodes_part, storage_part, backup_part, replication_part,
        ha_part;
    struct guest *guest;
    size_t n_guest;
    struct store *store;
    size_t n_store;
    struct node *node;
    size_t n_node;
    struct content *content;
    size_t n_content;
    struct content *archive;
    size_t n_archive;
    bool archives_wanted;
    const js *backup, *replication, *ha, *rules;
};

/* Copies that live as long as the picture; never NULL (no memory ends the program). */
const char *picture_strn(struct picture *p, const char *s, size_t len);
const char *picture_str(struct picture *p, const char *s);
const char *picture_strf(struct picture *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Grows an array by one zeroed element and returns it. */
void *picture_grow(void *array_ptr, size_t *n, size_t size);
void picture_want(struct picture *p, const char *reduce, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct guest *picture_guest_mut(struct picture *p, uint32_t vmid);
