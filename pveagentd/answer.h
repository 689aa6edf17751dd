/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/answer.h - the root half's line texts as JSON, and JSON bodies as its messages. Pure
 * functions: no connection, no state. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct buf;
struct err;
struct hash;

/* Texts of MSG_STATUS_ANSWER and MSG_EXPLAIN_ANSWER. -EBADMSG. */
int answer_status(const char *text, size_t len, js **ret, struct err *e);
int answer_explain(const char *text, size_t len, js **ret, struct err *e);

/* Bodies of POST requests → one whole message. Unknown, missing, repeated or ill-typed members are
 * "bad_request"; what does not fit a message is "body_too_large". */
int body_act(const char *body, size_t len, const struct hash *spki, struct buf *ret, struct err *e);
int body_explain(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                 struct err *e);
int body_cancel(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                struct err *e);
int body_receipts_ack(const char *body, size_t len, const struct hash *spki, struct buf *ret,
                      struct err *e);
int body_join(const char *body, size_t len, const struct hash *spki,
              const uint8_t exporter[static 32], struct buf *ret, struct err *e);
