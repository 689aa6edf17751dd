/* SPDX-License-Identifier: Apache-2.0 */
/* Undo: what it sends is what the original plan showed; what happened since is named; what cannot
 * be is refused. Each case plans, changes the world as the change would, and plans the undo. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/undo/undo.h"
#include "tests/unit/tools/lab.h"
#include "tests/unit/tools/world.h"

static js *plan(const char *row, const char *args) {
    CLEANUP(js_freep) js *v = lab_json(args);
    struct err e = {0};
    js *ret = NULL;

    ck_assert_msg(world_plan(row, v, &ret, &e) == 0, "%s %s: %s", row, args, e.msg);
    js_add(ret, "args", TAKE(v));
    return ret;
}

static js *undo(const js *p, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *outcome = lab_json("{\"result\":\"done\"}");
    struct draft *d = world_draft(args);
    int r = undo_plan(d, p, outcome, e);
    js *ret = world_draft_take(d);

    if (r < 0) {
        json_object_put(ret);
        return NULL;
    }
    return ret;
}

static js *undo_ok(const js *p) {
    struct err e = {0};
    js *u = undo(p, &e);

    ck_assert_msg(u != NULL, "%s (%s)", e.msg, e.tag);
    return u;
}

static void undo_refused(const js *p, const char *tag) {
    struct err e = {0};

    ck_assert_ptr_null(undo(p, &e));
    ck_assert_str_eq(e.tag, tag);
}

static const js *request(const js *p, const char *phase, size_t i) {
    const js *list = js_get(p, "requests");

    for (size_t k = 0; k < js_len(list); k++) {
        if (strcmp(js_str_or(js_at(list, k), "phase", ""), phase) == 0 && i-- == 0) {
            return js_at(list, k);
        }
    }
    return NULL;
}

/* The execute phase of the undo is the undo phase of the plan, but for the phase's name. */
static void same_requests(const js *p, const js *u, size_t first) {
    for (size_t i = first;; i++) {
        const js *a = request(p, "undo", i), *b = request(u, "execute", i - first);
        CLEANUP(js_freep) js *x = NULL;

        if (!a || !b) {
            ck_assert(!a && !b);
            ck_assert_uint_gt(i, first);
            return;
        }
        x = js_copy(a);
        js_add(x, "phase", js_str("execute"));
        ck_assert_msg(js_eq(x, b), "%s", js_str_or(b, "path", ""));
    }
}

static bool has_effect(const js *p, const char *effect, const char *via) {
    const js *list = js_get(p, "affected");

    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "effect", ""), effect) == 0 &&
            (!via || strcmp(js_str_or(js_at(list, i), "via", ""), via) == 0)) {
            return true;
        }
    }
    return false;
}

START_TEST(power_goes_back) {
    CLEANUP(js_freep) js *p = plan("pve_guest_power", "{\"vmid\":105,\"action\":\"stop\"}");

    undo_refused(p, "no_change"); /* it still runs */
    world_set("/nodes/n1/lxc/105/status/current",
              "{\"status\":\"stopped\",\"ha\":{\"managed\":0}}");
    {
        CLEANUP(js_freep) js *u = undo_ok(p);

        same_requests(p, u, 0);
        ck_assert_ptr_nonnull(request(u, "undo", 0));
        ck_assert_uint_ge(js_len(js_get(u, "preconditions")), 1);
    }
    world_set("/cluster/resources?type=vm",
              "[{\"vmid\":105,\"type\":\"lxc\",\"node\":\"n2\",\"status\":\"stopped\"}]");
    world_set("/nodes/n2/lxc/105/status/current",
              "{\"status\":\"stopped\",\"ha\":{\"managed\":0}}");
    undo_refused(p, "undo_gone");
}
END_TEST

#define CONFIG_AFTER                                                                               \
    "{\"digest\":\"a2\",\"hostname\":\"web\",\"memory\":1024,\"swap\":256,\"onboot\":1,"           \
    "\"rootfs\":\"btr:105/vm-105-disk-0.raw,size=4G\"}"

START_TEST(configuration_goes_back) {
    CLEANUP(js_freep)
    js *p = plan("pve_guest_config_set",
                 "{\"vmid\":105,\"set\":{\"memory\":1024,\"swap\":256},\"delete\":[\"cores\"]}");

    world_set("/nodes/n1/lxc/105/config", CONFIG_AFTER);
    {
        CLEANUP(js_freep) js *u = undo_ok(p);
        CLEANUP(js_freep)
        js *redo = lab_json(
            "{\"memory\":1024,\"swap\":256,\"delete\":\"cores\",\"digest\":{\"late\":\"digest\"}}");

        same_requests(p, u, 0);
        ck_assert(!has_effect(u, "loses-data", NULL));
        ck_assert_msg(js_eq(js_get(request(u, "undo", 0), "form"), redo), "%s",
                      js_str_or(request(u, "undo", 0), "path", ""));
    }
}
END_TEST

START_TEST(what_others_changed_since_is_named) {
    CLEANUP(js_freep)
    js *p = plan("pve_guest_config_set",
                 "{\"vmid\":105,\"set\":{\"memory\":1024,\"swap\":256},\"delete\":[\"cores\"]}");

    world_set("/nodes/n1/lxc/105/config",
              "{\"digest\":\"a3\",\"memory\":2048,\"swap\":256,\"cores\":4}");
    {
        CLEANUP(js_freep) js *u = undo_ok(p);

        ck_assert(has_effect(u, "loses-data", "memory"));
        ck_assert(has_effect(u, "loses-data", "cores"));
        ck_assert(!has_effect(u, "loses-data", "swap"));
        ck_assert_str_eq(js_str_or(u, "risk", ""), "high");
    }
    world_fail("/nodes/n1/lxc/105/config", 500, "pve_error");
    undo_refused(p, "undo_gone");
}
END_TEST

