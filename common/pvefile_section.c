/* SPDX-License-Identifier: Apache-2.0 */
/* "type: id" with indented "key value" lines, as storage, jobs, replication, HA and SDN keep them;
 * "key: value" files; and the crontab that backup jobs were in before PVE 7. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "common/pvefile_int.h"

enum head {
    HEAD_TYPE, /* "type: id" */
    HEAD_SID,  /* the same, and both are the name */
    HEAD_BARE, /* "id" */
};

/* "id" alone at the beginning of a line, as mappings have it. */
static js *open_bare(struct pve_text *t, js *all, const char *s, size_t n) {
    CLEANUP(js_freep) js *name = NULL;

    if (n > 90 || pve_word(s, n) < n) {
        pve_note(t, "is no head of a section");
        return NULL;
    }
    name = pve_value(t, s, n);
    if (js_get(all, json_object_get_string(name))) {
        pve_note(t, "%.80s is there twice", json_object_get_string(name));
    }
    js_add(all, json_object_get_string(name), js_object());
    return js_get(all, json_object_get_string(name));
}

static js *open_section(struct pve_text *t, js *all, bool with_sid, const char *s, size_t n) {
    const char *colon = memchr(s, ':', n);
    size_t type_len = colon ? (size_t)(colon - s) : 0;
    size_t skip = colon ? type_len + 1 + pve_blanks(colon + 1, n - type_len - 1) : n;
    CLEANUP(js_freep) js *name = NULL;
    js *section;
    char type[64];
    char id[160];

    if (!type_len || type_len >= sizeof(type) || skip >= n || n - skip > 90 ||
        pve_word(s, type_len) < type_len || pve_word(s + skip, n - skip) < n - skip) {
        pve_note(t, "is no head of a section");
        return NULL;
    }
    (void)snprintf(type, sizeof(type), "%.*s", (int)type_len, s);
    (void)snprintf(id, sizeof(id), "%s%s%.*s", with_sid ? type : "", with_sid ? ":" : "",
                   (int)(n - skip), s + skip);
    name = pve_value(t, id, strlen(id));
    section = js_object();
    if (!with_sid) {
        js_add(section, "type", pve_value(t, type, type_len));
    }
    if (js_get(all, json_object_get_string(name))) {
        pve_note(t, "%.80s is there twice", json_object_get_string(name));
    }
    js_add(all, json_object_get_string(name), section);
    return section;
}

/* A key that is there several times has all its values. */
static void add_value(js *section, bool lists, const char *s, size_t key, js *value) {
    CLEANUP(js_freep) js *name = NULL;
    js *list;

    if (!lists) {
        pve_add(section, s, key, value);
        return;
    }
    name = js_str_n(s, key);
    list = js_get(section, json_object_get_string(name));
    if (!js_is_array(list)) { /* "type" of the head is a text: a line of that name replaces it */
        list = js_array();
        js_add(section, json_object_get_string(name), list);
    }
    js_push(list, value);
}

static js *read_sections(const char *text, size_t len, enum head head, bool lists, js *notes) {
    struct pve_text t = {.text = text, .len = len, .notes = notes};
    js *all = js_object();
    js *section = NULL;
    const char *s;
    size_t n;

    while (pve_line(&t, &s, &n)) {
        size_t skip = pve_blanks(s, n);
        size_t key, value;

        if (skip == 0) {
            section = *s == '#'           ? section
                      : head == HEAD_BARE ? open_bare(&t, all, s, n)
                                          : open_section(&t, all, head == HEAD_SID, s, n);
            continue;
        }
        s += skip;
        n -= skip;
        key = pve_word(s, n);
        value = key + pve_blanks(s + key, n - key);
        if (*s == '#') {
            continue;
        }
        if (section) {
            add_value(section, lists, s, key,
                      value < n ? pve_value(&t, s + value, n - value) : js_str("1"));
        } else {
            pve_note(&t, "stands outside of a section");
        }
    }
    return all;
}

js *pvefile_sections(const char *text, size_t len, bool with_sid, js *notes) {
    return read_sections(text, len, with_sid ? HEAD_SID : HEAD_TYPE, false, notes);
}

js *pvefile_lists(const char *text, size_t len, bool typed, js *notes) {
    return read_sections(text, len, typed ? HEAD_TYPE : HEAD_BARE, true, notes);
}

