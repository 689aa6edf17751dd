/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: the exact requests, the way back, what is refused; and that every argument counts. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "tests/unit/tools/lab.h"
#include "tests/unit/tools/world.h"

static js *plan(const char *row, const char *args) {
    CLEANUP(js_freep) js *v = lab_json(args);
    struct err e = {0};
    js *ret = NULL;

    ck_assert_msg(world_plan(row, v, &ret, &e) == 0, "%s %s: %s (%s)", row, args, e.msg, e.tag);
    return ret;
}

static void refused(const char *row, const char *args, const char *tag) {
    CLEANUP(js_freep) js *v = lab_json(args);
    struct err e = {0};
    js *ret = NULL;

    ck_assert_msg(world_plan(row, v, &ret, &e) < 0, "%s %s was planned", row, args);
    ck_assert_msg(strcmp(e.tag, tag) == 0, "%s: %s, not %s", e.msg, e.tag, tag);
}

static const js *request(const js *plan, const char *phase, size_t i) {
    const js *list = js_get(plan, "requests");

    for (size_t k = 0; k < js_len(list); k++) {
        if (strcmp(js_str_or(js_at(list, k), "phase", ""), phase) == 0 && i-- == 0) {
            return js_at(list, k);
        }
    }
    return NULL;
}

static void sends(const js *plan, const char *phase, size_t i, const char *method, const char *path,
                  const char *form) {
    const js *q = request(plan, phase, i);
    CLEANUP(js_freep) js *want = lab_json(form);

    ck_assert_msg(q != NULL, "no %s request", phase);
    ck_assert_str_eq(js_str_or(q, "method", ""), method);
    ck_assert_str_eq(js_str_or(q, "path", ""), path);
    ck_assert_msg(js_eq(js_get(q, "form"), want), "%s",
                  json_object_to_json_string(js_get(q, "form")));
}

static const char *undo_kind(const js *plan) {
    return js_str_or(js_get(plan, "undo"), "kind", "");
}

START_TEST(power_has_its_inverse) {
    CLEANUP(js_freep) js *start = plan("pve_guest_power", "{\"vmid\":104,\"action\":\"start\"}");
    CLEANUP(js_freep)
    js *down = plan("pve_guest_power",
                    "{\"vmid\":105,\"action\":\"shutdown\",\"timeout\":30,\"force\":true}");
    CLEANUP(js_freep) js *boot = plan("pve_guest_power", "{\"vmid\":105,\"action\":\"reboot\"}");

    sends(start, "execute", 0, "POST", "/nodes/n2/qemu/104/status/start", "{}");
    sends(start, "undo", 0, "POST", "/nodes/n2/qemu/104/status/shutdown",
          "{\"forceStop\":true,\"timeout\":60}");
    sends(down, "execute", 0, "POST", "/nodes/n1/lxc/105/status/shutdown",
          "{\"timeout\":30,\"forceStop\":true}");
    sends(down, "undo", 0, "POST", "/nodes/n1/lxc/105/status/start", "{}");
    ck_assert_ptr_null(request(boot, "undo", 0));
    ck_assert_str_eq(undo_kind(boot), "none");
    ck_assert_uint_ge(js_len(js_get(down, "affected")), 1);
}
END_TEST

START_TEST(power_without_effect_is_refused) {
    refused("pve_guest_power", "{\"vmid\":105,\"action\":\"start\"}", "no_change");
    refused("pve_guest_power", "{\"vmid\":104,\"action\":\"stop\"}", "no_change");
    refused("pve_guest_power", "{\"vmid\":104,\"action\":\"reboot\"}", "bad_state");
    refused("pve_guest_power", "{\"vmid\":900,\"action\":\"start\"}", "bad_state");
    refused("pve_guest_power", "{\"vmid\":105,\"action\":\"stop\",\"timeout\":5}", "bad_argument");
    refused("pve_guest_power", "{\"vmid\":105,\"action\":\"reboot\",\"force\":true}",
            "bad_argument");
    refused("pve_guest_power", "{\"vmid\":107,\"action\":\"start\"}", "no_such_guest");
    refused("pve_guest_power", "{\"vmid\":105,\"node\":\"n2\",\"action\":\"stop\"}",
            "guest_mismatch");
    refused("pve_guest_power", "{\"vmid\":105,\"kind\":\"qemu\",\"action\":\"stop\"}",
            "guest_mismatch");
    world_set("/nodes/n1/lxc/105/status/current",
              "{\"status\":\"running\",\"lock\":\"backup\",\"ha\":{\"managed\":0}}");
    refused("pve_guest_power", "{\"vmid\":105,\"action\":\"stop\"}", "guest_locked");
}
END_TEST

