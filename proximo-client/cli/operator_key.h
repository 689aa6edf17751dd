/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/cli/operator_key.h - operators' approval keys: PKCS#8 PEM encrypted under scrypt,
 * one file each, 0600. The passphrase comes from the terminal alone. */
#pragma once
#include "common/note.h"

struct buf;
struct cli;
struct err;

/* Makes NAME.pem (never replaces one) and returns the verifier key, named "<name>". */
int operator_key_new(const char *path, const char *name, const char *passphrase, struct vkey *ret,
                     struct err *e);
/* Opens it for signing; "wrong_passphrase". Wipe with skey_done. */
int operator_key_open(const char *path, const char *name, const char *passphrase, struct skey *ret,
                      struct err *e);

/* operator_sign.c. The operator's name: the one given (may be NULL), or the only one configured. */
int operator_choose(struct cli *c, const char *name, const char **ret, struct err *e);
/* Asks for the passphrase on the terminal ("to WHAT") and appends the note over `text`. */
int operator_sign(struct cli *c, const char *who, const char *what, const struct buf *text,
                  struct buf *ret, struct err *e);
