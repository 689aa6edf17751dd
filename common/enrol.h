/* SPDX-License-Identifier: Apache-2.0 */
/* common/enrol.h - what both ends of an enrolment prove to each other by the invitation's secret
 * (formats.md 9), bound to the TLS connection by its exporter. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

#define INVITE_SECRET  16
#define ENROL_EXPORTER 32

/* The client's: its TLS key's hash, its log's key and its name. -E2BIG. */
int enrol_proof(const uint8_t secret[static INVITE_SECRET],
                const uint8_t exporter[static ENROL_EXPORTER], const struct hash *spki,
                const char *vkey, const char *name, struct hash *ret);
/* The node's, over the text of its answer. */
int enrol_answer(const uint8_t secret[static INVITE_SECRET],
                 const uint8_t exporter[static ENROL_EXPORTER], const char *text, size_t len,
                 struct hash *ret);
/* SHA-256 of the DER SubjectPublicKeyInfo of a raw Ed25519 key. */
void enrol_spki(const uint8_t pub[static 32], struct hash *ret);
