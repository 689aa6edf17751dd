/* SPDX-License-Identifier: Apache-2.0 */
/* Which guests a step means. A selector is resolved once, when the plan is made, into the exact
 * list that stands in the plan: what is tagged or moved afterwards is not dragged in. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/plans.h"

static const char *const keys[] = {"vmids", "tag", "pool", "node", "kind", "status", "name"};

static bool is_key(const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static int bad(struct err *e, const char *what) {
    (void)err_tag(e, -EINVAL, "bad_argument", "select: %.100s", what);
    return err_hint(
        e, "select takes vmids \"100-110,120\", tag, pool, node, kind, status, name; all that are "
           "given must hold");
}

/* 1 in the list, 0 not, -EINVAL malformed. */
static int in_ranges(const char *list, uint64_t vmid) {
    int hit = 0;

    while (*list) {
        size_t len = strcspn(list, ", ");
        const char *dash = memchr(list, '-', len);
        size_t first = dash ? (size_t)(dash - list) : len;
        uint64_t lo = 0, hi = 0;

        if (len) {
            if (ident_u64n(list, first, &lo) < 0 ||
                (dash && ident_u64n(dash + 1, len - first - 1, &hi) < 0)) {
                return -EINVAL;
            }
            hi = dash ? hi : lo;
            if (lo < VMID_MIN || hi > VMID_MAX || lo > hi) {
                return -EINVAL;
            }
            hit |= vmid >= lo && vmid <= hi;
        }
        list += len;
        list += strspn(list, ", ");
    }
    return hit;
}

int select_check(const js *select, struct err *e) {
    const char *ranges = js_get_str(select, "vmids");

    if (!js_members(select)) {
        return bad(e, "it names nothing");
    }
    JS_FOREACH(select, key, val) {
        if (!is_key(key) || !js_is_str(val) || !*json_object_get_string(val)) {
            return bad(e, key);
        }
    }
    return ranges && in_ranges(ranges, 0) < 0 ? bad(e, "vmids is not a list of numbers and ranges")
                                              : 0;
}

/* PVE separates tags by semicolons and takes commas and blanks, too. */
static bool has_tag(const char *tags, const char *tag) {
    size_t n = strlen(tag);

    while (*tags) {
        size_t len = strcspn(tags, ";, ");

        if (len == n && strncmp(tags, tag, n) == 0) {
            return true;
        }
        tags += len;
        tags += strspn(tags, ";, ");
    }
    return false;
}

static bool same(const js *select, const char *key, const js *guest, const char *member) {
    const char *want = js_get_str(select, key);

    return !want || strcmp(want, js_str_or(guest, member, "")) == 0;
}

static bool matches(const js *select, const js *guest) {
    const char *ranges = js_get_str(select, "vmids"), *tag = js_get_str(select, "tag");
    uint64_t vmid = (uint64_t)js_int_or(guest, "vmid", 0);

    return (!ranges || in_ranges(ranges, vmid) == 1) &&
           (!tag || has_tag(js_str_or(guest, "tags", ""), tag)) &&
           same(select, "pool", guest, "pool") && same(select, "node", guest, "node") &&
           same(select, "kind", guest, "type") && same(select, "status", guest, "status") &&
           same(select, "name", guest, "name");
}

static int by_vmid(const void *a, const void *b) {
    int64_t x = json_object_get_int64(*(js *const *)a), y = json_object_get_int64(*(js *const *)b);

    return x < y ? -1 : x > y;
}

int select_guests(struct draft *d, const js *select, js **ret, struct err *e) {
    CLEANUP(js_freep) js *out = js_array();
    js *list = NULL;
    int r = draft_read(d, "/cluster/resources?type=vm", "guests", &list, e);

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (matches(select, js_at(list, i))) {
            js_push(out, js_int(js_int_or(js_at(list, i), "vmid", 0)));
        }
    }
    if (!js_len(out)) {
        (void)err_tag(e, -ENOENT, "nothing_selected", "no guest that this token sees is selected");
        return err_hint(e, "pve_list_guests shows vmid, node, pool, tags and status of each");
    }
    json_object_array_sort(out, by_vmid);
    *ret = TAKE(out);
    return 0;
}
