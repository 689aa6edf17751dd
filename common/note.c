/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes. A note is a sequence of bytes that somebody signed: nothing here re-serialises, and
 * the text that is checked is the text that came. */
#include "common/note.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"

static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a blank open a signature line */

static void pkey_freep(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}

static void mdctx_freep(EVP_MD_CTX **c) {
    EVP_MD_CTX_free(*c);
}

/* Names are ours or a peer's: printable ASCII without blank and '+' is what we accept of them. */
static bool name_ok(const char *name, size_t len) {
    if (!len || len > NOTE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= 0x20 || name[i] >= 0x7f || name[i] == '+') {
            return false;
        }
    }
    return true;
}

int vkey_make(const char *name, uint8_t type, const uint8_t pub[static NOTE_PUB_LEN],
              struct vkey *ret) {
    struct vkey k = {.type = type};
    char bytes[NOTE_NAME_MAX + 2 + NOTE_PUB_LEN];
    size_t len = strlen(name);
    struct hash h;

    if (!name_ok(name, len) || (type != NOTE_ED25519 && type != NOTE_COSIGN)) {
        return -EINVAL;
    }
    memcpy(k.name, name, len + 1);
    memcpy(k.pub, pub, NOTE_PUB_LEN);
    memcpy(bytes, name, len);
    bytes[len] = '\n';
    bytes[len + 1] = (char)type;
    memcpy(bytes + len + 2, pub, NOTE_PUB_LEN);
    sha256(bytes, len + 2 + NOTE_PUB_LEN, &h);
    memcpy(k.id, h.b, sizeof(k.id));
    *ret = k;
    return 0;
}

int vkey_parse(const char *text, struct vkey *ret, struct err *e) {
    const char *plus = strchr(text, '+');
    const char *plus2 = plus ? strchr(plus + 1, '+') : NULL;
    uint8_t raw[1 + NOTE_PUB_LEN];
    char name[NOTE_NAME_MAX + 1];
    struct vkey k;
    uint8_t id[4];

    if (!plus2 || (size_t)(plus - text) > NOTE_NAME_MAX || plus2 - plus != 9 ||
        hex_decode(plus + 1, 8, id) < 0 ||
        b64_decode_exact(plus2 + 1, strlen(plus2 + 1), raw, sizeof(raw)) < 0) {
        return err_set(e, -EINVAL, "not a verifier key (name+8 hex digits+base64)");
    }
    memcpy(name, text, (size_t)(plus - text));
    name[plus - text] = '\0';
    if (vkey_make(name, raw[0], raw + 1, &k) < 0) {
        return err_set(e, -EINVAL, "verifier key: bad name or unknown type %u", raw[0]);
    }
    if (memcmp(k.id, id, sizeof(id)) != 0) {
        return err_set(e, -EINVAL, "verifier key of %s: its id does not match its key", name);
    }
    *ret = k;
    return 0;
}

int vkey_text(const struct vkey *k, struct buf *ret) {
    uint8_t raw[1 + NOTE_PUB_LEN];
    char id[9];
    int r;

    raw[0] = k->type;
    memcpy(raw + 1, k->pub, NOTE_PUB_LEN);
    hex_encode(k->id, sizeof(k->id), id);
    r = buf_addf(ret, "%s+%s+", k->name, id);
    return r < 0 ? r : b64_encode(ret, raw, sizeof(raw));
}

int vkey_digest(const struct vkey *k, struct hash *ret) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINE);
    int r = vkey_text(k, &text);

    if (r == 0) {
        sha256(text.data, text.len, ret);
    }
    return r;
}

bool vkey_eq(const struct vkey *a, const struct vkey *b) {
    return a->type == b->type && memcmp(a->id, b->id, sizeof(a->id)) == 0 &&
           memcmp(a->pub, b->pub, NOTE_PUB_LEN) == 0 && strcmp(a->name, b->name) == 0;
}

int ed25519_public(const uint8_t seed[static NOTE_SEED_LEN], uint8_t ret[static NOTE_PUB_LEN]) {
    CLEANUP(pkey_freep)
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_SEED_LEN);
    size_t len = NOTE_PUB_LEN;

    return k && EVP_PKEY_get_raw_public_key(k, ret, &len) == 1 && len == NOTE_PUB_LEN ? 0 : -EIO;
}