START_TEST(config_set_restores_exactly) {
    CLEANUP(js_freep)
    js *p = plan(
        "pve_guest_config_set",
        "{\"vmid\":105,\"set\":{\"memory\":1024,\"swap\":256},\"delete\":[\"net0\",\"cores\"]}");

    sends(p, "execute", 0, "PUT", "/nodes/n1/lxc/105/config",
          "{\"memory\":1024,\"swap\":256,\"delete\":\"net0,cores\",\"digest\":{\"late\":\"digest\"}"
          "}");
    sends(p, "undo", 0, "PUT", "/nodes/n1/lxc/105/config",
          "{\"memory\":512,\"net0\":\"name=eth0,bridge=vmbr0,ip=dhcp\",\"cores\":2,"
          "\"delete\":\"swap\",\"digest\":{\"late\":\"digest\"}}");
    ck_assert_str_eq(js_str_or(request(p, "execute", 0), "fresh_of", ""),
                     "/nodes/n1/lxc/105/config");
    ck_assert_str_eq(undo_kind(p), "restore-object");
}
END_TEST

START_TEST(config_set_refuses) {
    refused("pve_guest_config_set", "{\"vmid\":105}", "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":512}}", "no_change");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":\"512\"}}", "no_change");
    refused("pve_guest_config_set", "{\"vmid\":105,\"delete\":[\"swap\"]}", "no_change");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"lock\":\"backup\"}}", "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"scsi0\":\"x\"}}", "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"digest\":\"x\"}}", "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"unused0\":\"x\"}}", "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":105,\"delete\":[\"lock\"]}", "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":104,\"set\":{\"cipassword\":\"canary\"}}",
            "bad_argument");
    refused("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":1},\"delete\":[\"memory\"]}",
            "bad_argument");
}
END_TEST

START_TEST(a_secret_is_nowhere_in_the_plan) {
    CLEANUP(js_freep)
    js *p = plan("pve_guest_config_set", "{\"vmid\":104,\"cipassword\":\"CANARY-7\"}");
    CLEANUP(js_freep)
    js *s = plan("pve_storage_create",
                 "{\"storage\":\"nas2\",\"type\":\"cifs\",\"password\":\"CANARY-7\","
                 "\"set\":{\"server\":\"10.0.0.8\",\"share\":\"y\"}}");

    ck_assert(!strstr(json_object_to_json_string(p), "CANARY"));
    ck_assert(!strstr(json_object_to_json_string(s), "CANARY"));
    ck_assert(js_get(js_get(js_get(request(p, "execute", 0), "form"), "cipassword"), "secret"));
    ck_assert(strstr(js_str_or(js_get(p, "undo"), "limits", ""), "password"));
    ck_assert(!js_get(js_get(request(p, "undo", 0), "form"), "cipassword"));
}
END_TEST

START_TEST(destroying_an_unused_disk_has_no_way_back) {
    CLEANUP(js_freep)
    js *p = plan("pve_guest_config_set", "{\"vmid\":105,\"delete\":[\"unused0\"]}");

    ck_assert_str_eq(undo_kind(p), "none");
    ck_assert_ptr_null(request(p, "undo", 0));
    ck_assert_str_eq(js_str_or(p, "risk", ""), "high");
}
END_TEST

START_TEST(snapshots_are_checked_before) {
    CLEANUP(js_freep)
    js *p =
        plan("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"new1\",\"description\":\"d\"}");
    CLEANUP(js_freep) js *del = plan("pve_snapshot_delete", "{\"vmid\":105,\"snapname\":\"good\"}");

    sends(p, "execute", 0, "POST", "/nodes/n1/lxc/105/snapshot",
          "{\"snapname\":\"new1\",\"description\":\"d\"}");
    sends(p, "undo", 0, "DELETE", "/nodes/n1/lxc/105/snapshot/new1", "{}");
    sends(del, "execute", 0, "DELETE", "/nodes/n1/lxc/105/snapshot/good", "{}");
    ck_assert_str_eq(undo_kind(del), "none");
    refused("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"good\"}", "already_exists");
    refused("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"xx\",\"vmstate\":true}",
            "bad_argument");
    refused("pve_snapshot_delete", "{\"vmid\":105,\"snapname\":\"nosuch\"}", "no_such_snapshot");
    world_set("/nodes/n1/lxc/105/feature?feature=snapshot", "{\"hasFeature\":0}");
    refused("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"new1\"}", "snapshot_impossible");
    world_set("/nodes/n1/lxc/105/feature?feature=snapshot", "{\"hasFeature\":1}");
    world_set("/nodes/n1/lxc/105/config",
              "{\"digest\":\"a\",\"rootfs\":\"btr:x\",\"mp0\":\"/srv,mp=/srv\"}");
    refused("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"new1\"}", "snapshot_impossible");
}
END_TEST

