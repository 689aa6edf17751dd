/* SPDX-License-Identifier: Apache-2.0 */
/* The list, who is on it, and what is masked. Texts in, texts out. */
#include "common/pvepath.h"

#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"

/* Keys that hold a secret in the file itself. Most of a cluster's secrets are in priv/, which is
 * not on the list. */
static const char guest_secrets[] = "cipassword";
static const char users[] = "user"; /* see mask_user() */

const struct pvepath pvepaths[] = {
    {".members", NULL, true},
    {".vmlist", NULL, true},
    {"corosync.conf", NULL, false},
    {"datacenter.cfg", NULL, false},
    {"domains.cfg", "client-key password", false},
    {"etc/network/interfaces.new@*", NULL, false},
    {"etc/network/interfaces@*", NULL, false},
    {"firewall/*.fw", NULL, false},
    {"ha/groups.cfg", NULL, false},
    {"ha/manager_status", NULL, true},
    {"ha/resources.cfg", NULL, false},
    {"ha/rules.cfg", NULL, false},
    {"jobs.cfg", NULL, false},
    {"mapping/*.cfg", NULL, false},
    {"nodes/*/host.fw", NULL, false},
    {"nodes/*/lrm_status", NULL, true},
    {"nodes/*/lxc/*.conf", guest_secrets, false},
    {"nodes/*/qemu-server/*.conf", guest_secrets, false},
    {"replication.cfg", NULL, false},
    {"sdn/controllers.cfg", "password", false},
    {"sdn/dns.cfg", "key", false},
    {"sdn/fabrics.cfg", "password", false},
    {"sdn/firewall/*.fw", NULL, false},
    {"sdn/ipams.cfg", "token", false},
    {"sdn/subnets.cfg", NULL, false},
    {"sdn/vnets.cfg", NULL, false},
    {"sdn/zones.cfg", NULL, false},
    {"storage.cfg", "keyring password", false},
    {"user.cfg", users, false},
    {"vzdump.cron", NULL, false},
};
const size_t n_pvepaths = ARRAY_LEN(pvepaths);

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool is_name(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!is_name_byte(s[i])) {
            return false;
        }
    }
    return n > 0 && s[0] != '.';
}

bool pvepath_is_name(const char *s) {
    return is_name(s, strlen(s));
}

bool pvepath_matches(const char *pattern, const char *path) {
    while (*pattern) {
        if (*pattern == '*') {
            size_t tail = strcspn(++pattern, "/");
            size_t piece = strcspn(path, "/");

            if (piece <= tail || !is_name(path, piece - tail) ||
                strncmp(path + piece - tail, pattern, tail) != 0) {
                return false;
            }
            pattern += tail;
            path += piece;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !*path;
}

const struct pvepath *pvepath_find(const char *path) {
    for (size_t i = 0; i < n_pvepaths; i++) {
        if (pvepath_matches(pvepaths[i].pattern, path)) {
            return &pvepaths[i];
        }
    }
    return NULL;
}

/* The word at s (n bytes) is one of a blank-separated list. */
static bool in_words(const char *words, const char *s, size_t n) {
    while (*words) {
        size_t len = strcspn(words, " ");

        if (len == n && memcmp(words, s, n) == 0) {
            return true;
        }
        words += len + (words[len] == ' ');
    }
    return false;
}

/* user:ID:enable:expire:first:last:email:comment:KEYS: - the ninth field held the second factor's
 * own secret once; today it is "x" (which the API shows) or nothing. */
static size_t user_keys(const char *line, size_t len, size_t *ret_len) {
    size_t at = 0;

    for (unsigned int field = 1; field < 9; field++) {
        const char *colon = memchr(line + at, ':', len - at);

        if (!colon) {
            return 0;
        }
        at = (size_t)(colon - line) + 1;
    }
    *ret_len = 0;
    while (at + *ret_len < len && line[at + *ret_len] != ':') {
        ++*ret_len;
    }
    return *ret_len == 0 || line[at] == 'x' ? 0 : at;
}

/* Where in a line a secret begins, 0 = there is none; *ret_len: its length. */
static size_t secret_in(const struct pvepath *p, const char *line, size_t len, size_t *ret_len) {
    size_t key = 0;
    size_t end;

    while (key < len && (line[key] == ' ' || line[key] == '\t')) {
        key++;
    }
    end = key;
    while (end < len && line[end] != ':' && line[end] != ' ' && line[end] != '\t' &&
           line[end] != '=') {
        end++;
    }
    if (!in_words(p->secrets, line + key, end - key)) {
        return 0;
    }
    if (p->secrets == users) {
        return user_keys(line, len, ret_len);
    }
    while (end < len &&
           (line[end] == ':' || line[end] == ' ' || line[end] == '\t' || line[end] == '=')) {
        end++;
    }
    *ret_len = len - end;
    return end < len ? end : 0;
}

int pvepath_mask(const struct pvepath *p, const char *text, size_t len, struct buf *ret,
                 size_t *ret_masked) {
    int r = 0;

    *ret_masked = 0;
    if (!p->secrets) {
        return buf_add(ret, text, len);
    }
    for (size_t at = 0; r == 0 && at < len;) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - text) - at : len - at;
        size_t secret_len = 0;
        size_t secret = secret_in(p, text + at, n, &secret_len);
        size_t whole = n + (nl != NULL);

        if (secret) {
            r = buf_add(ret, text + at, secret);
            r = r < 0 ? r : buf_adds(ret, p->secrets == users ? "x" : PVEPATH_MASK);
            secret += secret_len;
            ++*ret_masked;
        }
        r = r < 0 ? r : buf_add(ret, text + at + secret, whole - secret);
        at += whole;
    }
    return r;
}
