/* SPDX-License-Identifier: Apache-2.0 */
/* Backup archives as a storage lists them. What a prune may touch is decided by the name alone:
 * "vzdump-qemu-100-2026_01_31-23_59_59.vma.zst" in a directory, "vm/100/2026-01-31T23:59:59Z" on a
 * backup server. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/own.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/blast/retention.h"

/* Reads exactly `n` digits. */
static bool digits(const char **s, size_t n, int *ret) {
    int v = 0;

    for (size_t i = 0; i < n; i++) {
        if ((*s)[i] < '0' || (*s)[i] > '9') {
            return false;
        }
        v = v * 10 + ((*s)[i] - '0');
    }
    *s += n;
    *ret = v;
    return true;
}

/* "YYYY?MM?DD?HH?MM?SS" with the given separators. */
static bool moment(const char **s, const char *separators, int64_t *ret) {
    struct tm tm = {0};
    int *const to[] = {&tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec};
    struct tm same;
    time_t t;

    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        if (!digits(s, i == 0 ? 4 : 2, to[i]) || (i < 5 && *(*s)++ != separators[i])) {
            return false;
        }
    }
    tm.tm_year -= 1900;
    tm.tm_mon--;
    same = tm;
    t = timegm(&tm);
    /* the 31st of February is no name that vzdump would give; nor is a time before computers */
    if (t < 0 || tm.tm_mon != same.tm_mon || tm.tm_mday != same.tm_mday ||
        tm.tm_hour != same.tm_hour || tm.tm_min != same.tm_min) {
        return false;
    }
    *ret = (int64_t)t;
    return true;
}

static bool vmid_at(const char **s, char end, int64_t *ret) {
    size_t n = strspn(*s, "0123456789");
    int64_t v = 0;

    if (n < 3 || n > 9 || **s == '0' || (*s)[n] != end) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        v = v * 10 + ((*s)[i] - '0');
    }
    *s += n + 1;
    *ret = v;
    return true;
}

static bool is_extension(const char *s) {
    static const char *const known[] = {".tgz",     ".tar",     ".vma",     ".tar.gz",
                                        ".tar.lzo", ".tar.zst", ".tar.bz2", ".vma.gz",
                                        ".vma.lzo", ".vma.zst", ".vma.bz2"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(s, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* name: after the last slash. */
static bool parse_file(const char *name, struct archive *a) {
    static const char *const types[] = {"qemu", "lxc", "openvz"};
    const char *s = name;

    if (strncmp(s, "vzdump-", 7) != 0) {
        return false;
    }
    s += 7;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t n = strlen(types[i]);

        if (strncmp(s, types[i], n) == 0 && s[n] == '-') {
            memcpy(a->type, types[i], n + 1);
            s += n + 1;
            return vmid_at(&s, '-', &a->vmid) && moment(&s, "__-__", &a->local) && is_extension(s);
        }
    }
    return false;
}

/* name: after "backup/". */
static bool parse_server(const char *name, struct archive *a) {
    const char *s = name + 3;

    if (strncmp(name, "vm/", 3) != 0 && strncmp(name, "ct/", 3) != 0) {
        return false;
    }
    memcpy(a->type, name[0] == 'v' ? "qemu" : "lxc", name[0] == 'v' ? 5 : 4);
    a->is_utc = true;
    return vmid_at(&s, '/', &a->vmid) && moment(&s, "--T::", &a->local) && strcmp(s, "Z") == 0;
}

bool archive_of(const js *row, const char *storage, const char *node, struct archive *ret) {
    struct archive a = {.volid = js_str_or(row, "volid", ""), .storage = storage, .node = node};
    const char *name = strchr(a.volid, ':');
    const char *slash = strrchr(a.volid, '/');

    if (strcmp(js_str_or(row, "content", ""), "backup") != 0) {
        return false;
    }
    a.is_grouped = name && strncmp(name, ":backup/", 8) == 0 && parse_server(name + 8, &a);
    if (!a.is_grouped) {
        a.is_utc = false;
        a.is_grouped = parse_file(slash ? slash + 1 : name ? name + 1 : a.volid, &a);
    }
    if (!a.type[0]) {
        memcpy(a.type, "unknown", sizeof("unknown"));
    }
    a.vmid = js_int_or(row, "vmid", a.vmid);
    a.ctime = js_int_or(row, "ctime", a.local);
    a.mark = js_bool_or(row, "protected", false) ? MARK_PROTECTED
             : a.is_grouped                      ? MARK_NONE
                                                 : MARK_RENAMED;
    *ret = a;
    return true;
}

static int by_guest(const void *x, const void *y) {
    const struct archive *a = x;
    const struct archive *b = y;
    int r = (a->vmid > b->vmid) - (a->vmid < b->vmid);

    r = r != 0 ? r : (a->ctime < b->ctime) - (a->ctime > b->ctime);
    return r != 0 ? r : (a->at > b->at) - (a->at < b->at);
}

static void add_list(const struct picture *p, const struct content *c, struct archives *ret) {
    const struct store *s = picture_store(p, c->storage);

    /* a shared storage shows the same archives on every node */
    for (size_t i = 0; s && s->shared && i < ret->n; i++) {
        if (strcmp(ret->v[i].storage, c->storage) == 0 && strcmp(ret->v[i].node, c->node) != 0) {
            return;
        }
    }
    for (size_t i = 0; i < js_len(c->list); i++) {
        struct archive *a = &ret->v[ret->n];

        if (archive_of(js_at(c->list, i), c->storage, c->node, a)) {
            a->at = ret->n++;
        }
    }
}

/* A storage that takes no backups hides none. */
static bool may_hold(const struct picture *p, const char *storage) {
    const struct store *s = picture_store(p, storage);

    return !s || words_have(js_str_or(s->def, "content", "backup"), "backup");
}

void archives_find(const struct picture *p, struct archives *ret) {
    const struct content *lists[2];
    const size_t n[2] = {picture_contents(p, &lists[0]), picture_archives(p, &lists[1])};
    size_t room = 1;

    *ret = (struct archives){0};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < n[k]; i++) {
            const struct content *c = lists[k] + i;

            room += js_len(c->list);
            if (!ret->unseen && c->part.state != PART_READ && may_hold(p, c->storage)) {
                ret->unseen = &c->part;
            }
        }
    }
    ret->v = calloc(room, sizeof(*ret->v));
    if (!ret->v) {
        abort();
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < n[k]; i++) {
            add_list(p, &lists[k][i], ret);
        }
    }
    if (ret->n > 1) {
        qsort(ret->v, ret->n, sizeof(*ret->v), by_guest);
    }
}

void archives_done(struct archives *a) {
    free(a->v);
}

const struct archive *archives_of(const struct archives *a, int64_t vmid, size_t *ret_n) {
    size_t lo = 0;
    size_t hi = a->n;
    size_t end;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (a->v[mid].vmid < vmid) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    for (end = lo; end < a->n && a->v[end].vmid == vmid; end++) {
    }
    *ret_n = end - lo;
    return end > lo ? &a->v[lo] : NULL;
}
