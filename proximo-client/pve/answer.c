/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of the API means. PVE says the same thing in up to three places (the status line's
 * phrase, "message", per-parameter "errors"); all three are kept. Most "does not exist" come as 500
 * and not as 404. Everything taken from an answer is cleaned and cut before it enters a message.
 * Pure functions over bytes: fuzzed. */
#include "proximo-client/pve/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/own.h"
#include "common/unseen.h"

static size_t char_len(unsigned char c) {
    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void answer_clean(const char *text, size_t len, char *ret, size_t size) {
    CLEANUP(js_freep) js *valid = js_str_n(text, len);
    const unsigned char *s = (const unsigned char *)(valid ? json_object_get_string(valid) : "");
    size_t left = valid ? (size_t)json_object_get_string_len(valid) : 0;
    size_t at = 0;

    while (left > 0) {
        size_t bad = unseen(s, left, NULL);
        size_t take = bad ? bad : char_len(*s);

        if (take > left || at + (bad ? 1 : take) >= size) {
            break;
        }
        if (!bad) {
            memcpy(ret + at, s, take);
            at += take;
        } else if (at > 0 && ret[at - 1] != ' ') {
            ret[at++] = ' ';
        }
        s += take;
        left -= take;
    }
    while (at > 0 && ret[at - 1] == ' ') {
        at--;
    }
    ret[at] = 0;
}

static void clean_member(const js *object, const char *key, char *ret, size_t size) {
    js *v = js_get(object, key);

    ret[0] = 0;
    if (js_is_str(v)) {
        answer_clean(json_object_get_string(v), (size_t)json_object_get_string_len(v), ret, size);
    }
}

bool answer_status_line(const char *line, size_t len, char *ret, size_t size) {
    const char *end = line + len;
    const char *p;

    if (len < 12 || strncasecmp(line, "HTTP/", 5) != 0) {
        return false;
    }
    p = memchr(line, ' ', len);
    if (!p || end - p < 4) {
        return false;
    }
    p += 4; /* blank and three digits */
    if (p < end && *p == ' ') {
        p++;
    }
    answer_clean(p, (size_t)(end - p), ret, size);
    return true;
}

/* A backup server's: privileges first, then the path; either may be in quotes. */
static bool missing_on(const char *message, char *ret_path, size_t path_size, char *ret_privs,
                       size_t privs_size) {
    static const char *const starts[] = {"missing permissions '",
                                         "permission check failed - missing "};
    const char *privs = NULL, *path;
    size_t privs_len, path_len;

    for (size_t i = 0; i < 2 && !privs; i++) {
        const char *at = strstr(message, starts[i]);

        privs = at ? at + strlen(starts[i]) : NULL;
    }
    path = privs ? strstr(privs, " on ") : NULL;
    if (!path) {
        return false;
    }
    privs_len = strcspn(privs, "' ");
    path += 4 + (path[4] == '\'');
    path_len = strcspn(path, "' ");
    if (path[0] != '/' || path_len >= path_size || !privs_len || privs_len >= privs_size) {
        return false;
    }
    memcpy(ret_path, path, path_len);
    ret_path[path_len] = 0;
    memcpy(ret_privs, privs, privs_len);
    ret_privs[privs_len] = 0;
    return true;
}

bool pve_permissions_hint(const char *message, char *ret_path, size_t path_size, char *ret_privs,
                          size_t privs_size) {
    const char *open = strstr(message, "Permission check failed (");
    const char *comma;
    const char *close;
    size_t path_len;
    size_t privs_len;

    ret_path[0] = 0;
    ret_privs[0] = 0;
    if (!open) {
        return missing_on(message, ret_path, path_size, ret_privs, privs_size);
    }
    open += strlen("Permission check failed (");
    comma = strstr(open, ", ");
    close = comma ? strchr(comma, ')') : NULL;
    if (!close || open[0] != '/') {
        return false;
    }
    path_len = (size_t)(comma - open);
    privs_len = (size_t)(close - comma) - 2;
    if (path_len >= path_size || privs_len == 0 || privs_len >= privs_size) {
        return false;
    }
    memcpy(ret_path, open, path_len);
    ret_path[path_len] = 0;
    memcpy(ret_privs, comma + 2, privs_len);
    ret_privs[privs_len] = 0;
    return true;
}

static bool says_absent(const char *message) {
    return strstr(message, "does not exist") || strstr(message, "no such ") ||
           strstr(message, "unable to find configuration file");
}

/* A backup server answers some of its refusals with a 400. */
static int meant(int status, const char *message) {
    return status == 400 && strncmp(message, "missing permissions '", 21) == 0 ? 403 : status;
}

static const char *tag_of(int status, const char *message) {
    switch (status) {
    case 400:
        return "pve_bad_request";
    case 401:
        return "pve_unauthorized";
    case 403:
        return "pve_denied";
    case 404:
        return "pve_not_found";
    case 595:
    case 596:
    case 597:
    case 598:
    case 599:
        return "pve_unreachable";
    default:
        break;
    }
    if (status >= 500) {
        return says_absent(message) ? "pve_not_found" : "pve_error";
    }
    return status > 400 ? "pve_bad_request" : "pve_bad_answer";
}

static int code_of(int status) {
    return status == 401 || status == 403  ? -EACCES
           : status == 400                 ? -EINVAL
           : status >= 595 && status < 600 ? -EHOSTUNREACH
           : status >= 400                 ? -EREMOTEIO
                                           : -EPROTO;
}

static void hint_of(int answered, const char *message, struct err *e) {
    int status = meant(answered, message);
    char path[160];
    char privs[120];

    if (status == 401) {
        (void)err_hint(e, "the API does not know this token: check the token file, the token's "
                          "expiry and whether its user is enabled");
    } else if (status == 403 &&
               pve_permissions_hint(message, path, sizeof(path), privs, sizeof(privs))) {
        (void)err_hint(e, "the token needs %s%s on %s", strchr(privs, '|') ? "one of " : "", privs,
                       path);
    } else if (status == 403) {
        (void)err_hint(e, "the token lacks a privilege for this; see its permissions");
    } else if (status >= 595 && status < 600) {
        (void)err_hint(e, "the API answered, but could not reach the node that is meant");
    } else if (status >= 300 && status < 400) {
        (void)err_hint(e, "redirects are not followed: name the API itself in base-url");
    }
}

/* "vmid: invalid format; memory: too small" */
static void errors_text(const js *errors, char *ret, size_t size) {
    size_t at = 0;

    ret[0] = 0;
    if (!js_is_object(errors)) {
        return;
    }
    JS_FOREACH(errors, key, value) {
        char name[64];
        char text[160] = "";
        int n;

        answer_clean(key, strlen(key), name, sizeof(name));
        if (js_is_str(value)) {
            answer_clean(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                         text, sizeof(text));
        }
        if (at + strlen(name) + strlen(text) + 8 >= size) {
            (void)snprintf(ret + at, size - at, "; …");
            return;
        }
        n = snprintf(ret + at, size - at, "%s%s: %s", at ? "; " : "", name, text);
        at += n > 0 ? (size_t)n : 0;
    }
}

/* what: "GET /nodes/pve1/qemu/104/agent/info". PVE passes on what a VM's agent says, and the agent
 * is the guest's. */
static bool is_of_an_agent(const char *what) {
    const char *vm = strstr(what, "/qemu/");

    return vm && strstr(vm, "/agent");
}

static void answered(int status, const char *what, struct err *e) {
    if (e) {
        e->http_status = status;
        e->guest_text = is_of_an_agent(what);
    }
    err_by(e, "pve");
}

/* text: the body of a backup server, which says what is wrong in plain text although it calls it
 * JSON; its reason phrase is only the status in words. A page is no message. */
static bool is_plain(const char *text, size_t len) {
    const char *p = memchr(text, '<', len);

    return len > 0 && len < 4096 && !p;
}

static int answer_error(int status, const char *reason, const js *body, const char *text,
                        size_t len, const char *what, struct err *e) {
    char message[240] = "";
    char errors[200];
    char phrase[160];
    char request[100];
    int r;

    clean_member(body, "message", message, sizeof(message));
    answer_clean(reason, strlen(reason), phrase, sizeof(phrase));
    answer_clean(what, strlen(what), request, sizeof(request));
    if (!message[0] && !body && is_plain(text, len)) {
        answer_clean(text, len, message, sizeof(message));
    }
    if (!message[0]) {
        (void)snprintf(message, sizeof(message), "%s", phrase);
    }
    errors_text(js_get(body, "errors"), errors, sizeof(errors));
    r = meant(status, message);
    (void)err_tag(e, code_of(r), tag_of(r, message), "%s: HTTP %d %.*s%s%s", request, status,
                  errors[0] ? 100 : 239, message, errors[0] ? " " : "", errors);
    hint_of(status, message, e);
    answered(status, what, e);
    return code_of(r);
}

int answer_read(int status, const char *reason, const char *body, size_t len, const char *what,
                js **ret_body, struct err *e) {
    return answer_read_rows(status, reason, body, len, NULL, what, ret_body, e);
}

int answer_read_rows(int status, const char *reason, const char *body, size_t len,
                     const char *const *only, const char *what, js **ret_body, struct err *e) {
    CLEANUP(js_freep) js *v = NULL;
    struct err why = {0};
    int r = len > 0 ? js_parse_rows(body, len, only, &v, &why) : -ENODATA;

    *ret_body = NULL;
    if (r == 0 && !js_is_object(v)) {
        js_freep(&v);
        r = -EBADMSG;
        (void)err_set(&why, r, "not an object");
    }
    if (status < 200 || status >= 300) {
        r = answer_error(status, reason, v, body, len, what, e);
        *ret_body = TAKE(v);
        return r;
    }
    if (r == 0 && !json_object_object_get_ex(v, "data", NULL)) { /* null is one, nothing is none */
        r = err_set(&why, -EBADMSG, "there is no \"data\" in it");
    }
    if (r < 0) {
        (void)err_tag(e, -EBADMSG, "pve_bad_answer",
                      "%.100s: HTTP %d, but the body is no API answer: %.200s", what, status,
                      len == 0 ? "it is empty" : why.msg);
        (void)err_hint(e, "is base-url the API of a Proxmox VE node or backup server?");
        answered(status, what, e);
        return -EBADMSG;
    }
    *ret_body = TAKE(v);
    return 0;
}