/* An API without the feature call: the types of the storages tell. */
START_TEST(snapshots_by_type_where_the_api_cannot_say) {
    CLEANUP(js_freep) js *p = NULL;

    world_fail("/nodes/n1/lxc/105/feature?feature=snapshot", 501, "pve_error");
    world_fail("/nodes/n2/qemu/104/feature?feature=snapshot", 501, "pve_error");
    p = plan("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"new1\"}");
    json_object_put(p);
    p = plan("pve_snapshot_create", "{\"vmid\":104,\"snapname\":\"new1\"}");
    world_set("/nodes/n2/qemu/104/config", "{\"digest\":\"c\",\"scsi0\":\"local:104/x.raw\"}");
    refused("pve_snapshot_create", "{\"vmid\":104,\"snapname\":\"new1\"}", "snapshot_impossible");
    world_set("/nodes/n2/qemu/104/config", "{\"digest\":\"c\",\"scsi0\":\"local:104/x.qcow2\","
                                           "\"ide2\":\"local:iso/a.iso,media=cdrom\"}");
    json_object_put(p);
    p = plan("pve_snapshot_create", "{\"vmid\":104,\"snapname\":\"new1\"}");
    json_object_put(p);
    world_fail("/nodes/n2/qemu/104/feature?feature=snapshot", 500, "pve_error");
    p = plan("pve_snapshot_create", "{\"vmid\":104,\"snapname\":\"new1\"}");
    ck_assert(strstr(json_object_to_json_string(js_get(p, "risk_reasons")), "could not be asked"));
}
END_TEST

START_TEST(rollback_keeps_the_present_first) {
    CLEANUP(js_freep)
    js *p = plan("pve_rollback", "{\"vmid\":105,\"snapname\":\"good\",\"start\":true}");
    const char *safety = js_get_str(js_get(request(p, "prepare", 0), "form"), "snapname");
    char path[128];

    ck_assert_ptr_nonnull(safety);
    sends(p, "execute", 0, "POST", "/nodes/n1/lxc/105/snapshot/good/rollback", "{\"start\":true}");
    (void)snprintf(path, sizeof(path), "/nodes/n1/lxc/105/snapshot/%s/rollback", safety);
    sends(p, "undo", 0, "POST", path, "{\"start\":true}");
    ck_assert_str_eq(undo_kind(p), "guest-snapshot");
    refused("pve_rollback", "{\"vmid\":105,\"snapname\":\"nosuch\"}", "no_such_snapshot");
}
END_TEST

START_TEST(rollback_on_zfs_has_no_way_back) {
    CLEANUP(js_freep) js *p = plan("pve_rollback", "{\"vmid\":106,\"snapname\":\"old1\"}");

    ck_assert_ptr_null(request(p, "prepare", 0));
    ck_assert_str_eq(undo_kind(p), "none");
    ck_assert(strstr(js_str_or(js_get(p, "undo"), "guarantee", ""), "ZFS"));
    ck_assert_str_eq(js_str_or(p, "risk", ""), "high");
}
END_TEST

START_TEST(storage_delete_names_guests_and_keeps_the_definition) {
    CLEANUP(js_freep) js *p = plan("pve_storage_delete", "{\"storage\":\"btr\"}");
    CLEANUP(js_freep) js *nas = plan("pve_storage_delete", "{\"storage\":\"nas\"}");
    bool hit = false;

    sends(p, "execute", 0, "DELETE", "/storage/btr", "{}");
    sends(p, "undo", 0, "POST", "/storage",
          "{\"storage\":\"btr\",\"type\":\"btrfs\",\"path\":\"/"
          "btr\",\"content\":\"rootdir,images\"}");
    for (size_t i = 0; i < js_len(js_get(p, "affected")); i++) {
        hit |= strcmp(js_str_or(js_at(js_get(p, "affected"), i), "resource", ""), "ct/105") == 0;
    }
    ck_assert_msg(hit, "%s", json_object_to_json_string(js_get(p, "affected")));
    ck_assert(strstr(js_str_or(js_get(nas, "undo"), "limits", ""), "password"));
    world_fail("/storage/gone", 500, "pve_error");
    refused("pve_storage_delete", "{\"storage\":\"gone\"}", "pve_error");
}
END_TEST

/* The volume of a disk that is taken out stays, unless force destroys it: then the plan says so. */
START_TEST(unlinking_with_force_names_the_volume) {
    CLEANUP(js_freep) js *kept = plan("pve_disk_unlink", "{\"vmid\":104,\"idlist\":[\"scsi0\"]}");
    CLEANUP(js_freep)
    js *gone = plan("pve_disk_unlink", "{\"vmid\":104,\"idlist\":[\"scsi0\"],\"force\":true}");
    const js *list = js_get(gone, "affected");
    bool named = false;

    for (size_t i = 0; i < js_len(list); i++) {
        named |= strcmp(js_str_or(js_at(list, i), "effect", ""), "wont-boot") == 0 &&
                 strcmp(js_str_or(js_at(list, i), "resource", ""), "vm/104") == 0;
    }
    ck_assert_msg(named, "%s", json_object_to_json_string((js *)(uintptr_t)list));
    ck_assert_uint_ge(js_len(js_get(kept, "affected")), 1);
    ck_assert_uint_gt(js_len(list), js_len(js_get(kept, "affected")));
}
END_TEST