int ed25519_sign(const uint8_t seed[static NOTE_SEED_LEN], const void *msg, size_t len,
                 uint8_t ret[static NOTE_SIG_LEN]) {
    CLEANUP(pkey_freep)
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_SEED_LEN);
    CLEANUP(mdctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = NOTE_SIG_LEN;

    return k && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k) == 1 &&
                   EVP_DigestSign(ctx, ret, &n, msg, len) == 1 && n == NOTE_SIG_LEN
               ? 0
               : -EIO;
}

int ed25519_check(const uint8_t pub[static NOTE_PUB_LEN], const void *msg, size_t len,
                  const uint8_t sig[static NOTE_SIG_LEN]) {
    CLEANUP(pkey_freep)
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, NOTE_PUB_LEN);
    CLEANUP(mdctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    return k && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 &&
                   EVP_DigestVerify(ctx, sig, NOTE_SIG_LEN, msg, len) == 1
               ? 0
               : -EBADMSG;
}

int skey_make(const char *name, uint8_t type, const uint8_t seed[static NOTE_SEED_LEN],
              struct skey *ret) {
    uint8_t pub[NOTE_PUB_LEN];
    int r = ed25519_public(seed, pub);

    if (r < 0) {
        return r;
    }
    r = vkey_make(name, type, pub, &ret->v);
    if (r < 0) {
        return r;
    }
    memcpy(ret->seed, seed, NOTE_SEED_LEN);
    return 0;
}

void skey_done(struct skey *k) {
    explicit_bzero(k, sizeof(*k));
}

/* What a cosignature covers: two lines in front of the checkpoint text. */
static int cosign_message(const char *text, size_t len, uint64_t time, struct buf *ret) {
    int r = buf_addf(ret, "cosignature/v1\ntime %llu\n", (unsigned long long)time);

    return r < 0 ? r : buf_add(ret, text, len);
}

int note_sig_line(const char *text, size_t len, const struct skey *key, uint64_t time,
                  struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf msg = BUF_INIT(LIM_NOTE + 64);
    uint8_t blob[4 + 8 + NOTE_SIG_LEN];
    size_t n = 4;
    int r;

    memcpy(blob, key->v.id, 4);
    if (key->v.type == NOTE_COSIGN) {
        for (int i = 7; i >= 0; i--) {
            blob[n++] = (uint8_t)(time >> (8 * i));
        }
        r = cosign_message(text, len, time, &msg);
    } else {
        r = buf_add(&msg, text, len);
    }
    if (r == 0) {
        r = ed25519_sign(key->seed, buf_str(&msg), msg.len, blob + n);
    }
    if (r == 0) {
        r = buf_addf(ret, "%s%s ", dash, key->v.name);
    }
    if (r == 0) {
        r = b64_encode(ret, blob, n + NOTE_SIG_LEN);
    }
    if (r == 0) {
        r = buf_addc(ret, '\n');
    }
    return r < 0 ? err_set(e, r, "sign as %s: %s", key->v.name, strerror(-r)) : 0;
}

int note_sign(const char *text, size_t len, const struct skey *key, struct buf *ret,
              struct err *e) {
    int r;

    if (!len || text[len - 1] != '\n') {
        return err_set(e, -EINVAL, "a note's text must end with a newline");
    }
    r = buf_add(ret, text, len);
    if (r == 0) {
        r = buf_addc(ret, '\n');
    }
    return r < 0 ? err_set(e, r, "note too long") : note_sig_line(text, len, key, 0, ret, e);
}

/* Strict UTF-8 without control bytes other than newline: what the format allows in a note. */
static bool text_ok(const char *s, size_t len) {
    const unsigned char *p = (const unsigned char *)s;

    for (size_t i = 0; i < len;) {
        unsigned char c = p[i];
        size_t more = c < 0x80                 ? 0
                      : c >= 0xc2 && c <= 0xdf ? 1
                      : c >= 0xe0 && c <= 0xef ? 2
                      : c >= 0xf0 && c <= 0xf4 ? 3
                                               : 9;

        if ((c < 0x20 && c != '\n') || more == 9 || i + more >= len + (more ? 0 : 1)) {
            return false;
        }
        if ((c == 0xe0 && p[i + 1] < 0xa0) || (c == 0xed && p[i + 1] > 0x9f) ||
            (c == 0xf0 && p[i + 1] < 0x90) || (c == 0xf4 && p[i + 1] > 0x8f)) {
            return false;
        }
        for (size_t k = 1; k <= more; k++) {
            if ((p[i + k] & 0xc0) != 0x80) {
                return false;
            }
        }
        i += more + 1;
    }
    return true;
}

