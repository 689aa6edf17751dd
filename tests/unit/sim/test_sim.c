/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's parts without a socket: forms, privileges, configuration files, the journal and
 * what is left of it after a real kill, UPIDs, faults. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/demo.h"
#include "proximo-client/sim/form.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

static char dir[] = "/tmp/test_sim.XXXXXX";

static js *parsed(const char *text) {
    js *ret = NULL;
    struct err e = {0};

    ck_assert_msg(js_parse(text, strlen(text), &ret, &e) == 0, "%s", e.msg);
    return ret;
}

static int form(const char *text, js **ret) {
    *ret = js_object();
    return form_parse(text, strlen(text), *ret, NULL);
}

START_TEST(form_decodes_and_cuts_at_a_second_equals_sign) {
    CLEANUP(js_freep) js *o = NULL;

    ck_assert_int_eq(form("a=1&b=x%20y+z;c=%C3%A4&rootfs=local:8,size=8G&a=2&empty=&flag", &o), 0);
    ck_assert_uint_eq(js_len(js_get(o, "a")), 2); /* a name that is given twice is a list */
    ck_assert_str_eq(json_object_get_string(js_at(js_get(o, "a"), 0)), "1");
    ck_assert_str_eq(json_object_get_string(js_at(js_get(o, "a"), 1)), "2");
    ck_assert_str_eq(js_get_str(o, "b"), "x y z");
    ck_assert_str_eq(js_get_str(o, "c"), "\xc3\xa4");
    ck_assert_str_eq(js_get_str(o, "rootfs"), "local:8,size");
    ck_assert_str_eq(js_get_str(o, "empty"), "");
    ck_assert_str_eq(js_get_str(o, "flag"), "");
}
END_TEST

START_TEST(form_refuses_what_cannot_be_decoded) {
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "=1", "a=%ff", "%ff=1"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(js_freep) js *o = NULL;

        ck_assert_msg(form(bad[i], &o) == -EBADMSG, "%s went through", bad[i]);
    }
}
END_TEST

/* The captured cluster's own case, by hand. */
static const char acl_state[] =
    "{\"users\":{\"root@pam\":{\"tokens\":{\"full\":{\"privsep\":0},\"sep\":{\"privsep\":1}}},"
    "\"alice@pve\":{\"tokens\":{\"auto\":{\"privsep\":1}}},\"bob@pve\":{\"tokens\":{\"big\":{"
    "\"privsep\":1}}},\"carol@pve\":{}},"
    "\"groups\":{\"admins\":{\"users\":{\"alice@pve\":1,\"carol@pve\":1}},"
    "\"devs\":{\"users\":{\"bob@pve\":1,\"carol@pve\":1}}},"
    "\"roles\":{\"Restarter\":{\"VM.Audit\":1,\"VM.PowerMgmt\":1}},"
    "\"pools\":{\"prod\":{\"vms\":{\"104\":1,\"105\":1},\"storage\":{\"fast\":1}},"
    "\"shut\":{\"vms\":{\"400\":1}}},"
    "\"acl\":{\"/\":{\"group:admins\":{\"Administrator\":1}},"
    "\"/pool/prod\":{\"group:devs\":{\"PVEVMAdmin\":1}},"
    "\"/pool/shut\":{\"group:admins\":{\"NoAccess\":1}},"
    "\"/storage/fast\":{\"group:devs\":{\"PVEDatastoreUser\":1}},"
    "\"/vms\":{\"user:carol@pve\":{\"PVEVMUser\":0}},"
    "\"/vms/104\":{\"token:alice@pve!auto\":{\"PVEVMAdmin\":1}},"
    "\"/vms/105\":{\"user:bob@pve\":{\"NoAccess\":1}},"
    "\"/vms/300\":{\"user:bob@pve\":{\"Restarter\":1},"
    "\"token:bob@pve!big\":{\"Administrator\":1}}}}";