START_TEST(storage_update_and_create) {
    CLEANUP(js_freep)
    js *p = plan("pve_storage_update",
                 "{\"storage\":\"btr\",\"set\":{\"disable\":true,\"content\":\"images\"}}");
    CLEANUP(js_freep)
    js *c = plan("pve_storage_create",
                 "{\"storage\":\"new\",\"type\":\"dir\",\"set\":{\"path\":\"/x\"}}");

    sends(p, "execute", 0, "PUT", "/storage/btr",
          "{\"disable\":true,\"content\":\"images\",\"digest\":{\"late\":\"digest\"}}");
    sends(
        p, "undo", 0, "PUT", "/storage/btr",
        "{\"content\":\"rootdir,images\",\"delete\":\"disable\",\"digest\":{\"late\":\"digest\"}}");
    sends(c, "execute", 0, "POST", "/storage",
          "{\"storage\":\"new\",\"type\":\"dir\",\"path\":\"/x\"}");
    sends(c, "undo", 0, "DELETE", "/storage/new", "{}");
    refused("pve_storage_create", "{\"storage\":\"btr\",\"type\":\"dir\"}", "already_exists");
    refused("pve_storage_create",
            "{\"storage\":\"n2\",\"type\":\"dir\",\"set\":{\"password\":\"x\"}}", "bad_argument");
    refused("pve_storage_update", "{\"storage\":\"btr\",\"set\":{\"path\":\"/y\"}}",
            "bad_argument");
    refused("pve_storage_update", "{\"storage\":\"btr\",\"set\":{\"content\":\"rootdir,images\"}}",
            "no_change");
    refused("pve_storage_update", "{\"storage\":\"btr\"}", "bad_argument");
}
END_TEST

static void parse(const js *q, struct node_request *ret) {
    struct err e = {0};
    const char *text = js_str_or(q, "request", "");

    ck_assert_msg(request_parse(text, strlen(text), ret, &e) == 0, "%s", e.msg);
}

START_TEST(exec_plans_the_whole_request) {
    CLEANUP(js_freep)
    js *p =
        plan("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/sh\",\"-c\",\"echo a; echo b\"],\"uid\":33,"
                        "\"cwd\":\"/srv\",\"env\":{\"A\":\"x y\"},\"timeout\":5,\"output\":4096}");
    CLEANUP(request_done) struct node_request q = {0}, stop = {0}, back = {0}, start = {0};

    parse(request(p, "execute", 0), &q);
    ck_assert_int_eq(q.op, OP_EXEC);
    ck_assert_uint_eq(q.ct, 105);
    ck_assert_uint_eq(q.n_args, 3);
    ck_assert_str_eq(q.arg[2], "echo a; echo b");
    ck_assert_str_eq(q.env[0], "A=x y");
    ck_assert_str_eq(q.cwd, "/srv");
    ck_assert_uint_eq(q.uid, 33);
    ck_assert_uint_eq(q.timeout_s, 5);
    ck_assert_uint_eq(q.output_max, 4096);
    ck_assert_str_eq(q.node, "n1");
    ck_assert_str_eq(q.key_id, "0102a0ff");
    ck_assert_str_eq(q.client, "laptop");
    ck_assert(q.has_config && q.undo);
    parse(request(p, "undo", 0), &stop);
    parse(request(p, "undo", 1), &back);
    parse(request(p, "undo", 2), &start);
    ck_assert(stop.op == OP_STOP && back.op == OP_ROLLBACK && start.op == OP_START);
    ck_assert_str_eq(back.undo_name, q.undo_name);
    ck_assert_str_ne(stop.nonce, start.nonce);
    ck_assert(stop.has_config && back.has_config && start.has_config);
    ck_assert_str_eq(undo_kind(p), "node-snapshot");
}
END_TEST

START_TEST(exec_asks_with_what_it_sends) {
    CLEANUP(js_freep)
    js *p = plan("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"],\"undo\":\"none\"}");
    CLEANUP(request_done) struct node_request q = {0};

    parse(request(p, "execute", 0), &q);
    ck_assert(!q.undo);
    ck_assert_str_eq(world_asked(), js_str_or(request(p, "execute", 0), "request", ""));
    ck_assert_str_eq(undo_kind(p), "none");
    ck_assert_ptr_null(request(p, "undo", 0));
}
END_TEST

