/* SPDX-License-Identifier: Apache-2.0 */
/* common/note.h - C2SP signed notes and cosignatures with Ed25519 (facts/tlog.md 3.3-3.5;
 * public text: c2sp.org/signed-note, c2sp.org/tlog-cosignature). Knows no files. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct hash;

#define NOTE_ED25519  0x01 /* signature over the text */
#define NOTE_COSIGN   0x04 /* timestamped cosignature over a checkpoint */
#define NOTE_PUB_LEN  32
#define NOTE_SEED_LEN 32
#define NOTE_SIG_LEN  64
#define NOTE_NAME_MAX 128
#define NOTE_SIGS_MAX 64

/* A verifier key: "name+8 hex+base64(type || public key)". */
struct vkey {
    char name[NOTE_NAME_MAX + 1];
    uint8_t type;
    uint8_t id[4];
    uint8_t pub[NOTE_PUB_LEN];
};

int vkey_parse(const char *text, struct vkey *ret, struct err *e); /* recomputes the id; -EINVAL */
int vkey_text(const struct vkey *k, struct buf *ret);
/* SHA-256 of that text: what two people compare. */
int vkey_digest(const struct vkey *k, struct hash *ret);
int vkey_make(const char *name, uint8_t type, const uint8_t pub[static NOTE_PUB_LEN],
              struct vkey *ret); /* -EINVAL: bad name or type */
bool vkey_eq(const struct vkey *a, const struct vkey *b);

/* A signing key: the seed is wiped by skey_done. */
struct skey {
    struct vkey v;
    uint8_t seed[NOTE_SEED_LEN];
};

int skey_make(const char *name, uint8_t type, const uint8_t seed[static NOTE_SEED_LEN],
              struct skey *ret);
void skey_done(struct skey *k);

/* Raw Ed25519. */
int ed25519_sign(const uint8_t seed[static NOTE_SEED_LEN], const void *msg, size_t len,
                 uint8_t ret[static NOTE_SIG_LEN]);
int ed25519_check(const uint8_t pub[static NOTE_PUB_LEN], const void *msg, size_t len,
                  const uint8_t sig[static NOTE_SIG_LEN]); /* 0 or -EBADMSG */
int ed25519_public(const uint8_t seed[static NOTE_SEED_LEN], uint8_t ret[static NOTE_PUB_LEN]);

struct note_sig {
    char name[NOTE_NAME_MAX + 1];
    uint8_t id[4];
    const char *line; /* the whole signature line with its newline, borrowed from the note */
    size_t line_len;
    uint8_t blob[8 + NOTE_SIG_LEN]; /* what follows the key id, when it is of a known length */
    size_t blob_len; /* 64 (ed25519), 72 (cosignature), else the real length cut to 72 */
};

/* A parsed note; borrows the bytes given to note_parse. */
struct note {
    const char *text; /* with its final newline */
    size_t text_len;
    struct note_sig sig[NOTE_SIGS_MAX];
    size_t n_sigs;
};

/* Syntax only: -EBADMSG. At most LIM_NOTE bytes and NOTE_SIGS_MAX signatures. */
int note_parse(const char *bytes, size_t len, struct note *ret, struct err *e);

/* Looks for signatures of `key`: 0 at least one and all good; -ENOENT none; -EBADMSG a signature
 * with matching name and id fails (reject the whole note). For NOTE_COSIGN keys *ret_time (may be
 * NULL) gets the signed time. */
int note_check(const struct note *n, const struct vkey *key, uint64_t *ret_time);

/* Appends text (which must end with a newline) and, after an empty line, the signature line. */
int note_sign(const char *text, size_t len, const struct skey *key, struct buf *ret, struct err *e);
/* Appends only the signature line for the text; for NOTE_COSIGN keys `time` is signed. */
int note_sig_line(const char *text, size_t len, const struct skey *key, uint64_t time,
                  struct buf *ret, struct err *e);
