/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of a step that name what an earlier one makes. All that can be known when the plan is
 * made is put in then, so that the exact requests stand in it: a number that is free, the number a
 * copy will have, the name of a storage. What PVE only tells when it is done becomes a late value
 * (pipeline/late.h). */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/steps.h"

static int bad_ref(const char *what, struct err *e) {
    (void)err_tag(e, -EINVAL, "bad_argument", "%.200s", what);
    return err_hint(
        e, "{\"next\": \"vmid\"}, or {\"step\": 1, \"value\": \"vmid\"}: an argument of an "
           "earlier step, vmid of what it makes, or archive of a backup");
}

static bool is_next(const js *v) {
    return js_is_object(v) && js_members(v) == 1 && js_get(v, "next");
}

static bool is_ref(const js *v) {
    return js_is_object(v) && js_members(v) == 2 && js_get(v, "step") && js_get(v, "value");
}

/* The guest that a step is about, or makes. */
static js *vmid_of(const js *step) {
    const js *args = js_get(step, "args");

    return js_get(args, "newid") ? js_get(args, "newid") : js_get(args, "vmid");
}

static bool is_taken(struct draft *d, const js *list, int64_t vmid) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "vmid", 0) == vmid) {
            return true;
        }
    }
    for (size_t i = 0; i < draft_steps(d); i++) {
        const js *args = js_get(draft_step(d, i), "args");

        if (js_int_or(args, "vmid", 0) == vmid || js_int_or(args, "newid", 0) == vmid) {
            return true;
        }
    }
    return false;
}

/* The cluster's next free number that no step of this plan has. That nobody else takes it meanwhile
 * is an observation of the row that makes the guest. */
static int next_vmid(struct draft *d, js **ret, struct err *e) {
    js *next = NULL, *list = NULL;
    CLEANUP(js_freep) js *one = js_object();
    int64_t vmid = 0;
    int r = draft_get(d, "/cluster/nextid", &next, e);

    r = r < 0 ? r : draft_get(d, "/cluster/resources?type=vm", &list, e);
    if (r < 0) {
        return err_wrap(e, "the next free vmid");
    }
    js_add(one, "vmid", js_ref(next));
    if (!js_get_int(one, "vmid", &vmid)) {
        return bad_answer("/cluster/nextid", e);
    }
    while (vmid <= VMID_MAX && is_taken(d, list, vmid)) {
        vmid++;
    }
    if (vmid < VMID_MIN || vmid > VMID_MAX) {
        return err_tag(e, -ENOSPC, "bad_argument", "no vmid is free");
    }
    *ret = js_int(vmid);
    return 0;
}

static int of_step(struct draft *d, const struct step_places *places, const js *ref, js **ret,
                   struct err *e) {
    const char *name = js_str_or(ref, "value", "");
    int64_t n = js_int_or(ref, "step", 0);
    const js *step, *v;
    const char *archive;

    if (n < 1 || (size_t)n > places->n) {
        return bad_ref("it names a step that does not come before it", e);
    }
    if (!places->at[n - 1]) {
        return bad_ref("it names a step that select made several of", e);
    }
    step = draft_step(d, places->at[n - 1] - 1);
    if (strcmp(name, "archive") == 0) {
        archive = draft_step_archive(d, (int64_t)places->at[n - 1]);
        *ret = archive ? js_str(archive) : NULL;
    } else {
        v = strcmp(name, "vmid") == 0 ? vmid_of(step) : js_get(js_get(step, "args"), name);
        *ret = v && !js_is_object(v) && !js_is_array(v) ? js_copy(v) : NULL;
    }
    return *ret ? 0 : bad_ref("that step has no such value", e);
}

static int put(struct draft *d, const struct step_places *places, const js *v, js **ret,
               struct err *e) {
    int r = 0;

    if (is_next(v)) {
        return strcmp(js_str_or(v, "next", ""), "vmid") == 0
                   ? next_vmid(d, ret, e)
                   : bad_ref("only vmid can be the next free one", e);
    }
    if (is_ref(v)) {
        return of_step(d, places, v, ret, e);
    }
    if (!js_is_object(v)) {
        *ret = v ? js_copy(v) : NULL;
        return 0;
    }
    *ret = js_object();
    JS_FOREACH(v, key, val) {
        js *one = NULL;

        r = put(d, places, val, &one, e);
        if (r < 0) {
            (void)err_wrap(e, "%.60s", key);
            json_object_put(*ret);
            *ret = NULL;
            return r;
        }
        js_add(*ret, key, one);
    }
    return 0;
}

int step_refs(struct draft *d, const struct step_places *places, const js *args, js **ret,
              struct err *e) {
    return put(d, places, args, ret, e);
}
