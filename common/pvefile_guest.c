/* SPDX-License-Identifier: Apache-2.0 */
/* Guest configurations: description lines on top, "key: value", [snapshot] and [PENDING] sections.
 * Keys that we do not know are kept and named: a newer PVE has more of them, and a plan that looks
 * at such a guest should say that it does not know everything about it. */
#include <string.h>

#include "common/buf.h"
#include "common/guestkeys.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/pvefile_int.h"

struct reader {
    struct pve_text t;
    bool lxc, pending;
    js *guest;
    js *section;            /* borrowed: where keys go now; NULL while a section is skipped */
    struct buf description; /* of the section that is open */
};

static void comment_line(struct reader *r, const char *s, size_t n) {
    CLEANUP(js_freep) js *line = pve_decoded(&r->t, s, n);

    (void)buf_add(&r->description, json_object_get_string(line),
                  (size_t)json_object_get_string_len(line));
    (void)buf_addc(&r->description, '\n');
}

static void close_section(struct reader *r) {
    struct buf *d = &r->description;

    if (d->len && r->section) {
        js_add(r->section, "description", js_str_n(d->data, d->len - 1));
    }
    buf_reset(d);
}

static void open_section(struct reader *r, const char *s, size_t n) {
    char name[64] = "";

    close_section(r);
    r->section = NULL;
    r->pending = false;
    if (n < 3 || s[n - 1] != ']' || n - 2 >= sizeof(name)) {
        pve_note(&r->t, "is no head of a section");
        return;
    }
    memcpy(name, s + 1, n - 2);
    name[n - 2] = '\0';
    if (strcmp(name, "PENDING") == 0) {
        r->pending = true;
        if (js_get(r->guest, "pending")) {
            pve_note(&r->t, "there are two pending sections");
        }
        r->section = pve_member(r->guest, "pending");
    } else if (strncmp(name, "special:", 8) == 0) {
        return; /* PVE's own notes (fleecing, cloudinit); no part of the configuration */
    } else if (!ident_is_snapname(name)) {
        pve_note(&r->t, "'%.40s' is no name of a snapshot", name);
    } else if (js_get(js_get(r->guest, "snapshots"), name)) {
        pve_note(&r->t, "the snapshot %.40s is there twice", name);
    } else {
        r->section = pve_member(js_get(r->guest, "snapshots"), name);
    }
}

static bool key_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static void raw_line(struct reader *r, const char *key, js *value) {
    js *raw = js_get(r->section, "lxc");
    js *pair = js_array();

    if (!raw) {
        raw = js_array();
        js_add(r->section, "lxc", raw);
    }
    js_push(pair, js_str(key));
    js_push(pair, value);
    js_push(raw, pair);
}

static void key_line(struct reader *r, const char *s, size_t n) {
    char key[128];
    size_t k = 0;
    bool is_raw;

    while (k < n && k + 1 < sizeof(key) && key_char(s[k])) {
        key[k] = s[k];
        k++;
    }
    key[k] = '\0';
    s += k;
    n -= k;
    is_raw = r->lxc && k >= 4 && memcmp(key, "lxc.", 4) == 0;
    if (is_raw && n && s[pve_blanks(s, n)] == '=') {
        k = pve_blanks(s, n); /* "lxc.cap.drop = x" is read as well */
        s += k;
        n -= k;
    } else if (!n || *s != ':') {
        pve_note(&r->t, "is no configuration line");
        return;
    }
    k = 1 + pve_blanks(s + 1, n - 1);
    if (k >= n && !is_raw) {
        pve_note(&r->t, "%.40s has no value", key);
    } else if (!key[0]) {
        pve_note(&r->t, "is no configuration line");
    } else if (r->lxc && strcmp(key, "lxc") == 0) {
        pve_note(&r->t, "the key lxc is not known"); /* its place is that of the raw lines */
    } else if (is_raw) {
        raw_line(r, key, pve_value(&r->t, s + k, n - k));
    } else {
        if (!guest_key(r->lxc, key) && strcmp(key, "snapstate") != 0 &&
            !(r->pending && strcmp(key, "delete") == 0)) {
            pve_note(&r->t, "the key %.40s is not known", key);
        }
        /* the old form of a description: one line, percent-encoded */
        js_add(r->section, key,
               strcmp(key, "description") == 0 ? pve_decoded(&r->t, s + k, n - k)
                                               : pve_value(&r->t, s + k, n - k));
    }
}

js *pvefile_guest(bool lxc, const char *text, size_t len, js *notes) {
    struct reader r = {.t = {.text = text, .len = len, .notes = notes},
                       .lxc = lxc,
                       .guest = js_object(),
                       .description = BUF_INIT(LIM_CONF)};
    const char *line;
    size_t n;

    js_add(r.guest, "config", js_object());
    js_add(r.guest, "snapshots", js_object());
    r.section = js_get(r.guest, "config");
    while (pve_line(&r.t, &line, &n)) {
        if (*line == '#') {
            comment_line(&r, line + 1, n - 1);
        } else if (*line == '[') {
            open_section(&r, line, n);
        } else if (r.section) {
            key_line(&r, line, n);
        }
    }
    close_section(&r);
    buf_done(&r.description);
    return r.guest;
}
