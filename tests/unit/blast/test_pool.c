/* SPDX-License-Identifier: Apache-2.0 */
/* Pools and the backup jobs that hang on them. Each case is a small cluster in which only one thing
 * matters; the whole list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define VM(id) "{\"type\":\"qemu\",\"vmid\":" #id ",\"node\":\"c1\"}"
#define IN(id) "{\"vmid\":" #id ",\"type\":\"qemu\"}"
#define POOLS(p, q)                                                                                \
    ",\"/pools\":[{\"poolid\":\"p\"},{\"poolid\":\"q\"},{\"poolid\":\"up/low\"}],\"/"              \
    "pools?poolid=p\":[{\"poolid\":\"p\","                                                         \
    "\"members\":[" p "]}],\"/pools?poolid=q\":[{\"poolid\":\"q\",\"members\":[" q "]}]"
#define WORLD(p, q, jobs, acl)                                                                     \
    "{\"/access/permissions\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1,\"Pool.Audit\":1,"            \
    "\"User.Modify\":1}},\"/access/roles\":[{\"roleid\":\"See\",\"privs\":\"VM.Audit\"}],"         \
    "\"/access/domains\":[{\"realm\":\"pam\"},{\"realm\":\"pve\"}],\"/access/users?full=1\":[{"    \
    "\"userid\":\"root@pam\",\"enable\":1},{\"userid\":\"a@pve\",\"enable\":1}],"                  \
    "\"/access/groups\":[],\"/access/acl\":[" acl "],\"/cluster/resources?type=vm\":[" VM(         \
        100) "," VM(101) "]" POOLS(p, q) ",\"/cluster/backup\":[" jobs "]}"
#define JOB(id, what) "{\"id\":\"" id "\"," what "}"
#define OF_P          JOB("j", "\"pool\":\"p\"")
/* closes the list of jobs */
#define FAR                                                                                        \
    "],\"/storage\":[{\"storage\":\"far\",\"type\":\"dir\",\"path\":\"/"                           \
    "far\",\"content\":\"backup\","                                                                \
    "\"nodes\":\"c2\"},{\"storage\":\"near\",\"type\":\"dir\",\"path\":\"/"                        \
    "near\",\"content\":\"backup\"}"
#define OUT  "{\"poolid\":\"p\",\"vms\":\"100\",\"delete\":1}"
#define INTO "{\"poolid\":\"p\",\"vms\":\"100\"}"

static const struct {
    const char *name, *world, *method, *form, *affects;
    const char *says; /* NULL: nothing was unread */
    int risk;
} cases[] = {
    {"out of the only schedule", WORLD(IN(100), "", OF_P, ""), "PUT", OUT,
     "vm/100 loses-backup 3 job j\n", "falls out of every", 3},
    {"another job has it", WORLD(IN(100), "", OF_P "," JOB("all", "\"all\":1"), ""), "PUT", OUT,
     "vm/100 changed 1 job j\n", "job all still has it", 1},
    {"another job is off", WORLD(IN(100), "", OF_P "," JOB("all", "\"all\":1,\"enabled\":0"), ""),
     "PUT", OUT, "vm/100 loses-backup 3 job j\n", NULL, 3},
    {"another job cannot write where the guest is",
     WORLD(IN(100), "", OF_P "," JOB("all", "\"all\":1,\"storage\":\"far\"") FAR, ""), "PUT", OUT,
     "vm/100 loses-backup 3 job j\n",
     "job all has it and cannot save it: far is not available at c1", 3},
    {"another job can",
     WORLD(IN(100), "", OF_P "," JOB("all", "\"all\":1,\"storage\":\"near\"") FAR, ""), "PUT", OUT,
     "vm/100 changed 1 job j\n", "job all still has it", 1},
    {"into a job that cannot write there",
     WORLD("", "", JOB("j", "\"pool\":\"p\",\"storage\":\"far\"") FAR, ""), "PUT", INTO,
     "vm/100 changed 1 job j\n", "which cannot save it: far is not available at c1", 1},
    {"the job is off", WORLD(IN(100), "", JOB("j", "\"pool\":\"p\",\"enabled\":0"), ""), "PUT", OUT,
     "", NULL, 0},
    {"the job is of another node",
     WORLD(IN(100), "", JOB("j", "\"pool\":\"p\",\"node\":\"c2\""), ""), "PUT", OUT, "", NULL, 0},
    {"into a schedule", WORLD("", "", OF_P, ""), "PUT", INTO, "vm/100 changed 1 job j\n",
     "from now on", 1},
    {"it is in another pool", WORLD("", IN(100), OF_P, ""), "PUT", INTO, "",
     "vm/100 is already in pool q", 3},
    {"it is in none", WORLD("", "", OF_P, ""), "PUT", OUT, "", "vm/100 is not in pool p", 3},
    {"access goes with it, too",
     WORLD(IN(100), "", "",
           "{\"path\":\"/pool/p\",\"type\":\"user\",\"ugid\":\"a@pve\",\"roleid\":\"See\","
           "\"propagate\":1}"),
     "PUT", OUT, "user/a@pve loses-access 2 /vms/100\n", NULL, 2},
    {"a guest that is not seen", WORLD("", "", "", ""), "PUT", "{\"poolid\":\"p\",\"vms\":\"105\"}",
     "", "unread a guest that is named", 3},
    {"an empty pool that a job names", WORLD("", "", OF_P, ""), "DELETE", "{\"poolid\":\"p\"}",
     "job/j loses-backup 2 pool\n", "every run fails", 2},
    {"a pool with pools below it", WORLD("", "", "", ""), "DELETE", "{\"poolid\":\"up\"}", "",
     "the pool has pools below it", 3},
    {"a pool that is not empty", WORLD(IN(100), "", "", ""), "DELETE", "{\"poolid\":\"p\"}", "",
     "the pool is not empty", 3},
};

START_TEST(pools) {
    struct blast_request q = {cases[_i].method, "/pools", NULL};
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *form = NULL;
    struct err e = {0};
    struct picture_ask ask = {.what = BLAST_POOL_NEEDS};

    ck_assert_int_eq(js_parse(cases[_i].form, strlen(cases[_i].form), &form, &e), 0);
    q.form = form;
    p = world_picture(cases[_i].world, &ask);
    (void)blast_pool(p, &q, 1, NULL, 1000, record_reset());
    record_check(cases[_i].name, cases[_i].affects, cases[_i].says, cases[_i].risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pools");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, pools, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
