/* SPDX-License-Identifier: Apache-2.0 */
/* common/entry.h - a ledger entry: a header in the line grammar, an empty line, a canonical JSON
 * body (formats.md 4). The header alone is what nodes look at; the root half never sees JSON.
 *
 *   proximo-entry/v1
 *   kind intent
 *   time 1764091234
 *   actor mcp:claude
 *   nonce <32 hex>
 *   <the kind's own keys, in the order of the table in entry.c>
 *   (empty line)
 *   {"v":1,"body":"sha256:…","summary":"…"}
 *
 * Keys by kind (value forms; * may repeat, also not at all):
 *   genesis   origin  vkey  policy <sha256>  continues* <note text>
 *   plan      plan <sha256>  risk none|low|medium|high  approval none|host|operator
 *             expires <unix>  taint yes|no
 *   approval  plan <sha256>  key <vkey>  note <note text>  not-after <unix>
 *   refusal   plan <sha256>  code <error code>
 *   intent    plan <sha256>  approval none|host|<sha256 of the approval note's bytes>
 *             expires <unix>  taint yes|no  request* <node> <sha256 of the request text>
 *             api* <ordinal> <sha256 of "METHOD\nPATH\nFORM">   (FORM: canonical JSON of the form)
 *   progress  intent <sha256 leaf hash>  task <ordinal> <UPID>
 *   outcome   intent <sha256>  plan <sha256>  result done|warnings|failed|not-started|unknown
 *             task* <ordinal> <UPID>
 *   receipt   intent <sha256>  node <name>  seq <n>  note <note text>
 *   undo      of <sha256 leaf hash of the undone operation's intent>  plan <sha256 of the undo plan>
 *   read      tool <name>  args <sha256>  outcome ok|<error code>
 *   node      name <node>  action joined|trusted|revoked|rotated
 *   policy    digest <sha256>
 *   recovery  cut <entries>  rehashed <entries>
 *   alarm     code <error code>
 *   closing   intent <sha256>  plan <sha256>  key <vkey>  note <note text> */
#pragma once
#include <stdint.h>

#include "common/lines.h"

struct buf;
struct err;

enum entry_kind {
    ENTRY_GENESIS,
    ENTRY_PLAN,
    ENTRY_APPROVAL,
    ENTRY_REFUSAL,
    ENTRY_INTENT,
    ENTRY_PROGRESS,
    ENTRY_OUTCOME,
    ENTRY_RECEIPT,
    ENTRY_UNDO,
    ENTRY_READ,
    ENTRY_NODE,
    ENTRY_POLICY,
    ENTRY_RECOVERY,
    ENTRY_ALARM,
    ENTRY_CLOSING,
    ENTRY_KINDS
};

struct entry {
    enum entry_kind kind;
    int64_t time;
    struct lines head;
    const char *body; /* borrowed from the parsed bytes; its form is not checked here */
    size_t body_len;
};

const char *entry_kind_name(enum entry_kind kind);

/* -EBADMSG with what is wrong. Bytes over LIM_ENTRY are refused. Checks the value forms above. */
int entry_parse(const char *bytes, size_t len, struct entry *ret, struct err *e);
void entry_done(struct entry *en); /* for CLEANUP */
const char *entry_get(const struct entry *en, const char *key); /* NULL when absent */
const char *entry_nth(const struct entry *en, const char *key, size_t i);
size_t entry_count(const struct entry *en, const char *key);

/* Writer: begin, then lines_put(b, …) for the kind's keys in order, then end with the body (may be
 * "{}"). entry_end parses what was written and fails if it is not a valid entry. The nonce is made
 * here. */
int entry_begin(struct buf *b, enum entry_kind kind, int64_t time, const char *actor);
int entry_end(struct buf *b, const char *body, struct err *e);