START_TEST(storage_comes_back) {
    CLEANUP(js_freep) js *p = plan("pve_storage_delete", "{\"storage\":\"btr\"}");

    undo_refused(p, "already_exists");
    world_set("/storage", "[{\"storage\":\"local\",\"type\":\"dir\"}]");
    {
        CLEANUP(js_freep) js *u = undo_ok(p);

        same_requests(p, u, 0);
        ck_assert_str_eq(js_str_or(request(u, "undo", 0), "method", ""), "DELETE");
    }
}
END_TEST

START_TEST(a_storage_in_use_does_not_go_quietly) {
    CLEANUP(js_freep)
    js *p = plan("pve_storage_create",
                 "{\"storage\":\"new\",\"type\":\"dir\",\"set\":{\"path\":\"/x\"}}");

    world_set("/storage/new",
              "{\"storage\":\"new\",\"type\":\"dir\",\"path\":\"/x\",\"digest\":\"6\"}");
    world_set("/storage", "[{\"storage\":\"btr\",\"type\":\"btrfs\"},"
                          "{\"storage\":\"new\",\"type\":\"dir\",\"path\":\"/x\"}]");
    world_set("/nodes/n1/storage/new/content", "[]");
    world_set("/nodes/n2/storage/new/content", "[]");
    world_set(
        "/nodes/n2/qemu/104/config",
        "{\"digest\":\"cc\",\"boot\":\"order=scsi0\",\"scsi0\":\"new:104/vm-104-disk-0.raw\"}");
    {
        CLEANUP(js_freep) js *u = undo_ok(p);

        same_requests(p, u, 0);
        ck_assert(has_effect(u, "wont-boot", NULL));
        ck_assert_str_eq(js_str_or(u, "risk", ""), "high");
    }
}
END_TEST

START_TEST(a_rollback_goes_back_after_keeping_the_present) {
    CLEANUP(js_freep) js *p = plan("pve_rollback", "{\"vmid\":105,\"snapname\":\"good\"}");
    const char *safety = js_get_str(js_get(request(p, "prepare", 0), "form"), "snapname");
    char list[300], config[128];

    undo_refused(p, "undo_gone"); /* the safety snapshot is not in the list */
    (void)snprintf(
        list, sizeof(list),
        "[{\"name\":\"good\"},{\"name\":\"%s\",\"parent\":\"later\",\"snaptime\":1700000200},"
        "{\"name\":\"current\",\"parent\":\"good\"}]",
        safety);
    (void)snprintf(config, sizeof(config), "/nodes/n1/lxc/105/config?snapshot=%s", safety);
    world_set("/nodes/n1/lxc/105/snapshot", list);
    world_set(config, "{\"memory\":512,\"rootfs\":\"btr:105/vm-105-disk-0.raw\"}");
    {
        CLEANUP(js_freep) js *u = undo_ok(p);
        const char *kept = js_get_str(js_get(request(u, "prepare", 0), "form"), "snapname");

        same_requests(p, u, 0);
        ck_assert(kept && strcmp(kept, safety) != 0);
        ck_assert_ptr_nonnull(request(u, "undo", 0));
    }
}
END_TEST

START_TEST(a_command_is_undone_by_the_approved_bytes) {
    CLEANUP(js_freep) js *p = plan("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"]}");
    CLEANUP(js_freep) js *u = undo_ok(p);

    same_requests(p, u, 0);
    ck_assert(has_effect(u, "reverted", NULL) && has_effect(u, "interrupted", NULL));
    world_set("/nodes/n1/lxc/105/status/current",
              "{\"status\":\"stopped\",\"ha\":{\"managed\":0}}");
    {
        CLEANUP(js_freep) js *stopped = undo_ok(p);

        same_requests(p, stopped, 1); /* nothing to stop, nothing else left out */
    }
    world_node("n1", "{\"allowed\":false,\"code\":\"no_rule\",\"why\":\"no rule\"}");
    undo_refused(p, "policy_denied");
}
END_TEST

START_TEST(no_way_back_is_said) {
    CLEANUP(js_freep) js *p = plan("pve_snapshot_delete", "{\"vmid\":105,\"snapname\":\"good\"}");
    CLEANUP(js_freep)
    js *made = plan("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"new1\"}");
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *never = lab_json("{\"result\":\"not-started\"}");
    struct draft *d = world_draft(args);
    struct err e = {0};

    undo_refused(p, "undo_none");
    undo_refused(made, "no_change");
    ck_assert_int_lt(undo_plan(d, made, never, &e), 0);
    ck_assert_str_eq(e.tag, "undo_not_done");
    json_object_put(world_draft_take(d));
}
END_TEST

int main(void) {
    Suite *s = suite_create("undo");
    TCase *t = tcase_create("kinds");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, lab_fill, NULL);
    tcase_add_test(t, power_goes_back);
    tcase_add_test(t, configuration_goes_back);
    tcase_add_test(t, what_others_changed_since_is_named);
    tcase_add_test(t, storage_comes_back);
    tcase_add_test(t, a_storage_in_use_does_not_go_quietly);
    tcase_add_test(t, a_rollback_goes_back_after_keeping_the_present);
    tcase_add_test(t, a_command_is_undone_by_the_approved_bytes);
    tcase_add_test(t, no_way_back_is_said);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    world_reset();
    return failed ? 1 : 0;
}
