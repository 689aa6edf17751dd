/* SPDX-License-Identifier: Apache-2.0 */
/* Guest configuration files, byte for byte as PVE writes them: the digest that the API returns and
 * that every later change is checked against is SHA-1 over exactly this text. */
#include "proximo-client/sim/guestconf.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/pvefile.h"

void sha1_hex(const void *data, size_t len, char ret[static 41]) {
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (EVP_Digest(data, len, md, &n, EVP_sha1(), NULL) != 1 || n != 20) {
        abort(); /* only a broken libcrypto does this */
    }
    hex_encode(md, 20, ret);
}

long long size_bytes(const char *text) {
    size_t digits = strspn(text, "0123456789");
    char number[20];
    uint64_t n;
    int shift = 0;

    if (!digits || digits >= sizeof(number)) {
        return 0;
    }
    memcpy(number, text, digits);
    number[digits] = '\0';
    switch (text[digits]) {
    case 'T':
        shift = 40;
        break;
    case 'G':
        shift = 30;
        break;
    case 'M':
        shift = 20;
        break;
    case 'K':
        shift = 10;
        break;
    default:
        break;
    }
    if ((text[digits] && text[digits + 1]) || (text[digits] && !shift) ||
        ident_u64(number, &n) < 0 || n > (UINT64_C(1) << (62 - shift))) {
        return 0;
    }
    return (long long)(n << shift);
}

int option_get(const char *value, const char *name, char *ret, size_t size) {
    size_t want = strlen(name);
    bool first = true;

    ret[0] = '\0';
    for (const char *at = value; *at;) {
        size_t n = strcspn(at, ",");

        if (!want && first && !memchr(at, '=', n)) {
            (void)snprintf(ret, size, "%.*s", (int)n, at);
            return 0;
        }
        if (want && n > want && at[want] == '=' && strncmp(at, name, want) == 0) {
            (void)snprintf(ret, size, "%.*s", (int)(n - want - 1), at + want + 1);
            return 0;
        }
        first = false;
        at += n + (at[n] == ',');
    }
    return -ENOENT;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted_keys(const js *o, size_t *n) {
    const char **keys = calloc((size_t)js_members(o) + 1, sizeof(*keys));

    *n = 0;
    if (!keys) {
        return NULL;
    }
    JS_FOREACH(o, k, v) {
        (void)v;
        keys[(*n)++] = k;
    }
    qsort(keys, *n, sizeof(*keys), by_name);
    return keys;
}

int conf_comment(struct buf *b, const char *text) {
    size_t left = strlen(text);
    int r = 0;

    /* Empty lines at the end are not written (Perl's split drops them). */
    while (left && text[left - 1] == '\n') {
        left--;
    }
    for (const char *line = text; line < text + left && r == 0;) {
        size_t n = strcspn(line, "\n");

        r = buf_addc(b, '#');
        for (size_t i = 0; i < n && r == 0; i++) {
            unsigned char c = (unsigned char)line[i];

            r = c < 0x20 || c >= 0x7f || c == '%' || c == ':' ? buf_addf(b, "%%%02X", c)
                                                              : buf_addc(b, (char)c);
        }
        r = r ? r : buf_addc(b, '\n');
        line += n + (line[n] == '\n');
    }
    return r;
}

static int put_section(struct buf *b, const js *values) {
    CLEANUP(freep) const char **keys = NULL;
    const char *description = js_get_str(values, "description");
    size_t n;
    int r = description ? conf_comment(b, description) : 0;

    keys = sorted_keys(values, &n);
    if (!keys) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n && r == 0; i++) {
        js *v = js_get(values, keys[i]);

        if (v && strcmp(keys[i], "description") != 0 && strcmp(keys[i], "lxc") != 0) {
            r = buf_addf(b, "%s: %s\n", keys[i], json_object_get_string(v));
        }
    }
    for (size_t i = 0; r == 0 && i < js_len(js_get(values, "lxc")); i++) {
        js *raw = js_at(js_get(values, "lxc"), i);

        r = buf_addf(b, "%s: %s\n", json_object_get_string(js_at(raw, 0)),
                     json_object_get_string(js_at(raw, 1)));
    }
    return r;
}

int guest_file_write(const js *guest, struct buf *ret) {
    CLEANUP(freep) const char **names = NULL;
    js *config = js_get(guest, "config"), *pending = js_get(guest, "pending");
    js *snapshots = js_get(guest, "snapshots");
    size_t n = 0;
    int r = config ? put_section(ret, config) : 0;

    if (r == 0 && pending) { /* a section that says nothing is not written */
        CLEANUP(buf_done) struct buf section = BUF_INIT(ret->max);

        r = put_section(&section, pending);
        if (r == 0 && section.len) {
            r = buf_addf(ret, "\n[PENDING]\n%s", buf_str(&section));
        }
    }
    if (r < 0 || !snapshots) {
        return r;
    }
    names = sorted_keys(snapshots, &n);
    if (!names) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n && r == 0; i++) {
        r = buf_addf(ret, "\n[%s]\n", names[i]);
        r = r ? r : put_section(ret, js_get(snapshots, names[i]));
    }
    return r;
}

/* ---- reading ---- */

int guest_file_read(bool lxc, const char *text, size_t len, js **ret, struct err *e) {
    CLEANUP(js_freep) js *notes = js_array();
    CLEANUP(js_freep) js *guest = pvefile_guest(lxc, text, len, notes);

    if (js_len(notes) > 0) {
        return err_set(e, -EBADMSG, "not a configuration that can be kept: %s",
                       json_object_get_string(js_at(notes, 0)));
    }
    *ret = TAKE(guest);
    return 0;
}