static int parse_sig_line(const char *line, size_t len, struct note_sig *ret) {
    const size_t dash_len = sizeof(dash) - 1;
    CLEANUP(buf_done) struct buf blob = BUF_INIT(8192);
    const char *name = line + dash_len;
    const char *blank;
    size_t name_len;

    if (len <= dash_len || memcmp(line, dash, dash_len) != 0) {
        return -EBADMSG;
    }
    blank = memchr(name, ' ', len - dash_len);
    if (!blank) {
        return -EBADMSG;
    }
    name_len = (size_t)(blank - name);
    if (!name_ok(name, name_len) ||
        b64_decode(blank + 1, len - dash_len - name_len - 1, &blob) < 0 || blob.len < 5) {
        return -EBADMSG;
    }
    memset(ret, 0, sizeof(*ret));
    memcpy(ret->name, name, name_len);
    memcpy(ret->id, blob.data, 4);
    ret->blob_len = blob.len - 4;
    memcpy(ret->blob, blob.data + 4,
           ret->blob_len < sizeof(ret->blob) ? ret->blob_len : sizeof(ret->blob));
    ret->line = line;
    ret->line_len = len + 1;
    return 0;
}

int note_parse(const char *bytes, size_t len, struct note *ret, struct err *e) {
    size_t split = 0;

    if (len > LIM_NOTE) {
        return err_set(e, -EBADMSG, "note longer than %d bytes", LIM_NOTE);
    }
    if (len < 4 || bytes[len - 1] != '\n' || !text_ok(bytes, len)) {
        return err_set(e, -EBADMSG, "not a note: no final newline, or bytes a note may not hold");
    }
    for (size_t i = len - 1; i-- > 1;) { /* the last empty line; the text may hold earlier ones */
        if (bytes[i] == '\n' && bytes[i - 1] == '\n') {
            split = i;
            break;
        }
    }
    if (!split) {
        return err_set(e, -EBADMSG, "not a note: no empty line before the signatures");
    }
    ret->text = bytes;
    ret->text_len = split;
    ret->n_sigs = 0;
    for (const char *p = bytes + split + 1; p < bytes + len;) {
        const char *nl = memchr(p, '\n', (size_t)(bytes + len - p));

        if (ret->n_sigs == NOTE_SIGS_MAX) {
            return err_set(e, -EBADMSG, "more than %d signatures", NOTE_SIGS_MAX);
        }
        if (!nl || parse_sig_line(p, (size_t)(nl - p), &ret->sig[ret->n_sigs]) < 0) {
            return err_set(e, -EBADMSG, "signature line %zu is malformed", ret->n_sigs + 1);
        }
        ret->n_sigs++;
        p = nl + 1;
    }
    return ret->n_sigs ? 0 : err_set(e, -EBADMSG, "a note without signatures");
}

static int check_one(const struct note *n, const struct note_sig *s, const struct vkey *key,
                     uint64_t *ret_time) {
    CLEANUP(buf_done) struct buf msg = BUF_INIT(LIM_NOTE + 64);
    uint64_t time = 0;

    if (key->type == NOTE_ED25519) {
        return s->blob_len == NOTE_SIG_LEN ? ed25519_check(key->pub, n->text, n->text_len, s->blob)
                                           : -EBADMSG;
    }
    if (s->blob_len != 8 + NOTE_SIG_LEN) {
        return -EBADMSG;
    }
    for (int i = 0; i < 8; i++) {
        time = time << 8 | s->blob[i];
    }
    if (time > INT64_MAX || cosign_message(n->text, n->text_len, time, &msg) < 0 ||
        ed25519_check(key->pub, buf_str(&msg), msg.len, s->blob + 8) < 0) {
        return -EBADMSG;
    }
    if (ret_time && time > *ret_time) {
        *ret_time = time;
    }
    return 0;
}

int note_check(const struct note *n, const struct vkey *key, uint64_t *ret_time) {
    uint64_t time = 0;
    int found = 0;

    for (size_t i = 0; i < n->n_sigs; i++) {
        const struct note_sig *s = &n->sig[i];

        if (strcmp(s->name, key->name) != 0 || memcmp(s->id, key->id, sizeof(key->id)) != 0) {
            continue;
        }
        if (check_one(n, s, key, &time) < 0) {
            return -EBADMSG;
        }
        found = 1;
    }
    if (found && ret_time) {
        *ret_time = time;
    }
    return found ? 0 : -ENOENT;
}