START_TEST(privileges_follow_the_nearest_path_groups_pools_and_tokens) {
    struct state s;
    struct privs p;

    state_init(&s, parsed(acl_state));
    p = acl_privs(&s, "alice@pve", "/vms/7");
    ck_assert_int_eq(__builtin_popcountll(p.have), 47);
    ck_assert(p.have == p.prop);
    /* own entry at /vms does not propagate: below it the group's grant is still the nearest */
    p = acl_privs(&s, "carol@pve", "/vms");
    ck_assert(p.have ==
              acl_bits("VM.Audit,VM.Backup,VM.Config.CDROM,VM.Config.Cloudinit,VM.Console,"
                       "VM.GuestAgent.Audit,VM.GuestAgent.FileRead,"
                       "VM.GuestAgent.FileSystemMgmt,VM.GuestAgent.FileWrite,"
                       "VM.PowerMgmt"));
    ck_assert(p.prop == 0);
    ck_assert_int_eq(__builtin_popcountll(acl_privs(&s, "carol@pve", "/vms/104").have), 47);
    /* a nearer path replaces, a pool adds without propagation */
    p = acl_privs(&s, "carol@pve", "/storage/fast");
    ck_assert_int_eq(__builtin_popcountll(p.have), 25);
    ck_assert(p.prop == acl_bits("Datastore.AllocateSpace,Datastore.Audit"));
    ck_assert_int_eq(__builtin_popcountll(acl_privs(&s, "bob@pve", "/vms/104").have), 23);
    ck_assert(acl_privs(&s, "bob@pve", "/vms/105").have == 0); /* NoAccess trumps the pool */
    ck_assert(acl_privs(&s, "bob@pve", "/").have == 0);
    ck_assert(acl_privs(&s, "bob@pve", "/vms/300").have == acl_bits("VM.Audit,VM.PowerMgmt"));
    ck_assert(acl_privs(&s, "alice@pve", "/vms/400").have == 0); /* a pool's NoAccess trumps too */
    /* a separated token has the intersection */
    ck_assert(acl_privs(&s, "bob@pve!big", "/vms/300").have == acl_bits("VM.Audit,VM.PowerMgmt"));
    ck_assert(acl_privs(&s, "alice@pve!auto", "/").have == 0);
    ck_assert_int_eq(__builtin_popcountll(acl_privs(&s, "alice@pve!auto", "/vms/104").have), 23);
    ck_assert(acl_privs(&s, "root@pam!sep", "/vms/104").have == 0);
    ck_assert_int_eq(__builtin_popcountll(acl_privs(&s, "root@pam!full", "/").have), 47);
    ck_assert(acl_privs(&s, "root@pam!gone", "/").have == 0);
    ck_assert(acl_privs(&s, "nobody@pve", "/").have == 0);
    state_done(&s);
}
END_TEST

START_TEST(acl_paths_are_checked) {
    static const char *const good[] = {"/",       "/vms",   "/vms/104", "/storage/a-b",
                                       "/pool/x", "/access"};
    static const char *const bad[] = {"",      "vms", "/bogus/x",  "/vms/abc",
                                      "/vms/", "//",  "/pool/../x"};

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(acl_path_valid(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!acl_path_valid(bad[i]), "%s", bad[i]);
    }
}
END_TEST