START_TEST(what_the_node_refuses_is_not_planned) {
    world_node("n1",
               "{\"allowed\":false,\"rule\":\"\",\"code\":\"no_rule\",\"why\":\"no rule matches\","
               "\"remedy\":\"add one\",\"exists\":true,\"running\":true}");
    refused("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"]}", "policy_denied");
    refused("ct_exec", "{\"vmid\":104,\"argv\":[\"/bin/true\"]}", "bad_argument");
    refused("ct_exec", "{\"vmid\":105,\"argv\":[\"true\"]}", "bad_argument");
    refused("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"],\"cwd\":\"srv\"}", "bad_argument");
    refused("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"],\"env\":{\"A-B\":\"x\"}}",
            "bad_argument");
    refused("ct_logs", "{\"vmid\":105,\"unit\":\"-x\"}", "bad_argument");
    refused("ct_logs", "{\"vmid\":105,\"unit\":\"a b\"}", "bad_argument");
    world_set("/nodes/n1/lxc/105/status/current",
              "{\"status\":\"stopped\",\"ha\":{\"managed\":0}}");
    refused("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"]}", "bad_state");
    world_reset();
    world_set("/cluster/resources?type=vm",
              "[{\"vmid\":105,\"type\":\"lxc\",\"node\":\"n9\",\"status\":\"running\"}]");
    world_set("/nodes/n9/lxc/105/status/current",
              "{\"status\":\"running\",\"ha\":{\"managed\":0}}");
    refused("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"]}", "node_not_enrolled");
}
END_TEST

START_TEST(an_approval_of_the_node_is_carried) {
    world_node("n1",
               "{\"allowed\":true,\"rule\":\"a\",\"approval\":\"alice\",\"near_root\":false,"
               "\"exists\":true,\"running\":true,\"undo\":{\"possible\":false,\"why\":\"dir\"}}");
    {
        CLEANUP(js_freep) js *p = plan("ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/true\"]}");

        ck_assert_str_eq(js_str_or(p, "need", ""), "operator");
        ck_assert_str_eq(undo_kind(p), "none");
        ck_assert(strstr(js_str_or(js_get(p, "undo"), "guarantee", ""), "dir"));
    }
}
END_TEST

/* --- every argument counts --- */

