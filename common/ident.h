/* SPDX-License-Identifier: Apache-2.0 */
/* common/ident.h - one parser for each identifier of the field.
 * All are strict: what they accept needs no further check before it becomes part of a path, a
 * URL segment or an argument vector. Sources: pve-api-schema formats; formats.md 1. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMID_MIN 100u
#define VMID_MAX 999999999u

/* Decimal without sign, leading zeros or blanks; overflow is an error. 0 or -EINVAL. */
int ident_u64(const char *s, uint64_t *ret);
int ident_u64n(const char *s, size_t len, uint64_t *ret);
int ident_u32(const char *s, uint32_t *ret);
int ident_vmid(const char *s, uint32_t *ret); /* 100-999999999 */

bool ident_is_node(const char *s);     /* DNS label: letter/digit ends, inner -, <= 63 */
bool ident_is_storage(const char *s);  /* letter first, letters digits - _ . , alnum at the end, 2-100 */
bool ident_is_pool(const char *s);    /* 1-3 parts of letters digits - _ . joined by "/" */
bool ident_is_volid(const char *s);    /* storage:volume, no control bytes, no ".." component */
bool ident_is_snapname(const char *s); /* letter first, 2-40, [A-Za-z0-9_-]; "current" refused */
bool ident_is_userid(const char *s);   /* user@realm, <= 64 */
bool ident_is_tokenid(const char *s);  /* user@realm!name */
bool ident_is_realm(const char *s);
bool ident_is_tool(const char *s);     /* [a-z][a-z0-9_]{0,39} */
bool ident_is_cluster(const char *s);  /* [A-Za-z0-9][A-Za-z0-9._-]{0,39}: our own name for one */
bool ident_is_client(const char *s);   /* same rule: name of an enrolled client or operator */
bool ident_is_plan_id(const char *s);  /* P- and 26 of lower-case base32 */
bool ident_is_op_id(const char *s);    /* O- and 26 of lower-case base32 */
bool ident_is_upid(const char *s);     /* UPID:node:8hex:8hex:8hex:type:id:user: */
bool ident_is_address(const char *s);  /* host:port that can stand in a URL's authority */
bool ident_is_hex(const char *s, size_t digits); /* exactly so many lower-case hex digits */

/* The node part of a valid UPID. -EINVAL if it is none or does not fit. */
int ident_upid_node(const char *upid, char *ret, size_t size);

#define IDENT_ID_LEN 28 /* "P-" or "O-" and 26 characters */
struct hash;
void ident_plan_id(const struct hash *h, char ret[static IDENT_ID_LEN + 1]);
void ident_op_id(const struct hash *h, char ret[static IDENT_ID_LEN + 1]);
