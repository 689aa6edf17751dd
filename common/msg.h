/* SPDX-License-Identifier: Apache-2.0 */
/* common/msg.h - the messages between the daemon's halves, over one SOCK_SEQPACKET
 * connection per request (formats.md 5.2). Little endian: u16 version, u16 type, u32 length of what
 * follows, then fields, each u32 length and bytes. Requests are even, answers odd. One request a
 * connection; its answers follow in the order given; the root child then closes.
 *
 * Integers are fields of 8 bytes (u64). A list is a field of 8 bytes (count) and that many fields.
 * Whatever is short, long, left over, of an unknown type or with descriptors where none belong ends
 * the root child without an answer: our own front end is broken or captured. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_VERSION 1

enum msg_type {
    /* fields: spki(32) request stdin intent index inclusion(n*32) checkpoint old consistency(n*32)
     * approvals[list] opened(u64: when the client's connection came, monotonic ms); descriptors:
     * exactly two, the write ends of the output pipes. */
    MSG_ACT = 2,
    MSG_ACT_STARTED = 3, /* H(hex text) cosignature-line(s) seq */
    MSG_ACT_END = 5,     /* receipt-note  ("" when none)  out_bytes err_bytes how-text value */
    MSG_REFUSED = 7,     /* code step message  size (u64: with "witness_conflict" the size this node
                            last cosigned, else 0)  cosignature-line(s) or "" */
    MSG_WITNESS = 8,     /* spki body(add-checkpoint body) */
    MSG_WITNESS_ANSWER = 9,     /* status(u64 HTTP) body */
    MSG_CHECKPOINT = 10,        /* origin-hash(64 hex) */
    MSG_CHECKPOINT_ANSWER = 11, /* status body */
    MSG_EXPLAIN = 12,           /* spki request */
    MSG_EXPLAIN_ANSWER = 13,    /* text, "key value" lines: allowed yes|no, rule, code, why, remedy,
                                   approval, near-root yes|no, exists yes|no, running yes|no, config,
                                   privileged yes|no, undo yes|no, undo-driver, undo-why, mount* */
    MSG_STATUS = 14,            /* spki */
    MSG_STATUS_ANSWER = 15,     /* text lines: node, receipt-key (vkey), witness-key (vkey), client,
                                   rights, armed yes|no, frozen yes|no, policy sha256|-, policy-error,
                                   head <size>|-, clock ok|suspect, running n, join-open yes|no */
    MSG_RECEIPTS = 16,          /* spki after(u64) */
    MSG_RECEIPTS_ANSWER = 17,   /* list of note texts, at most 64 */
    MSG_RECEIPTS_ACK = 18,      /* spki  upto(u64 seq)  entry index inclusion(n*32) checkpoint */
    MSG_OK = 19,                /* (no field) */
    MSG_OP = 20,                /* spki H(64 hex) */
    MSG_OP_ANSWER = 21,   /* state (running|ended|unknown) receipt-note stdout(last 64 KiB of each
                             fits: 48 KiB) stderr */
    MSG_CANCEL = 22,      /* spki H(64 hex) */
    MSG_JOIN = 24,        /* name pubkey(32) spki(32) log-vkey exporter(32) hmac(32) */
    MSG_JOIN_ANSWER = 25, /* answer text (lines: node, address*, ca-spki, witness-key, receipt-key,
                             roster*, rights) hmac(32) */
    MSG_JOIN_INFO = 26,   /* - */
    MSG_JOIN_INFO_ANSWER = 27, /* open(u64 0|1) until(u64) */
    MSG_METRICS = 28,          /* spki */
    MSG_METRICS_ANSWER = 29,   /* u64: armed frozen running receipts-open actions */
    MSG_ROSTER = 30,           /* spki */
    MSG_ROSTER_ANSWER = 31,    /* signed roster; list of the nodes' entries (common/roster.h) */
    MSG_ROTATE = 32,           /* spki  the client's note on its next key; MSG_OK */
};

enum msg_fds { MSG_FDS_NONE = 0, MSG_FDS_OUTPUT = 2 };

/* Writer: a bounded buffer. */
struct buf;
int msg_begin(struct buf *b, enum msg_type type);
int msg_add(struct buf *b, const void *data, size_t len);
int msg_adds(struct buf *b, const char *s);
int msg_add_u64(struct buf *b, uint64_t v);
void msg_end(struct buf *b); /* fills in the length */
/* A whole message. form: s = const char *, u = uint64_t, b = const void * and size_t. */
int msg_make(struct buf *b, enum msg_type type, const char *form, ...);

/* Reader: remembers failure; ask once at the end. */
struct msg_rd {
    const uint8_t *p, *end;
    bool bad;
};
int msg_open(const void *data, size_t len, uint16_t *ret_type, struct msg_rd *ret); /* -EBADMSG */
const void *msg_field(struct msg_rd *r, size_t max, size_t *ret_len); /* borrowed; "" on failure */
char *msg_str(struct msg_rd *r, size_t max); /* malloc'ed, NUL-free text; NULL on failure */
void msg_exact(struct msg_rd *r, void *ret, size_t len);
uint64_t msg_u64(struct msg_rd *r);
int msg_done(const struct msg_rd *r); /* 0, or -EBADMSG: short, long, malformed, left over */

/* One packet with descriptors; receive sets MSG_CMSG_CLOEXEC, closes everything on truncation or a
 * wrong count. */
int msg_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds);
int msg_recv(int sock, struct buf *ret, int *fds, size_t want_fds); /* -EBADMSG, -ENODATA at end */