/* One good set of arguments for each row and, for each field, another value of it. */
static const struct sample {
    const char *row, *args, *other;
} samples[] = {
    {"pve_guest_power", "{\"vmid\":105,\"action\":\"shutdown\",\"timeout\":30,\"force\":false}",
     "{\"vmid\":106,\"action\":\"stop\",\"timeout\":31,\"force\":true}"},
    {"pve_guest_config_set",
     "{\"vmid\":104,\"set\":{\"memory\":1024},\"delete\":[\"boot\"],"
     "\"cipassword\":\"a\"}",
     "{\"vmid\":105,\"set\":{\"memory\":1025},\"delete\":[\"net0\"],\"cipassword\":\"b\"}"},
    {"pve_snapshot_create",
     "{\"vmid\":104,\"snapname\":\"new1\",\"description\":\"a\","
     "\"vmstate\":false}",
     "{\"vmid\":105,\"snapname\":\"new2\",\"description\":\"b\",\"vmstate\":true}"},
    {"pve_snapshot_delete", "{\"vmid\":105,\"snapname\":\"good\",\"force\":false}",
     "{\"vmid\":106,\"snapname\":\"later\",\"force\":true}"},
    {"pve_rollback", "{\"vmid\":105,\"snapname\":\"good\",\"start\":false}",
     "{\"vmid\":106,\"snapname\":\"later\",\"start\":true}"},
    {"pve_storage_create",
     "{\"storage\":\"new\",\"type\":\"cifs\",\"set\":{\"path\":\"/x\"},"
     "\"password\":\"a\"}",
     "{\"storage\":\"newer\",\"type\":\"nfs\",\"set\":{\"path\":\"/y\"},\"password\":\"b\"}"},
    {"pve_storage_update",
     "{\"storage\":\"btr\",\"set\":{\"shared\":1},\"delete\":[\"nodes\"],"
     "\"password\":\"a\"}",
     "{\"storage\":\"nas\",\"set\":{\"shared\":2},\"delete\":[\"disable\"],\"password\":\"b\"}"},
    {"pve_storage_delete", "{\"storage\":\"btr\"}", "{\"storage\":\"nas\"}"},
    {"ct_exec",
     "{\"vmid\":105,\"stdin\":\"a\",\"argv\":[\"/bin/a\"],\"uid\":1,\"cwd\":\"/"
     "a\",\"env\":{\"A\":\"1\"},"
     "\"timeout\":9,\"output\":1,\"undo\":\"none\"}",
     "{\"stdin\":\"b\",\"vmid\":106,\"argv\":[\"/bin/b\"],\"uid\":2,\"cwd\":\"/"
     "b\",\"env\":{\"A\":\"2\"},\"timeout\":8,"
     "\"output\":2,\"undo\":\"auto\"}"},
    {"ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/sh\"],\"stdin_secret\":\"a\"}",
     "{\"vmid\":105,\"argv\":[\"/bin/sh\"],\"stdin_secret\":\"b\"}"},
    {"pve_agent_exec", "{\"vmid\":104,\"argv\":[\"/bin/a\"],\"stdin\":\"a\",\"undo\":\"none\"}",
     "{\"vmid\":900,\"argv\":[\"/bin/b\"],\"stdin\":\"b\",\"undo\":\"snapshot\"}"},
    {"pve_agent_exec", "{\"vmid\":104,\"argv\":[\"/bin/a\"],\"stdin_secret\":\"a\"}",
     "{\"vmid\":900,\"argv\":[\"/bin/b\"],\"stdin_secret\":\"b\"}"},
    {"pve_agent_file_write", "{\"vmid\":104,\"file\":\"/a\",\"content\":\"a\",\"undo\":\"none\"}",
     "{\"vmid\":900,\"file\":\"/b\",\"content\":\"b\",\"undo\":\"snapshot\"}"},
    {"pve_agent_file_write", "{\"vmid\":104,\"file\":\"/a\",\"content_secret\":\"a\"}",
     "{\"vmid\":900,\"file\":\"/b\",\"content_secret\":\"b\"}"},
    {"pve_api_plan",
     "{\"method\":\"PUT\",\"path\":\"/cluster/options\",\"params\":{\"keyboard\":\"de\"},"
     "\"secret_param\":\"password\",\"secret\":\"a\"}",
     "{\"method\":\"POST\",\"path\":\"/cluster/other\",\"params\":{\"keyboard\":\"fr\"},"
     "\"secret_param\":\"keyboard\",\"secret\":\"b\"}"},
    {"pve_acl_modify",
     "{\"path\":\"/vms/105\",\"roles\":[\"PVEAdmin\"],\"users\":[\"a@pve\"],\"groups\":[\"g\"],"
     "\"tokens\":[\"a@pve!t\"],\"propagate\":false,\"delete\":false}",
     "{\"path\":\"/vms/104\",\"roles\":[\"PVEAuditor\"],\"users\":[\"b@pve\"],\"groups\":[\"h\"],"
     "\"tokens\":[\"a@pve!u\"],\"propagate\":true,\"delete\":true}"},
    {"pve_acl_prune", "{}", "{}"},
    {"pve_node_evacuate",
     "{\"node\":\"n1\",\"targets\":[\"n2\"],\"exclude\":[\"106\"],\"restart\":true}",
     "{\"node\":\"n1\",\"targets\":[\"n3\"],\"exclude\":[\"105\"],\"restart\":false}"},
    {"ct_logs", "{\"vmid\":105,\"unit\":\"a\",\"lines\":1}",
     "{\"vmid\":106,\"unit\":\"b\",\"lines\":2}"},
    {"proximo_plan_steps",
     "{\"steps\":[{\"row\":\"pve_guest_power\",\"args\":{\"vmid\":105,\"action\":\"reboot\"}}]}",
     "{\"steps\":[{\"row\":\"pve_guest_power\",\"args\":{\"vmid\":105,\"action\":\"stop\"}}]}"},
    {"pve_task_stop", "{\"upid\":\"UPID:n1:00000001:00000002:65000000:vzdump:105:root@pam:\"}",
     "{\"upid\":\"UPID:n1:00000001:00000002:65000000:vzstart:105:root@pam:\"}"},
};

/* Each step resolves its own guest; the list of guests is read for that once a plan,
 * and never instead of a picture's own reads. */
START_TEST(guests_are_looked_up_in_one_list) {
    CLEANUP(js_freep)
    js *args = lab_json(
        "{\"steps\":[{\"row\":\"pve_guest_power\",\"args\":{\"vmid\":105,\"action\":\"reboot\"}},"
        "{\"row\":\"pve_guest_power\",\"args\":{\"vmid\":106,\"action\":\"stop\"}}]}");
    js *p = NULL;
    struct err e = {0};

    lab_fill();
    ck_assert_msg(world_plan("proximo_plan_steps", args, &p, &e) == 0, "%s", e.msg);
    /* and by each step's picture, at its beginning and its end: did the cluster stand still? */
    ck_assert_uint_eq(world_gets("/cluster/resources?type=vm"), 1 + 2 * 2);
    json_object_put(p);
}
END_TEST

/* Without what is random by design. */
static js *stable(const char *row, js *args, struct err *e) {
    js *p = NULL;

    lab_fill();
    if (strncmp(row, "pve_agent_", 10) == 0) {
        lab_agent();
    }
    if (world_plan(row, args, &p, e) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < js_len(js_get(p, "requests")); i++) {
        js *q = js_at(js_get(p, "requests"), i);
        const char *text = js_get_str(q, "request");
        const char *nonce = text ? strstr(text, "nonce ") : NULL;

        if (nonce) {
            js_add(q, "request", js_str_n(text, (size_t)(nonce - text)));
        }
    }
    return p;
}