static void round_trip(bool lxc, const char *text) {
    CLEANUP(js_freep) js *g = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
    struct err e = {0};

    ck_assert_msg(guest_file_read(lxc, text, strlen(text), &g, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(guest_file_write(g, &b), 0);
    ck_assert_str_eq(buf_str(&b), text);
}

START_TEST(configuration_files_survive_a_round_trip) {
    round_trip(false, "#Line one.\n#two%3A %C3%A4%25\nboot: order=scsi0\nmemory: 512\n"
                      "scsi0: a:1/x.qcow2,size=1G\n\n[PENDING]\ndelete: net0\nmemory: 1024\n\n"
                      "[aa]\n#why\nmemory: 256\nsnaptime: 5\n\n[bb]\nmemory: 256\nparent: aa\n");
    round_trip(true, "arch: amd64\nhostname: h\nmp0: /mnt,mp=/x\nrootfs: l:1/d.raw,size=1G\n"
                     "lxc.idmap: u 0 100000 65536\nlxc.idmap: g 0 100000 65536\n");
}
END_TEST

START_TEST(configuration_files_that_lie_are_refused) {
    static const char *const bad[] = {"memory\n",
                                      "nosuch: 1\n",
                                      "memory: \n",
                                      "[x]\n",
                                      "[ok]\n[ok]\n",
                                      "[current]\n",
                                      "[PENDING]\n[PENDING]\n",
                                      "memory: 1\n]\n",
                                      ": 1\n"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(js_freep) js *g = NULL;

        ck_assert_msg(guest_file_read(false, bad[i], strlen(bad[i]), &g, NULL) == -EBADMSG, "%s",
                      bad[i]);
    }
}
END_TEST

START_TEST(sizes_and_options_are_read) {
    char v[32];

    ck_assert(size_bytes("528K") == 540672 && size_bytes("1G") == 1073741824);
    ck_assert(size_bytes("0T") == 0 && size_bytes("9X") == 0 && size_bytes("") == 0);
    ck_assert(size_bytes("99999999T") == 0);
    ck_assert_int_eq(option_get("a:b,size=8G,ssd=1", "size", v, sizeof(v)), 0);
    ck_assert_str_eq(v, "8G");
    ck_assert_int_eq(option_get("a:b,maxsize=8G", "size", v, sizeof(v)), -ENOENT);
    ck_assert_int_eq(option_get("a:b,size=8G", "", v, sizeof(v)), 0);
    ck_assert_str_eq(v, "a:b");
}
END_TEST

START_TEST(values_are_judged_in_the_words_of_the_api) {
    char store[512];

    ck_assert_str_eq(guest_value_bad(guest_key(true, "memory"), "abc", store, sizeof(store)),
                     "type check ('integer') failed - got 'abc'");
    ck_assert_str_eq(guest_value_bad(guest_key(true, "memory"), "8", store, sizeof(store)),
                     "value must have a minimum value of 16");
    ck_assert(!guest_value_bad(guest_key(true, "memory"), "64", store, sizeof(store)));
    ck_assert(guest_value_bad(guest_key(false, "name"), "bad_name", store, sizeof(store)));
    ck_assert(!guest_value_bad(guest_key(false, "name"), "good.name", store, sizeof(store)));
    ck_assert(!guest_key(true, "scsi0") && guest_key(false, "scsi30") &&
              !guest_key(false, "scsi01"));
}
END_TEST

/* ---- journal ---- */

static void file_in_dir(char *ret, size_t size, const char *name) {
    (void)snprintf(ret, size, "%s/%s", dir, name);
}

START_TEST(a_rollback_leads_back) {
    CLEANUP(js_freep) js *before = NULL;
    struct state s;

    state_init(&s, parsed("{\"a\":{\"b\":{\"c\":1}},\"d\":[1]}"));
    before = js_copy(s.root);
    state_set(&s, js_int(2), "a", "b", "c", NULL);
    state_set(&s, js_int(3), "x", "y", "z", NULL);
    state_del(&s, "a", "b", NULL);
    state_del(&s, "nothing", "here", NULL);
    state_set(&s, NULL, "d", NULL);
    ck_assert(!js_eq(before, s.root));
    state_rollback(&s);
    ck_assert(js_eq(before, s.root));
    ck_assert(!state_dirty(&s));
    state_done(&s);
}
END_TEST

/* A child acknowledges each change by a byte in a pipe and is killed somewhere in the middle. */
START_TEST(what_was_acknowledged_is_there_after_a_kill) {
    char file[256], byte;
    int fds[2], acknowledged = 0;
    struct state s;
    struct err e = {0};
    js *list;
    pid_t pid;

    file_in_dir(file, sizeof(file), "killed.json");
    ck_assert_int_eq(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        state_init(&s, parsed("{\"n\":{}}"));
        if (state_attach(&s, file, NULL) < 0) {
            _exit(1);
        }
        for (int i = 0;; i++) {
            char key[16];

            (void)snprintf(key, sizeof(key), "%d", i);
            state_set(&s, js_int(i), "n", key, NULL);
            if (state_commit(&s, NULL) < 0 || write(fds[1], "x", 1) != 1) {
                _exit(1);
            }
        }
    }
    (void)close(fds[1]);
    while (acknowledged < 50 && read(fds[0], &byte, 1) == 1) {
        acknowledged++;
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    while (read(fds[0], &byte, 1) == 1) {
        acknowledged++;
    }
    (void)close(fds[0]);
    state_init(&s, parsed("{}"));
    ck_assert_msg(state_attach(&s, file, &e) == 0, "%s", e.msg);
    list = state_get(&s, "n", NULL);
    ck_assert_int_ge(json_object_object_length(list), acknowledged);
    ck_assert_int_le(json_object_object_length(list), acknowledged + 1);
    for (int i = 0; i < acknowledged; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "%d", i);
        ck_assert_int_eq((int)js_int_or(list, key, -1), i);
    }
    ck_assert_uint_eq(s.journal_len, 0); /* folded */
    state_done(&s);
}
END_TEST

static void append(const char *file, const char *text) {
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
    (void)close(fd);
}

START_TEST(a_torn_line_is_dropped_and_damage_before_it_is_not) {
    char file[256], journal[300];
    struct state s;
    struct err e = {0};

    file_in_dir(file, sizeof(file), "torn.json");
    (void)snprintf(journal, sizeof(journal), "%s.journal", file);
    append(journal, "{\"ops\":[[\"set\",[\"a\"],1]]}\n{\"ops\":[[\"set\",[\"a\"],2");
    state_init(&s, parsed("{\"a\":0}"));
    ck_assert_int_eq(state_attach(&s, file, &e), 0);
    ck_assert_int_eq((int)js_int_or(s.root, "a", -1), 1);
    state_done(&s);
    append(journal, "{\"ops\":[[\"jump\",[\"a\"],2]]}\n");
    state_init(&s, parsed("{}"));
    ck_assert_int_eq(state_attach(&s, file, &e), -EBADMSG);
    state_done(&s);
    ck_assert_int_eq(unlink(journal), 0);
}
END_TEST

START_TEST(a_state_has_one_owner) {
    char file[256];
    struct state a, b;
    struct err e = {0};

    file_in_dir(file, sizeof(file), "owned.json");
    state_init(&a, parsed("{}"));
    state_init(&b, parsed("{}"));
    ck_assert_int_eq(state_attach(&a, file, &e), 0);
    ck_assert_int_eq(state_attach(&b, file, &e), -EWOULDBLOCK);
    state_done(&b);
    state_done(&a);
}
END_TEST

START_TEST(a_failed_write_undoes_the_change) {
    char file[256];
    struct state s;
    struct err e = {0};
    int full;

    file_in_dir(file, sizeof(file), "full.json");
    state_init(&s, parsed("{\"a\":1}"));
    ck_assert_int_eq(state_attach(&s, file, &e), 0);
    full = open("/dev/full", O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(full, 0);
    ck_assert_int_ge(dup3(full, s.journal, O_CLOEXEC), 0);
    (void)close(full);
    state_set(&s, js_int(2), "a", NULL);
    ck_assert_int_lt(state_commit(&s, &e), 0);
    ck_assert_int_eq((int)js_int_or(s.root, "a", -1), 1);
    ck_assert(!state_dirty(&s));
    state_done(&s);
}
END_TEST

/* ---- a whole cluster in memory ---- */

static void demo(struct sim *s) {
    struct sim_options o = {.clock = 1790000000, .seed = 7, .task_ms = 0};

    sim_open(s, &o, demo_cluster(o.clock));
    s->started = sim_now(s);
    ck_assert_int_eq(sim_check(s->st.root, NULL), 0);
}

START_TEST(the_demo_cluster_carries_the_classic_accident) {
    struct sim s;
    struct guest g;
    char why[256];

    demo(&s);
    state_del(&s.st, "storage", "local-zfs", NULL);
    ck_assert(guest_find(&s, 104, &g) && strstr(guest_conf(&g, "scsi0"), "local-zfs:"));
    ck_assert_str_eq(guest_volumes_bad(&s, &g, why, sizeof(why)),
                     "storage 'local-zfs' does not exist");
    ck_assert(guest_find(&s, 210, &g) && guest_volumes_bad(&s, &g, why, sizeof(why)));
    ck_assert(guest_find(&s, 301, &g) && strstr(guest_conf(&g, "mp1"), "local-zfs:"));
    ck_assert(!strstr(guest_conf(&g, "rootfs"), "local-zfs:"));
    ck_assert(guest_find(&s, 105, &g) && !guest_volumes_bad(&s, &g, why, sizeof(why)));
    sim_close(&s);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_cluster) {
    struct generate g = {.nodes = 4, .guests = 40, .snapshots = 2, .every = 1, .seed = 9, .now = 1790000000};
    CLEANUP(js_freep) js *a = generate_cluster(&g);
    CLEANUP(js_freep) js *b = generate_cluster(&g);
    CLEANUP(js_freep) js *c = NULL;

    ck_assert(js_eq(a, b));
    ck_assert_int_eq(sim_check(a, NULL), 0);
    ck_assert_int_eq(json_object_object_length(js_get(a, "guests")), 40);
    g.seed = 10;
    c = generate_cluster(&g);
    ck_assert(!js_eq(a, c));
}
END_TEST

static void call_init(struct call *c, struct sim *s, enum method m, const char *path) {
    *c = (struct call){.s = s, .method = m, .path = path, .status = 200, .auth = "root@pam"};
    (void)snprintf(c->user, sizeof(c->user), "root@pam");
    (void)snprintf(c->token, sizeof(c->token), "t");
    c->params = js_object();
    c->in_path = js_object();
}

static void call_done(struct call *c) {
    js_freep(&c->params);
    js_freep(&c->in_path);
    js_freep(&c->errors);
    js_freep(&c->data);
    js_freep(&c->extra);
}

static int run(struct sim *s, enum method m, const char *path, const char *form_text) {
    struct call c;

    call_init(&c, s, m, path);
    ck_assert_int_eq(form_parse(form_text, strlen(form_text), c.params, NULL), 0);
    sim_dispatch(&c);
    call_done(&c);
    return c.status;
}

START_TEST(a_refused_change_changes_nothing) {
    struct sim s;
    CLEANUP(js_freep) js *before = NULL;

    demo(&s);
    before = js_copy(s.st.root);
    ck_assert_int_eq(run(&s, M_PUT, "/nodes/pve1/lxc/101/config", "memory=2048&nosuch=1"), 400);
    ck_assert_int_eq(run(&s, M_PUT, "/nodes/pve1/lxc/101/config", "memory=2048&digest=00"), 500);
    ck_assert_int_eq(run(&s, M_PUT, "/storage/backup", "disable=1&delete=nosuch"), 500);
    ck_assert_int_eq(run(&s, M_DELETE, "/pools", "poolid=prod"), 500);
    /* the first member is in before the second is refused */
    ck_assert_int_eq(run(&s, M_PUT, "/pools", "poolid=prod&vms=303,999"), 500);
    ck_assert_int_eq(run(&s, M_GET, "/nosuch", ""), 501);
    ck_assert_int_eq(run(&s, M_GET, "/nodes/pve1/lxc/%2e%2e/config", ""), 400);
    ck_assert(js_eq(before, s.st.root));
    ck_assert_int_eq(run(&s, M_PUT, "/nodes/pve1/lxc/101/config", "memory=2048"), 200);
    ck_assert(!js_eq(before, s.st.root));
    sim_close(&s);
}
END_TEST

START_TEST(a_running_vm_waits_with_what_it_cannot_take) {
    struct sim s;
    struct guest g;

    demo(&s);
    ck_assert_int_eq(
        run(&s, M_PUT, "/nodes/pve1/qemu/104/config", "memory=4096&onboot=0&delete=agent"), 200);
    ck_assert(guest_find(&s, 104, &g));
    ck_assert_str_eq(guest_conf(&g, "memory"), "8192");
    ck_assert_str_eq(guest_conf(&g, "onboot"), "0");
    ck_assert_str_eq(js_get_str(js_get(g.obj, "pending"), "memory"), "4096");
    guest_apply_pending(&s, &g);
    ck_assert(guest_find(&s, 104, &g));
    ck_assert_str_eq(guest_conf(&g, "memory"), "4096");
    ck_assert(!guest_conf(&g, "agent") && !js_get(g.obj, "pending"));
    sim_close(&s);
}
END_TEST

START_TEST(faults_are_parsed_matched_and_used_up) {
    static const char *const bad[] = {"",
                                      "nosuch *",
                                      "status=99 *",
                                      "status=200 *",
                                      "latency=x *",
                                      "drop-before",
                                      "drop-before nopath",
                                      "task-fail * x0"};
    struct sim s;
    struct fault f;

    demo(&s);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(fault_add(&s, bad[i], NULL) < 0, "%s went through", bad[i]);
    }
    ck_assert_int_eq(fault_add(&s, "status=596 GET /nodes/*/status x2", NULL), 0);
    ck_assert_int_eq(fault_add(&s, "task-fail=out+of+cheese POST *", NULL), 0);
    ck_assert_int_eq(fault_take(&s, M_GET, "/version", false).kind, F_NONE);
    ck_assert_int_eq(fault_take(&s, M_PUT, "/nodes/pve1/status", false).kind, F_NONE);
    for (int i = 0; i < 2; i++) {
        f = fault_take(&s, M_GET, "/nodes/pve1/status", false);
        ck_assert(f.kind == F_STATUS && f.value == 596);
    }
    ck_assert_int_eq(fault_take(&s, M_GET, "/nodes/pve1/status", false).kind, F_NONE);
    f = fault_take(&s, M_POST, "/nodes/pve1/lxc/101/status/stop", true);
    ck_assert(f.kind == F_TASK_FAIL);
    ck_assert_str_eq(f.text, "out of cheese");
    sim_close(&s);
}
END_TEST

START_TEST(tasks_of_a_killed_process_have_ended) {
    struct sim s;
    js *t;

    demo(&s);
    t = js_object();
    js_add(t, "node", js_str("pve1"));
    js_add(t, "starttime", js_int(5));
    state_set(&s.st, t, "tasks",
              "UPID:pve1:00000001:00000002:00000005:vzstart:101:root@pam:", NULL);
    tasks_orphans(&s);
    t = task_entry(&s, "UPID:pve1:00000001:00000002:00000005:vzstart:101:root@pam:", false);
    ck_assert_str_eq(js_get_str(t, "status"), "unexpected status");
    js_freep(&t);
    sim_close(&s);
}
END_TEST

START_TEST(a_document_that_is_no_cluster_is_refused) {
    static const char *const bad[] = {"{}",
                                      "{\"nodes\":[]}",
                                      "{\"nodes\":{\"a\":1}}",
                                      "{\"nodes\":{\"a\":{}},\"guests\":{\"99\":{}}}",
                                      "{\"nodes\":{\"a\":{}},\"guests\":{\"100\":{\"type\":\"lxc\","
                                      "\"node\":\"b\",\"config\":{}}}}",
                                      "{\"nodes\":{\"a\":{}},\"guests\":{\"100\":{\"type\":\"lxc\","
                                      "\"node\":\"a\",\"config\":[]}}}",
                                      "{\"nodes\":{\"a\":{}},\"acl\":{\"/\":{\"nobody\":{}}}}"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(js_freep) js *o = parsed(bad[i]);

        ck_assert_msg(sim_check(o, NULL) == -EBADMSG, "%s went through", bad[i]);
    }
}
END_TEST

static void clean(void) {
    static const char *const names[] = {"killed", "torn", "owned", "full"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[300];

        (void)snprintf(path, sizeof(path), "%s/%s.json", dir, names[i]);
        (void)unlink(path);
        (void)snprintf(path, sizeof(path), "%s/%s.json.journal", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int main(void) {
    Suite *suite = suite_create("sim");
    TCase *t = tcase_create("parts");
    SRunner *r;
    int failed;

    if (!mkdtemp(dir)) {
        return 1;
    }
    tcase_set_timeout(t, 120);
    tcase_add_test(t, form_decodes_and_cuts_at_a_second_equals_sign);
    tcase_add_test(t, form_refuses_what_cannot_be_decoded);
    tcase_add_test(t, privileges_follow_the_nearest_path_groups_pools_and_tokens);
    tcase_add_test(t, acl_paths_are_checked);
    tcase_add_test(t, configuration_files_survive_a_round_trip);
    tcase_add_test(t, configuration_files_that_lie_are_refused);
    tcase_add_test(t, sizes_and_options_are_read);
    tcase_add_test(t, values_are_judged_in_the_words_of_the_api);
    tcase_add_test(t, a_rollback_leads_back);
    tcase_add_test(t, what_was_acknowledged_is_there_after_a_kill);
    tcase_add_test(t, a_torn_line_is_dropped_and_damage_before_it_is_not);
    tcase_add_test(t, a_state_has_one_owner);
    tcase_add_test(t, a_failed_write_undoes_the_change);
    tcase_add_test(t, the_demo_cluster_carries_the_classic_accident);
    tcase_add_test(t, the_same_seed_gives_the_same_cluster);
    tcase_add_test(t, a_refused_change_changes_nothing);
    tcase_add_test(t, a_running_vm_waits_with_what_it_cannot_take);
    tcase_add_test(t, faults_are_parsed_matched_and_used_up);
    tcase_add_test(t, tasks_of_a_killed_process_have_ended);
    tcase_add_test(t, a_document_that_is_no_cluster_is_refused);
    suite_add_tcase(suite, t);
    r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    clean();
    return failed ? 1 : 0;
}
