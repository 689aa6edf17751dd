/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/blast_int.h - what the analysers share. */
#pragma once
#include <stdarg.h>

#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/draft.h"

/* Tells the draft everything of `what` (PIC_ flags) that was not read, and the coverage. */
void blast_unread(const struct picture *p, unsigned int what, uint32_t vmid, struct draft *d);

/* The same for what one node shows of one storage (PIC_CONTENT of the other nodes left aside). */
void blast_unread_at(const struct picture *p, const char *storage, const char *node,
                     struct draft *d);

/* Counts what is hit, so that the risk has one reason for each effect and not one for each guest.
 */
struct tally {
    struct {
        const char *effect;
        enum risk worst;
        unsigned int n, running;
    } row[24];
    size_t n;
};
/* draft_affect, counted. a->effect must be static text. */
void tally_affect(struct tally *t, struct draft *d, const struct affect *a);
/* `why` as a format. */
void tally_guestv(struct tally *t, struct draft *d, const struct guest *g, const char *effect,
                  enum risk severity, const char *via, const char *fmt, va_list ap)
    __attribute__((format(printf, 7, 0)));
void tally_guest(struct tally *t, struct draft *d, const struct guest *g, const char *effect,
                 enum risk severity, const char *via, const char *why);
/* What is no guest: a storage, a job, a node. */
void tally_other(struct tally *t, struct draft *d, const char *resource, const char *effect,
                 enum risk severity, const char *via, const char *why);
/* `why` as a format. */
void tally_otherv(struct tally *t, struct draft *d, const char *resource, const char *effect,
                  enum risk severity, const char *via, const char *fmt, va_list ap)
    __attribute__((format(printf, 7, 0)));
void tally_risk(const struct tally *t, struct draft *d);

/* How a volume stands to its guest's start. */
enum role {
    ROLE_DATA,
    ROLE_BOOT,
    ROLE_MAYBE_BOOT, /* no boot order says which disk it is */
    ROLE_FIRMWARE,
    ROLE_CLOUDINIT,
    ROLE_MEDIA,     /* an ISO in a drive */
    ROLE_REFERENCE, /* hookscript, cicustom */
    ROLE_STATE,     /* suspended memory */
    ROLE_UNUSED,
};
enum role volume_role(const struct guest *g, const struct volume *v);
/* Without it the guest cannot start again, short of bringing the volume back. */
bool role_is_vital(enum role r);

/* Whether a key is asked to be removed: del is an array of strings or one comma-separated string.
 */
bool del_has(const js *del, const char *key);

/* A value as text: strings as they are, integers and booleans (1/0) printed into tmp. NULL for
 * NULL. */
const char *value_print(const js *v, char tmp[static 24]);

/* The replication job of a guest, NULL when there is none (disabled ones do not count). */
const js *replication_of(const struct picture *p, uint32_t vmid);
/* The same, disabled ones included: they still refuse a destroy. */
const js *replication_any(const struct picture *p, uint32_t vmid);
/* The job that replicates the guest to that node; NULL when there is none. */
const js *replication_to(const struct picture *p, uint32_t vmid, const char *node);
const js *replication_to_any(const struct picture *p, uint32_t vmid, const char *node);
/* Calls f for every word of a comma, semicolon or blank separated list. */
void words_each(const char *words, void (*f)(void *ctx, const char *word), void *ctx);
/* A span in words: "90 minutes", "3 days". Negative: clocks differ, so unknown. */
void age_text(int64_t seconds, char *ret, size_t size);
/* A strict node-affinity rule keeps the guest off that node; anything weaker does not. */
bool ha_forbids(const struct picture *p, const struct guest *g, const char *node);
/* Storages that the guest serves by its address (NFS, CIFS …): every guest with a volume there. */
void served_by(const struct picture *p, const struct guest *me, struct tally *t, struct draft *d);

/* Pools (PIC_POOLS). members: NULL when not read, *ret (may be NULL) says why. pool_of: the guest's
 * pool, NULL when it is in none that was read. */
const js *pool_members(const struct picture *p, const char *poolid, struct part *ret);
bool pool_has(const struct picture *p, const char *poolid, int64_t vmid);
const char *pool_of(const struct picture *p, int64_t vmid);

/* Bytes left on a storage as the node tells (PIC_SPACE); -1 when not known, *ret says why. */
int64_t node_space(const struct picture *p, const char *node, const char *storage,
                   struct part *ret);

/* "40G", "512M", "1024" in bytes; false: it is no size. value_size: of a disk entry's size=, -1
 * when it does not say. */
bool size_parse(const char *text, int64_t *ret);
int64_t value_size(const char *value);
/* Whether a key of a configuration holds a volume (scsi0, mp1, rootfs, efidisk0, unused0 …). */
bool key_holds_disk(const char *kind, const char *key);

bool volume_same(const struct volume *a, const struct volume *b);
bool volumes_have(const struct volumes *vols, const struct volume *v);
/* The storage is there for guests of that node. NULL: no. */
bool store_usable(const struct store *s, const char *node);