/* Fields that exclude each other stand in two samples of the row. */
static bool in_some_sample(const char *row, const char *field) {
    bool there = false;

    for (size_t k = 0; k < ARRAY_LEN(samples); k++) {
        CLEANUP(js_freep) js *args = lab_json(samples[k].args);
        CLEANUP(js_freep) js *other = lab_json(samples[k].other);

        there |= strcmp(samples[k].row, row) == 0 && js_get(args, field) && js_get(other, field);
    }
    return there;
}

START_TEST(every_argument_changes_the_plan) {
    const struct row *r;
    unsigned int compared = 0;

    for (size_t k = 0; k < ARRAY_LEN(samples); k++) {
        CLEANUP(js_freep) js *args = lab_json(samples[k].args);
        CLEANUP(js_freep) js *other = lab_json(samples[k].other);
        struct err e = {0};
        CLEANUP(js_freep) js *p = stable(samples[k].row, args, &e);

        r = row_find(samples[k].row);
        ck_assert_msg(p != NULL, "%s: %s", r->name, e.msg);
        for (const struct field *f = r->fields; f->name; f++) {
            CLEANUP(js_freep) js *changed = js_copy(args);
            CLEANUP(js_freep) js *q = NULL;

            if (strcmp(f->name, "node") == 0 || strcmp(f->name, "kind") == 0) {
                continue; /* only checked; they cannot differ from what the cluster says */
            }
            if (strcmp(f->name, "with-local-disks") == 0) {
                continue; /* of running VMs, which this cluster has not: integration/evacuate.py */
            }
            ck_assert_msg(in_some_sample(r->name, f->name), "%s.%s has no sample", r->name,
                          f->name);
            if (!js_get(args, f->name)) {
                continue;
            }
            js_add(changed, f->name, js_ref(js_get(other, f->name)));
            q = stable(samples[k].row, changed, &e);
            /* another value may be refused: then it counted, too */
            ck_assert_msg(!q || !js_eq(p, q), "%s.%s does not count", r->name, f->name);
            compared++;
        }
    }
    for (size_t i = 0; (r = row_at(i)); i++) {
        bool there = r->effect != EFFECT_CHANGE || r->send; /* those: test_send.c */

        for (size_t k = 0; k < ARRAY_LEN(samples); k++) {
            there |= strcmp(samples[k].row, r->name) == 0;
        }
        ck_assert_msg(there, "%s has no sample", r->name);
    }
    ck_assert_uint_ge(compared, 30);
}
END_TEST

static void check_row(const char *row, const char *args, bool want) {
    CLEANUP(js_freep) js *v = lab_json(args);
    CLEANUP(freep) char *text = NULL;
    struct err e = {0};
    bool ok = !want;

    ck_assert_msg(row_check(row_find(row), &world_session, v, &ok, &text, &e) == 0, "%s: %s", row,
                  e.msg);
    ck_assert_msg(ok == want, "%s %s: %s", row, args, text);
    ck_assert(text && *text);
}

START_TEST(checks_see_what_became_of_it) {
    check_row("pve_guest_power", "{\"vmid\":105,\"action\":\"start\"}", true);
    check_row("pve_guest_power", "{\"vmid\":105,\"action\":\"stop\"}", false);
    check_row("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":512,\"onboot\":true}}",
              true);
    check_row("pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":1024}}", false);
    check_row("pve_guest_config_set", "{\"vmid\":105,\"delete\":[\"net0\"]}", false);
    check_row("pve_guest_config_set", "{\"vmid\":104,\"set\":{\"net0\":\"bridge=vmbr0\"}}", true);
    check_row("pve_guest_config_set", "{\"vmid\":104,\"set\":{\"net0\":\"bridge=vmbr1\"}}", false);
    check_row("pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"good\"}", true);
    check_row("pve_snapshot_delete", "{\"vmid\":105,\"snapname\":\"good\"}", false);
    check_row("pve_rollback", "{\"vmid\":105,\"snapname\":\"later\"}", true);
    check_row("pve_rollback", "{\"vmid\":105,\"snapname\":\"good\"}", false);
    check_row("pve_storage_delete", "{\"storage\":\"btr\"}", false);
    check_row("pve_storage_delete", "{\"storage\":\"gone\"}", true);
    check_row("pve_storage_create", "{\"storage\":\"btr\",\"type\":\"btrfs\"}", true);
    check_row("pve_storage_update",
              "{\"storage\":\"btr\",\"set\":{\"content\":\"images,rootdir\"}}", true);
    check_row("pve_storage_update", "{\"storage\":\"btr\",\"set\":{\"disable\":true}}", false);
    check_row("pve_storage_update", "{\"storage\":\"btr\",\"set\":{\"content\":\"images\"}}",
              false);
}
END_TEST

