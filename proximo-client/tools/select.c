/* SPDX-License-Identifier: Apache-2.0 */
/* Which guests a step means. A selector is resolved once, when the plan is made, into the exact
 * list that stands in the plan: what is tagged or moved afterwards is not dragged in. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/policy_rules.h"
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

/* Numbers and ranges only: "*" would be every guest, and that nobody writes by mistake. */
static bool are_ranges(const char *list) {
    return !list[strspn(list, "0123456789-, ")] && vmid_list_check(list) == 0;
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
    return ranges && !are_ranges(ranges) ? bad(e, "vmids is not a list of numbers and ranges") : 0;
}

static bool same(const js *select, const char *key, const js *guest, const char *member) {
    const char *want = js_get_str(select, key);

    return !want || strcmp(want, js_str_or(guest, member, "")) == 0;
}

static bool matches(const js *select, const js *guest) {
    const char *ranges = js_get_str(select, "vmids"), *tag = js_get_str(select, "tag");
    uint64_t vmid = (uint64_t)js_int_or(guest, "vmid", 0);

    return (!ranges || (vmid <= VMID_MAX && vmid_list_has(ranges, (uint32_t)vmid))) &&
           (!tag || words_have(js_str_or(guest, "tags", ""), tag)) &&
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