js *pvefile_options(const char *text, size_t len, js *notes) {
    struct pve_text t = {.text = text, .len = len, .notes = notes};
    js *o = js_object();
    js *description = js_array();
    const char *s;
    size_t n;

    while (pve_line(&t, &s, &n)) {
        const char *colon = memchr(s, ':', n);
        size_t key = colon ? (size_t)(colon - s) : 0;
        size_t skip = colon ? key + 1 + pve_blanks(colon + 1, n - key - 1) : n;

        if (*s == '#') {
            js_push(description, pve_decoded(&t, s + 1, n - 1));
        } else if (key && pve_word(s, key) == key && skip < n) {
            pve_add(o, s, key, pve_value(&t, s + skip, n - skip));
        } else {
            pve_note(&t, "is no \"key: value\"");
        }
    }
    if (js_len(description) > 0) {
        js_add(o, "#", description);
    } else {
        js_freep(&description);
    }
    return o;
}

/* "--storage nas --mode snapshot --all 1", or "--quiet" alone. */
static void cron_options(const struct pve_text *t, js *job, const char *s, size_t n) {
    while (n) {
        size_t word = pve_word(s, n);
        size_t next = word + pve_blanks(s + word, n - word);

        if (word > 2 && s[0] == '-' && s[1] == '-') {
            size_t value = next < n && s[next] != '-' ? pve_word(s + next, n - next) : 0;

            pve_add(job, s + 2, word - 2, value ? pve_value(t, s + next, value) : js_str("1"));
            next += value;
        } else { /* guests stand without an option */
            const char *have = js_str_or(job, "vmid", "");
            char list[512];

            (void)snprintf(list, sizeof(list), "%s%s%.*s", have, *have ? "," : "", (int)word, s);
            js_add(job, "vmid", js_str_n(list, strlen(list)));
        }
        next += pve_blanks(s + next, n - next);
        s += next;
        n -= next;
    }
}

static bool cron_number(const char *s, size_t len, int max, int *ret) {
    int v = 0;

    if (len == 0 || len > 2) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }
        v = v * 10 + (s[i] - '0');
    }
    *ret = v;
    return v <= max;
}

/* The command with or without its path; a '#' before its name switches the job off. */
static bool is_vzdump(const char *s, size_t n, bool *ret_off) {
    for (size_t i = n; i > 0; i--) {
        if (s[i - 1] == '/' && s[0] == '/') {
            s += i;
            n -= i;
            break;
        }
    }
    *ret_off = n > 0 && *s == '#';
    return pve_is(s + *ret_off, n - *ret_off, "vzdump");
}

/* minute hour * * days root vzdump … */
static js *cron_job(const struct pve_text *t, const char *s, size_t n) {
    bool off = false;
    const char *field[7];
    size_t field_len[7];
    size_t at = 0;
    int minute = 0, hour = 0;
    char start[24];
    js *job;

    for (size_t i = 0; i < ARRAY_LEN(field); i++) {
        at += pve_blanks(s + at, n - at);
        field[i] = s + at;
        field_len[i] = pve_word(s + at, n - at);
        at += field_len[i];
    }
    if (!cron_number(field[0], field_len[0], 59, &minute) ||
        !cron_number(field[1], field_len[1], 23, &hour) ||
        !is_vzdump(field[6], field_len[6], &off)) {
        return NULL;
    }
    job = js_object();
    (void)snprintf(start, sizeof(start), "%02d:%02d", hour, minute);
    js_add(job, "starttime", js_str(start));
    js_add(job, "dow",
           field_len[4] == 1 && *field[4] == '*' ? js_str("mon,tue,wed,thu,fri,sat,sun")
                                                 : pve_value(t, field[4], field_len[4]));
    js_add(job, "enabled", js_str(off ? "0" : "1"));
    at += pve_blanks(s + at, n - at);
    cron_options(t, job, s + at, n - at);
    return job;
}

js *pvefile_cron(const char *text, size_t len, js *notes) {
    struct pve_text t = {.text = text, .len = len, .notes = notes};
    js *list = js_array();
    const char *s;
    size_t n;

    while (pve_line(&t, &s, &n)) {
        js *job = cron_job(&t, s, n);

        if (job) {
            js_addf(job, "id", "cron-%u", (unsigned int)js_len(list) + 1);
            js_push(list, job);
        } else if (*s != '#' && !memchr(s, '=', pve_word(s, n))) {
            pve_note(&t, "is no backup job");
        }
    }
    return list;
}
