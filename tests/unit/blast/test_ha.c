/* SPDX-License-Identifier: Apache-2.0 */
/* The analyser of high availability. Each case is a small cluster in which only one thing matters;
 * the whole list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define ROW(kind, id, node, status)                                                                \
    "{\"type\":\"" kind "\",\"vmid\":" #id ",\"node\":\"" node "\",\"status\":\"" status "\"}"
#define VM(id, node, status) ROW("qemu", id, node, status)
#define CT(id, node, status) ROW("lxc", id, node, status)
#define GUESTS(list)         "\"/cluster/resources?type=vm\":[" list "]"
#define HA(list)             ",\"/cluster/ha/resources\":[" list "]"
#define RULES(list)          ",\"/cluster/ha/rules\":[" list "]"
#define RES(sid, more)       "{\"sid\":\"" sid "\"" more "}"
#define NODES(id, nodes, who, more)                                                                \
    "{\"rule\":\"" id "\",\"type\":\"node-affinity\",\"nodes\":\"" nodes "\",\"resources\":\"" who \
    "\"" more "}"
#define PEERS(id, sort, who)                                                                       \
    "{\"rule\":\"" id "\",\"type\":\"resource-affinity\",\"affinity\":\"" sort                     \
    "\",\"resources\":\"" who "\"}"
#define MANAGER(x) ",\"/cluster/ha/status/manager_status\":{\"manager_status\":{" x "}}"
#define ONE        GUESTS(VM(100, "c1", "running"))
#define TWO        GUESTS(VM(100, "c1", "running") "," VM(101, "c2", "running"))
#define BOTH       HA(RES("vm:100", "") "," RES("vm:101", ""))
#define LOCAL_DISK                                                                                 \
    ",\"/storage\":[{\"storage\":\"zz\",\"type\":\"zfspool\",\"content\":\"images\"}],"            \
    "\"/nodes/c1/qemu/100/config\":{\"scsi0\":\"zz:vm-100-disk-0\"}"
#define R_ "/cluster/ha/resources"
#define U_ "/cluster/ha/rules"

static const struct {
    const char *name, *world, *method, *path, *form, *affects;
    const char *says; /* NULL: nothing was unread */
    int risk;
} cases[] = {
    {"a guest that runs is only watched", "{" ONE "}", "POST", R_, "{\"sid\":\"vm:100\"}",
     "vm/100 changed 1 HA running\n", NULL, 1},
    {"its number is enough", "{" ONE "}", "POST", R_, "{\"sid\":\"100\"}",
     "vm/100 changed 1 HA running\n", NULL, 1},
    {"a guest that does not run is started", "{" GUESTS(CT(100, "c1", "stopped")) "}", "POST", R_,
     "{\"sid\":\"ct:100\"}", "ct/100 changed 1 HA\nct/100 started 1 HA\n", "starts it on c1", 1},
    {"added as stopped, it is stopped", "{" ONE "}", "POST", R_,
     "{\"sid\":\"vm:100\",\"state\":\"stopped\"}",
     "vm/100 changed 1 HA running\nvm/100 halted 2 HA running\n", NULL, 2},
    {"added as ignored nothing is done", "{" ONE "}", "POST", R_,
     "{\"sid\":\"vm:100\",\"state\":\"ignored\"}", "", NULL, 0},
    {"a local disk cannot be recovered elsewhere", "{" ONE LOCAL_DISK "}", "POST", R_,
     "{\"sid\":\"vm:100\"}", "vm/100 changed 1 HA running\nvm/100 degraded 2 HA running\n",
     "if c1 fails it cannot be recovered", 2},
    {"a replica is a way out",
     "{" ONE LOCAL_DISK ",\"/cluster/replication\":[{\"id\":\"100-0\",\"guest\":100,\"target\":"
     "\"c2\"}]}",
     "POST", R_, "{\"sid\":\"vm:100\"}", "vm/100 changed 1 HA running\n", NULL, 1},
    {"there is no such guest", "{" ONE "}", "POST", R_, "{\"sid\":\"vm:105\"}",
     "vm/105 changed 1 HA\nvm/105 started 1 HA\n", "there is no guest vm:105", 3},
    {"the configuration of an HA guest is not read",
     "{" ONE ",\"/nodes/c1/qemu/100/config\":{\"!\":403}}", "POST", R_, "{\"sid\":\"vm:100\"}",
     "vm/100 changed 1 HA running\n", "unread configurations of 1 HA guests (vm/100)", 3},
    {"started becomes stopped", "{" ONE HA(RES("vm:100", "")) "}", "PUT", R_ "/vm:100",
     "{\"state\":\"stopped\"}", "vm/100 halted 2 HA running\n", NULL, 2},
    {"started becomes disabled", "{" ONE HA(RES("vm:100", "")) "}", "PUT", R_ "/vm%3A100",
     "{\"state\":\"disabled\"}", "vm/100 degraded 2 HA running\nvm/100 halted 2 HA running\n",
     "not recovered when its node fails", 2},
    {"stopped becomes started, by the default",
     "{" GUESTS(VM(100, "c1", "stopped")) HA(RES("vm:100", ",\"state\":\"stopped\"")) "}", "PUT",
     R_ "/vm:100", "{\"delete\":\"state\"}", "vm/100 started 1 HA\n", NULL, 1},
    {"fewer tries", "{" ONE HA(RES("vm:100", "")) "}", "PUT", R_ "/vm:100",
     "{\"max_restart\":0,\"max_relocate\":3}",
     "vm/100 changed 1 HA running\nvm/100 changed 1 HA running\n", "0 instead of 1", 1},
    {"in error only disabled is taken",
     "{" ONE HA(RES("vm:100", ""))
         MANAGER("\"service_status\":{\"vm:100\":{\"state\":\"error\",\"node\":\"c1\"}}") "}",
     "PUT", R_ "/vm:100", "{\"state\":\"stopped\"}", "", "only state=disabled is taken", 3},
    {"an error is cleared",
     "{" ONE HA(RES("vm:100", ""))
         MANAGER("\"service_status\":{\"vm:100\":{\"state\":\"error\",\"node\":\"c1\"}}") "}",
     "PUT", R_ "/vm:100", "{\"state\":\"disabled\"}",
     "vm/100 changed 1 HA running\nvm/100 degraded 2 HA running\n", "its error is cleared", 2},
    {"failback moves it home at once",
     "{" GUESTS(VM(100, "c2", "running")) HA(RES("vm:100", ",\"failback\":0"))
         RULES(NODES("r", "c1:2,c2:1", "vm:100", "")) "}",
     "PUT", R_ "/vm:100", "{\"failback\":1}",
     "vm/100 changed 2 HA running\nvm/100 changed 1 HA running\n", "from c2 to c1, while it runs",
     2},
    {"taken out of HA", "{" ONE HA(RES("vm:100", "")) "}", "DELETE", R_ "/vm:100", "{\"purge\":0}",
     "vm/100 degraded 2 HA running\n", "nobody restarts it", 2},
    {"the last of a rule, purged", "{" TWO BOTH RULES(PEERS("r", "negative", "vm:100,vm:101")) "}",
     "DELETE", R_ "/vm:100", "{}", "vm/101 changed 1 HA running\nvm/100 degraded 2 HA running\n",
     "fewer than two resources", 2},
    {"a rule sends it elsewhere", "{" ONE HA(RES("vm:100", "")) "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c2,c3\",\"resources\":\"vm:100\"}",
     "vm/100 changed 2 HA running\nvm/100 changed 1 HA running\n",
     "from c1 to c2, c3 (one of them)", 2},
    {"a container is interrupted by it",
     "{" GUESTS(CT(100, "c1", "running")) HA(RES("ct:100", "")) "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c2\",\"resources\":\"ct:100\"}",
     "ct/100 interrupted 2 HA running\nct/100 changed 1 HA running\n",
     "it is stopped there and started here", 2},
    {"a strict rule for one node: nowhere else to go", "{" ONE HA(RES("vm:100", "")) "}", "POST",
     U_,
     "{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c1\",\"strict\":1,\"resources\":"
     "\"vm:100\"}",
     "vm/100 degraded 2 HA running\n", "if c1 fails it cannot be recovered", 2},
    {"strict, and that node is offline",
     "{\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"online\"},{\"node\":\"c2\","
     "\"status\":\"offline\"}]," ONE HA(RES("vm:100", "")) "}",
     "POST", U_,
     "{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c2\",\"strict\":1,\"resources\":"
     "\"vm:100\"}",
     "vm/100 stranded 3 HA running\n", "no node that is online may have it", 3},
    {"kept apart, one goes",
     "{" GUESTS(VM(100, "c1", "running") "," VM(101, "c1", "running")) BOTH "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"resource-affinity\",\"affinity\":\"negative\",\"resources\":"
     "\"vm:100,vm:101\"}",
     "vm/100 changed 2 HA running\nvm/100 changed 1 HA running\nvm/101 changed 1 HA running\n",
     "moves it from c1 to c2, c3", 2},
    {"kept together, one goes to the other", "{" TWO BOTH "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"resource-affinity\",\"affinity\":\"positive\",\"resources\":"
     "\"vm:100,vm:101\"}",
     "vm/100 changed 2 HA running\nvm/100 changed 1 HA running\n", "from c1 to c2, while it runs",
     2},
    {"a rule of one is none", "{" ONE HA(RES("vm:100", "")) "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"resource-affinity\",\"affinity\":\"negative\",\"resources\":"
     "\"vm:100\"}",
     "", "PVE will refuse the rule r: it names fewer than two", 3},
    {"two node rules for one guest",
     "{" ONE HA(RES("vm:100", "")) RULES(NODES("q", "c1", "vm:100", "")) "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c1\",\"resources\":\"vm:100\"}", "",
     "in another node affinity rule", 3},
    {"together and apart at once", "{" TWO BOTH RULES(PEERS("q", "negative", "vm:100,vm:101")) "}",
     "POST", U_,
     "{\"rule\":\"r\",\"type\":\"resource-affinity\",\"affinity\":\"positive\",\"resources\":"
     "\"vm:100,vm:101\"}",
     "vm/100 changed 1 HA running\nvm/101 changed 1 HA running\n", "to be kept apart", 3},
    {"a rule names what HA has not", "{" TWO HA(RES("vm:100", "")) "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"resource-affinity\",\"affinity\":\"negative\",\"resources\":"
     "\"vm:100,vm:101\"}",
     "", "HA does not have vm:101", 3},
    {"a rule names no node there is", "{" ONE HA(RES("vm:100", "")) "}", "POST", U_,
     "{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c9,c1\",\"resources\":\"vm:100\"}", "",
     "there is no node c9", 3},
    {"a rule switched off",
     "{" ONE HA(RES("vm:100", "")) RULES(NODES("r", "c1", "vm:100", ",\"strict\":1")) "}", "PUT",
     U_ "/r", "{\"disable\":1}", "vm/100 changed 1 HA running\n", "(before: no node)", 1},
    {"a rule goes that nobody felt",
     "{" ONE HA(RES("vm:100", "")) RULES(NODES("r", "c1:1,c2,c3", "vm:100", "")) "}", "DELETE",
     U_ "/r", "{}", "", NULL, 0},
    {"no such rule", "{" ONE "}", "DELETE", U_ "/r", "{}", "", "unread what the request does", 3},
    {"a group of PVE 8 becomes restricted",
     "{" GUESTS(VM(100, "c1", "running"))
         HA(RES("vm:100", ",\"group\":\"g\"")) ",\"/cluster/ha/rules\":{\"!\":501},\"/cluster/ha/"
                                               "groups\":[{\"group\":\"g\",\"nodes\":"
                                               "\"c1,c2\"}]}",
     "PUT", "/cluster/ha/groups/g", "{\"restricted\":1,\"nodes\":\"c1\"}",
     "vm/100 degraded 2 HA running\n", NULL, 2},
    {"its nofailback goes",
     "{" GUESTS(VM(100, "c2", "running"))
         HA(RES("vm:100", ",\"group\":\"g\"")) ",\"/cluster/ha/"
                                               "groups\":[{\"group\":\"g\",\"nodes\":\"c1:9,c2\","
                                               "\"nofailback\":1}]}",
     "PUT", "/cluster/ha/groups/g", "{\"delete\":\"nofailback\"}",
     "vm/100 changed 2 HA running\nvm/100 changed 1 HA running\n", "from c2 to c1", 2},
    {"a group in use is not deleted",
     "{" ONE HA(RES(
         "vm:100",
         ",\"group\":\"g\"")) ",\"/cluster/ha/groups\":[{\"group\":\"g\",\"nodes\":\"c1,c2,c3\"}]}",
     "DELETE", "/cluster/ha/groups/g", "{}", "", "is used by vm:100", 3},
    {"a group that could not be read",
     "{" ONE HA(RES("vm:100", ",\"group\":\"g\"")) ",\"/cluster/ha/groups\":{\"!\":403}}", "PUT",
     R_ "/vm:100", "{\"max_restart\":2}", "vm/100 changed 1 HA running\n", "unread HA groups", 3},
    {"moved, and stays", "{" ONE HA(RES("vm:100", "")) "}", "POST", R_ "/vm:100/migrate",
     "{\"node\":\"c2\"}", "vm/100 changed 2 HA running\n", "moved from c1 to c2, while it runs", 2},
    {"relocated it is stopped", "{" ONE HA(RES("vm:100", "")) "}", "POST", R_ "/vm:100/relocate",
     "{\"node\":\"c2\"}", "vm/100 interrupted 2 HA running\n", "stopped there", 2},
    {"moved, and moved back by a rule",
     "{" ONE HA(RES("vm:100", "")) RULES(NODES("r", "c1", "vm:100", "")) "}", "POST",
     R_ "/vm:100/migrate", "{\"node\":\"c2\"}",
     "vm/100 changed 2 HA running\nvm/100 changed 3 HA running\n", "moves it on to c1", 3},
    {"moved with its peer",
     "{" GUESTS(VM(100, "c1", "running") "," VM(101, "c1", "running"))
         BOTH RULES(PEERS("r", "positive", "vm:100,vm:101")) "}",
     "POST", R_ "/vm:100/migrate", "{\"node\":\"c2\"}",
     "vm/100 changed 2 HA running\nvm/101 changed 2 HA running\n", "kept together with it", 2},
    {"kept apart from what is there",
     "{" TWO BOTH RULES(PEERS("r", "negative", "vm:100,vm:101")) "}", "POST", R_ "/vm:100/migrate",
     "{\"node\":\"c2\"}", "", "keeps it apart from vm/101", 3},
    {"moved to a node in maintenance",
     "{" ONE HA(RES("vm:100", "")) MANAGER("\"node_status\":{\"c2\":\"maintenance\"}") "}", "POST",
     R_ "/vm:100/migrate", "{\"node\":\"c2\"}", "", "is not online", 3},
    {"disarmed", "{" TWO BOTH "}", "POST", "/cluster/ha/status/disarm-ha",
     "{\"resource-mode\":\"freeze\"}",
     "vm/100 degraded 2 HA running\nvm/101 degraded 2 HA running\n", "wait", 2},
    {"armed: what was stopped by hand is started",
     "{" GUESTS(VM(100, "c1", "stopped")) HA(RES("vm:100", ""))
         MANAGER("\"disarm\":{\"mode\":\"ignore\",\"state\":\"disarmed\"}") "}",
     "POST", "/cluster/ha/status/arm-ha", "{}", "vm/100 started 1 HA\n", NULL, 1},
    {"changed while disarmed",
     "{" ONE HA(RES("vm:100", "")) MANAGER("\"disarm\":{\"mode\":\"ignore\"}") "}", "PUT",
     R_ "/vm:100", "{\"max_restart\":2}", "vm/100 changed 1 HA running\n", "once it is armed", 2},
    {"the lists are not readable", "{" ONE ",\"/cluster/ha/resources\":{\"!\":403}}", "POST", R_,
     "{\"sid\":\"vm:100\"}", "vm/100 changed 1 HA running\n", "unread HA resources and rules", 3},
};

START_TEST(manager) {
    struct blast_request q = {cases[_i].method, cases[_i].path, NULL};
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *form = NULL;
    struct err e = {0};
    struct picture_ask ask = {.what = BLAST_HA_NEEDS, .vmid = 100};

    ck_assert_int_eq(js_parse(cases[_i].form, strlen(cases[_i].form), &form, &e), 0);
    q.form = form;
    p = world_picture(cases[_i].world, &ask);
    (void)blast_ha(p, &q, 1, record_reset());
    record_check(cases[_i].name, cases[_i].affects, cases[_i].says, cases[_i].risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ha");
    TCase *t = tcase_create("manager");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, manager, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