static bool rests_on(const js *plan, const char *path, const char *reduce) {
    const js *list = js_get(plan, "preconditions");

    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "read", ""), path) == 0 &&
            strcmp(js_str_or(js_at(list, i), "reduce", ""), reduce) == 0) {
            return true;
        }
    }
    return false;
}

/* Every row of Ceph that is judged by what Ceph is like drifts when that changes; of how full it is
 * (reduce.c) it does not. */
START_TEST(a_plan_over_ceph_rests_on_what_ceph_is_like) {
    static const char *const rows[][2] = {
        {"pve_ceph_osd_out", "{\"node\":\"n1\",\"osdid\":3}"},
        {"pve_ceph_service_stop", "{\"node\":\"n1\",\"service\":\"osd.3\"}"},
        {"pve_ceph_service_restart", "{\"node\":\"n1\",\"service\":\"mon\"}"},
        {"pve_ceph_mon_delete", "{\"node\":\"n1\",\"monid\":\"n1\"}"},
        {"pve_ceph_pool_delete", "{\"node\":\"n1\",\"name\":\"rbd\"}"},
        {"pve_ceph_pool_update", "{\"node\":\"n1\",\"name\":\"rbd\",\"size\":2}"},
    };

    world_set("/nodes/n1/ceph/mon", "[{\"name\":\"n1\",\"host\":\"n1\",\"quorum\":1},"
                                    "{\"name\":\"n2\",\"host\":\"n2\",\"quorum\":1}]");
    world_set("/nodes/n1/ceph/mgr", "[{\"name\":\"n1\",\"host\":\"n1\",\"state\":\"active\"}]");
    world_set("/nodes/n1/ceph/mds", "[]");
    world_set("/nodes/n1/ceph/fs", "[]");
    world_set("/nodes/n1/ceph/osd",
              "{\"root\":{\"children\":[{\"type\":\"root\",\"children\":[{\"type\":\"host\","
              "\"name\":\"n1\",\"children\":[{\"type\":\"osd\",\"id\":3,\"status\":\"up\","
              "\"in\":1}]}]}]}}");
    world_set("/nodes/n1/ceph/pool", "[{\"pool_name\":\"rbd\",\"size\":3,\"min_size\":2}]");
    world_set("/nodes/n1/ceph/pool/rbd/status", "{\"name\":\"rbd\",\"size\":3,\"min_size\":2}");
    world_set("/nodes/n1/ceph/osd/3/metadata", "{\"osd\":{\"id\":3,\"hostname\":\"n1\"}}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(js_freep) js *p = plan(rows[i][0], rows[i][1]);

        ck_assert_msg(rests_on(p, "/nodes/n1/ceph/osd", "ceph"), "%s: OSDs", rows[i][0]);
        ck_assert_msg(rests_on(p, "/nodes/n1/ceph/pool", "ceph"), "%s: pools", rows[i][0]);
        ck_assert_msg(rests_on(p, "/nodes/n1/ceph/mon", "ceph"), "%s: monitors", rows[i][0]);
        ck_assert_msg(rests_on(p, "/storage", "storage") || rests_on(p, "/storage", "whole"),
                      "%s: storages", rows[i][0]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("plans");
    TCase *t = tcase_create("rows");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, lab_fill, NULL);
    tcase_add_test(t, power_has_its_inverse);
    tcase_add_test(t, power_without_effect_is_refused);
    tcase_add_test(t, config_set_restores_exactly);
    tcase_add_test(t, config_set_refuses);
    tcase_add_test(t, a_secret_is_nowhere_in_the_plan);
    tcase_add_test(t, destroying_an_unused_disk_has_no_way_back);
    tcase_add_test(t, snapshots_are_checked_before);
    tcase_add_test(t, snapshots_by_type_where_the_api_cannot_say);
    tcase_add_test(t, rollback_keeps_the_present_first);
    tcase_add_test(t, rollback_on_zfs_has_no_way_back);
    tcase_add_test(t, storage_delete_names_guests_and_keeps_the_definition);
    tcase_add_test(t, unlinking_with_force_names_the_volume);
    tcase_add_test(t, storage_update_and_create);
    tcase_add_test(t, exec_plans_the_whole_request);
    tcase_add_test(t, exec_asks_with_what_it_sends);
    tcase_add_test(t, what_the_node_refuses_is_not_planned);
    tcase_add_test(t, an_approval_of_the_node_is_carried);
    tcase_add_test(t, guests_are_looked_up_in_one_list);
    tcase_add_test(t, every_argument_changes_the_plan);
    tcase_add_test(t, a_plan_over_ceph_rests_on_what_ceph_is_like);
    tcase_add_test(t, checks_see_what_became_of_it);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    world_reset();
    return failed ? 1 : 0;
}
