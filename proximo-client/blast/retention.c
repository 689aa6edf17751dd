/* SPDX-License-Identifier: Apache-2.0 */
/* Which archives a prune keeps. PVE names a period by parts of the local time (hour/day/month/year,
 * ISO week and its year); here a period is a number, and because a group is sorted by time,
 * archives of one period stand side by side: no sets are needed. The local time of an archive is
 * the one in its name, so the node's time zone need not be known - except on a backup server, whose
 * names show UTC while the server prunes by its own zone: there every zone is tried. */
#include "proximo-client/blast/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ident.h"
#include "common/own.h"

enum { HOUR = 3600, DAY = 86400, ZONE_MIN = -12, ZONE_MAX = 14 }; /* zones there are, in hours */

const char *mark_name(enum mark m) {
    static const char *const names[] = {"", "keep", "remove", "protected", "renamed"};

    return names[m];
}

static struct tm calendar(int64_t local) {
    struct tm tm = {0};
    time_t t = (time_t)local;

    (void)gmtime_r(&t, &tm);
    return tm;
}

static int64_t by_second(int64_t t) {
    return t;
}
static int64_t by_hour(int64_t t) {
    return t / HOUR;
}
static int64_t by_day(int64_t t) {
    return t / DAY;
}
/* Weeks start on Monday; the first day of 1970 was a Thursday. */
static int64_t by_week(int64_t t) {
    return (t / DAY + 3) / 7;
}
static int64_t by_month(int64_t t) {
    struct tm tm = calendar(t);

    return (int64_t)tm.tm_year * 12 + tm.tm_mon;
}
static int64_t by_year(int64_t t) {
    return calendar(t).tm_year;
}

/* One rule over one group. */
static void mark_rule(struct archive *v, size_t n, int64_t count, int64_t (*period)(int64_t),
                      int64_t zone) {
    int64_t used = 0;

    for (size_t i = 0, end; count > 0 && i < n; i = end) {
        bool is_covered = false;
        bool is_taken = false;

        for (end = i; end < n && period(v[end].local + zone) == period(v[i].local + zone); end++) {
            is_covered = is_covered || v[end].mark == MARK_KEEP;
        }
        for (size_t k = i; k < end && !is_covered; k++) {
            if (v[k].mark != MARK_NONE) {
                continue;
            }
            if (is_taken) {
                v[k].mark = MARK_REMOVE;
                continue;
            }
            if (used == count) {
                return;
            }
            used++;
            is_taken = true;
            v[k].mark = MARK_KEEP;
        }
    }
}

static void mark_group(struct archive *v, size_t n, const struct keep *k, int64_t zone) {
    mark_rule(v, n, k->last, by_second, zone);
    mark_rule(v, n, k->hourly, by_hour, zone);
    mark_rule(v, n, k->daily, by_day, zone);
    mark_rule(v, n, k->weekly, by_week, zone);
    mark_rule(v, n, k->monthly, by_month, zone);
    mark_rule(v, n, k->yearly, by_year, zone);
    for (size_t i = 0; i < n; i++) {
        if (v[i].mark == MARK_NONE) {
            v[i].mark = keep_is_everything(k) ? MARK_KEEP : MARK_REMOVE;
        }
    }
}

static void unmark(struct archive *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (v[i].mark == MARK_KEEP || v[i].mark == MARK_REMOVE) {
            v[i].mark = MARK_NONE;
        }
    }
}

/* Marks of zone 0 stay; what another zone would mark otherwise is unsure. */
static void mark_all_zones(struct archive *v, size_t n, const struct keep *k) {
    enum mark *first = calloc(n, sizeof(*first));

    if (!first) {
        abort();
    }
    mark_group(v, n, k, 0);
    for (size_t i = 0; i < n; i++) {
        first[i] = v[i].mark;
    }
    for (int64_t zone = ZONE_MIN; zone <= ZONE_MAX; zone++) {
        unmark(v, n);
        mark_group(v, n, k, zone * HOUR);
        for (size_t i = 0; i < n; i++) {
            v[i].unsure = v[i].unsure || v[i].mark != first[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        v[i].mark = first[i];
    }
    free(first);
}

static int same_group(const struct archive *a, const struct archive *b) {
    int r = strcmp(a->type, b->type);

    return r != 0 ? r : (a->vmid > b->vmid) - (a->vmid < b->vmid);
}

static int by_group(const void *x, const void *y) {
    const struct archive *a = x;
    const struct archive *b = y;
    int r = b->is_grouped - a->is_grouped;

    r = r != 0 ? r : same_group(a, b);
    r = r != 0 ? r : (a->local < b->local) - (a->local > b->local);
    return r != 0 ? r : (a->at > b->at) - (a->at < b->at);
}

void retention_mark(struct archive *v, size_t n, const struct keep *k) {
    unmark(v, n);
    if (n > 1) {
        qsort(v, n, sizeof(*v), by_group);
    }
    for (size_t i = 0, end; i < n && v[i].is_grouped; i = end) {
        bool is_utc = false;

        for (end = i; end < n && v[end].is_grouped && same_group(&v[i], &v[end]) == 0; end++) {
            is_utc = is_utc || v[end].is_utc;
        }
        is_utc ? mark_all_zones(v + i, end - i, k) : mark_group(v + i, end - i, k, 0);
    }
}

static int keep_set(struct keep *k, const char *name, const char *value) {
    const struct {
        const char *name;
        int64_t *to;
    } rules[] = {{"keep-last", &k->last},       {"keep-hourly", &k->hourly},
                 {"keep-daily", &k->daily},     {"keep-weekly", &k->weekly},
                 {"keep-monthly", &k->monthly}, {"keep-yearly", &k->yearly}};
    uint64_t n = 0;

    if (strcmp(name, "keep-all") == 0) {
        k->all = strcmp(value, "1") == 0;
        return k->all || strcmp(value, "0") == 0 ? 0 : -EINVAL;
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strcmp(rules[i].name, name) == 0) {
            if (ident_u64(value, &n) < 0 || n > INT32_MAX) {
                return -EINVAL;
            }
            *rules[i].to = (int64_t)n;
            return 0;
        }
    }
    return -EINVAL;
}

static bool has_rule(const struct keep *k) {
    return k->last || k->hourly || k->daily || k->weekly || k->monthly || k->yearly;
}

bool keep_is_everything(const struct keep *k) {
    return k->all || !has_rule(k);
}

static int keep_of_object(const js *rules, struct keep *ret) {
    JS_FOREACH(rules, name, value) {
        int r = value ? keep_set(ret, name, json_object_get_string(value)) : -EINVAL;

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int keep_of_text(const char *s, struct keep *ret) {
    while (*s) {
        size_t len = strcspn(s, ",");
        char pair[64];
        char *eq;

        if (len >= sizeof(pair)) {
            return -EINVAL;
        }
        memcpy(pair, s, len);
        pair[len] = 0;
        eq = strchr(pair, '=');
        if (eq) {
            *eq = 0;
        }
        if (!eq || keep_set(ret, pair, eq + 1) < 0) {
            return -EINVAL;
        }
        s += len + (s[len] == ',');
    }
    return 0;
}

int keep_parse(const js *rules, struct keep *ret) {
    struct keep k = {0};
    int r = js_is_object(rules) ? keep_of_object(rules, &k)
            : js_is_str(rules)  ? keep_of_text(json_object_get_string((js *)(uintptr_t)rules), &k)
                                : -EINVAL;

    if (r < 0 || (k.all && has_rule(&k))) {
        return -EINVAL;
    }
    *ret = k;
    return 0;
}
