/* SPDX-License-Identifier: Apache-2.0 */
/* The two proofs of an enrolment. Each is under a label of its own, NUL included, so that neither
 * can be passed off as the other. */
#include "common/enrol.h"

#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"

int enrol_proof(const uint8_t secret[static INVITE_SECRET],
                const uint8_t exporter[static ENROL_EXPORTER], const struct hash *spki,
                const char *vkey, const char *name, struct hash *ret) {
    static const char label[] = "proximo-join/v1";
    CLEANUP(buf_wipe) struct buf m = BUF_INIT(4096);
    int r = buf_add(&m, label, sizeof(label));

    r = r < 0 ? r : buf_add(&m, exporter, ENROL_EXPORTER);
    r = r < 0 ? r : buf_add(&m, spki->b, HASH_LEN);
    r = r < 0 ? r : buf_add(&m, vkey, strlen(vkey) + 1);
    r = r < 0 ? r : buf_adds(&m, name);
    if (r == 0) {
        hmac_sha256(secret, INVITE_SECRET, m.data, m.len, ret);
    }
    return r;
}

int enrol_answer(const uint8_t secret[static INVITE_SECRET],
                 const uint8_t exporter[static ENROL_EXPORTER], const char *text, size_t len,
                 struct hash *ret) {
    static const char label[] = "proximo-join-answer/v1";
    CLEANUP(buf_wipe) struct buf m = BUF_INIT(2 * LIM_LINES);
    int r = buf_add(&m, label, sizeof(label));

    r = r < 0 ? r : buf_add(&m, exporter, ENROL_EXPORTER);
    r = r < 0 ? r : buf_add(&m, text, len);
    if (r == 0) {
        hmac_sha256(secret, INVITE_SECRET, m.data, m.len, ret);
    }
    return r;
}

void enrol_spki(const uint8_t pub[static 32], struct hash *ret) {
    /* SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING } around the 32 bytes */
    static const uint8_t front[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t der[44];

    memcpy(der, front, sizeof(front));
    memcpy(der + sizeof(front), pub, 32);
    sha256(der, sizeof(der), ret);
}
