/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/picture_int.h - inside of the picture. parts.c hands every answer
 * to the part (part_*.c) that reads it; a new class of reads is a new part_*.c and one line there.
 */
#pragma once
#include "common/err.h"
#include "proximo-client/blast/picture.h"

struct node {
    const char *name;
    bool online;
};

/* How an answer is kept that no struct holds: picture_answer() finds it by its path, and
 * blast_unread() tells when it could not be had. Texts are static or the picture's. */
struct want_as {
    unsigned int bits;     /* PIC_ bits whose analysers need it */
    const char *label;     /* "firewall rules": of what sort the answer is */
    const char *whose;     /* "vm/104", "node c1", "" for the cluster's */
    const char *privilege; /* named when it is refused: "VM.Audit on /vms/104", or NULL */
    /* A list that PVE filters without a sign is whole for who holds one of seen_with ("A|B") on
     * seen_on; NULL: what is answered is whole. */
    const char *seen_on, *seen_with;
    int optional;       /* HTTP status that means "there is none", 0 = every refusal counts */
    const char *absent; /* part of an error's text that means the same, or NULL */
};

/* A read that is wanted, on its way or answered. */
struct want {
    char *path;
    const char *reduce;
    const char *const *only;
    bool given;        /* handed out by picture_need */
    struct want_as as; /* zero: the part keeps its own record of the answer */
    struct part part;
    const js *data; /* NULL unless read */
};

struct picture {
    struct picture_ask ask;
    const char *ask_storage, *ask_nodes, *ask_archive, *ask_guests_at;
    struct want *want;
    size_t n_want;
    struct picture_read *out;
    size_t n_out;

    char **str; /* every string of ours */
    size_t n_str;
    const char *doubt; /* about the answer that is being put in, or NULL */
    js *keep;          /* every answer that strings are borrowed from */
    js *by_path;       /* path of a named read -> its place in want */

    const js *perms;
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
    bool archives_wanted, ha_configs_wanted;
    const js *backup, *replication, *ha, *rules;
};

/* An answer on its way to its part. */
struct pic_answer {
    const char *path;
    const js *data;
    int result; /* negative: data is NULL */
    const struct err *why;
    /* the path's segments, cut at '/': "nodes", "c1", "qemu", "104", "config" */
    const char *v[8];
    size_t n;
};

/* One class of reads. Hooks may be NULL; all but put() are called only when one of `bits` was
 * asked for (bits 0: always). */
struct pic_part {
    unsigned int bits;
    void (*start)(struct picture *p);                        /* what is wanted at once */
    void (*node)(struct picture *p, const struct node *n);   /* once each, the list being read */
    void (*guest)(struct picture *p, const struct guest *g); /* once each, the list being read */
    void (*settle)(struct picture *p); /* after each answer that belongs to the cluster: wants that
                                          wait for more than one of them */
    bool (*put)(struct picture *p, const struct pic_answer *a); /* true: it was for this part */
};
extern const struct pic_part part_resources, part_guest, part_storage, part_lists, part_access,
    part_target, part_owned, part_firewall, part_ha, part_node, part_network;

void parts_start(struct picture *p);
void parts_node(struct picture *p, const struct node *n);
void parts_guest(struct picture *p, const struct guest *g);

/* Fills a part from an answer that was refused, from one that is whole, and from a list that PVE
 * filters without a sign: whole only if the token holds one of privs ("A|B") on path. */
void part_fail(struct picture *p, struct part *part, const struct pic_answer *a,
               const char *privilege);
void part_read(const struct picture *p, struct part *part);
void part_list(struct picture *p, struct part *part, const char *path, const char *privs,
               const char *privilege);

/* Copies that live as long as the picture; never NULL (no memory ends the program). */
const char *picture_strn(struct picture *p, const char *s, size_t len);
const char *picture_str(struct picture *p, const char *s);
const char *picture_strf(struct picture *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Grows an array by one zeroed element and returns it. */
void *picture_grow(void *array_ptr, size_t *n, size_t size);
void picture_want(struct picture *p, const char *reduce, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Of the rows of the list that was wanted last only these members; static. */
void picture_want_only(struct picture *p, const char *const *only);
/* The same, kept under its path for picture_answer(). */
void picture_want_as(struct picture *p, const struct want_as *as, const char *reduce,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Whether that read is wanted already. */
bool picture_wants(const struct picture *p, const char *path);
struct guest *picture_guest_mut(struct picture *p, uint32_t vmid);
