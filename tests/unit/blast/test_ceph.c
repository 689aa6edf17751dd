/* SPDX-License-Identifier: Apache-2.0 */
/* The analyser of Ceph: three hosts with an OSD each, three monitors, a guest in each of two pools;
 * each case is a cluster in which only one thing matters. The whole list of affects is compared, so
 * a thing too much fails as well as a thing too little. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define OSD(id, state, in)                                                                         \
    "{'type':'osd','id':" #id ",'status':'" state "','in':" #in                                    \
    ",'total_space':1000,'bytes_used':100}"
#define HOST(name, osd) "{'type':'host','name':'" name "','children':[" osd "]}"
#define TREE(a, b, c)                                                                              \
    "'/nodes/c1/ceph/osd':{'root':{'children':[{'type':'root','children':[" HOST(                  \
        "c1", a) "," HOST("c2", b) "," HOST("c3", c) "]}]}}"
#define ALL_UP       TREE(OSD(0, "up", 1), OSD(1, "up", 1), OSD(2, "up", 1))
#define ONE_OFF      TREE(OSD(0, "up", 1), OSD(1, "down", 1), OSD(2, "up", 1))
#define MON(n, more) "{'name':'" n "','host':'" n "'" more "}"
#define MONS                                                                                       \
    "'/nodes/c1/ceph/mon':[" MON("c1", ",'quorum':1") "," MON("c2", ",'quorum':1") "," MON(        \
        "c3", ",'quorum':1") "]"
#define MONS_2                                                                                     \
    "'/nodes/c1/ceph/mon':[" MON("c1", ",'quorum':1") "," MON("c2", ",'quorum':1") "," MON("c3",   \
                                                                                           "") "]"
#define MON_ONE "'/nodes/c1/ceph/mon':[" MON("c1", ",'quorum':1") "]"
#define POOLS(size, least)                                                                         \
    "'/nodes/c1/ceph/pool':[{'pool_name':'rbd','size':" #size ",'min_size':" #least                \
    ",'type':'replicated','crush_rule_name':'replicated_rule','pg_num':32,'bytes_used':90},"       \
    "{'pool_name':'meta','size':" #size ",'min_size':" #least ",'type':'replicated',"              \
    "'crush_rule_name':'replicated_rule','pg_num':32,'bytes_used':1}]"
#define FS                                                                                         \
    "'/nodes/c1/ceph/fs':[{'name':'cephfs','metadata_pool':'meta','data_pool':'meta',"             \
    "'data_pools':['meta']}]"
#define MDS(state)                                                                                 \
    "'/nodes/c1/ceph/mds':[{'name':'c1','host':'c1','state':'up:active'},{'name':'c2','host':"     \
    "'c2','state':'" state "'}]"
#define MGR(state)                                                                                 \
    "'/nodes/c1/ceph/mgr':[{'name':'c1','host':'c1','state':'active'},{'name':'c2','host':'c2',"   \
    "'state':'" state "'}]"
#define STORES                                                                                     \
    "'/storage':[{'storage':'rr','type':'rbd','pool':'rbd','content':'images'},{'storage':'ff',"   \
    "'type':'cephfs','content':'iso'},{'storage':'far','type':'rbd','pool':'rbd','monhost':"       \
    "'10.9.9.9','content':'images'}]"
#define VM(id) "{'type':'qemu','vmid':" #id ",'node':'c1','status':'running','name':'g'}"
#define REST                                                                                       \
    FS "," MGR("standby") "," STORES ",'/cluster/resources?type=vm':[" VM(100) "," VM(             \
        101) "],"                                                                                  \
             "'/nodes/c1/qemu/100/config':{'scsi0':'rr:vm-100-disk-0,size=4G'},"                   \
             "'/nodes/c1/qemu/101/config':{'scsi0':'far:vm-101-disk-0,size=4G'}"
#define QUIET                   ALL_UP "," MONS "," POOLS(3, 2) "," MDS("up:standby") "," REST
#define WITH(osds, mons, pools) osds "," mons "," pools "," MDS("up:standby") "," REST

static const struct ceph_case {
    const char *name, *world, *method, *path, *form;
    const char *affects; /* all of them */
    const char *says;    /* somewhere in whys, risks and unreads; NULL = no unread at all */
    int risk;
} cases[] = {
    {"an OSD stops, two copies are left", QUIET, "POST", "/nodes/c1/ceph/stop", "'service':'osd.0'",
     "ceph degraded 2 osd\nceph-pool/rbd degraded 2 osd\nceph-pool/meta degraded 2 osd\n",
     "2 of 3 copies are left", 2},
    {"with another one down data stand still: only in our own Ceph",
     WITH(ONE_OFF, MONS, POOLS(3, 2)), "POST", "/nodes/c1/ceph/stop", "'service':'osd.0'",
     "ceph degraded 2 osd\nceph-pool/rbd unreachable 3 osd\nvm/100 unreachable 3 scsi0 running\n"
     "ceph-pool/meta unreachable 3 osd\n",
     NULL, 3},
    {"one of two monitors that run goes", WITH(ALL_UP, MONS_2, POOLS(3, 2)), "DELETE",
     "/nodes/c1/ceph/mon/c1", "", "ceph unreachable 3 mon\nvm/100 unreachable 3 scsi0 running\n",
     "no majority", 3},
    {"one of three monitors stops", QUIET, "POST", "/nodes/c1/ceph/stop", "'service':'mon.c1'",
     "ceph degraded 2 mon\n", "just a majority", 2},
    {"the last monitor", WITH(ALL_UP, MON_ONE, POOLS(3, 2)), "DELETE", "/nodes/c1/ceph/mon/c1", "",
     "", "last monitor", 3},
    {"a fourth monitor", QUIET, "POST", "/nodes/c1/ceph/mon/c4", "", "ceph changed 1 mon\n", NULL,
     1},
    {"a manager that another one follows", QUIET, "DELETE", "/nodes/c1/ceph/mgr/c1", "",
     "ceph changed 1 mgr\n", NULL, 1},
    {"the active metadata server, and one stands by", QUIET, "POST", "/nodes/c1/ceph/stop",
     "'service':'mds.c1'", "ceph degraded 1 mds\n", "a standby takes over", 1},
    {"pause", QUIET, "PUT", "/cluster/ceph/flags/pause", "'value':1",
     "ceph unreachable 3 pause\nvm/100 unreachable 3 scsi0 running\n", "no reads and no writes", 3},
    {"noout", QUIET, "PUT", "/cluster/ceph/flags/noout", "'value':1", "ceph degraded 2 flag\n",
     NULL, 2},
    {"noout no more", QUIET, "PUT", "/cluster/ceph/flags/noout", "'value':0",
     "ceph changed 1 flag\n", NULL, 1},
    {"a flag that is not known", QUIET, "PUT", "/cluster/ceph/flags/nosuch", "'value':1", "",
     "unread what the flag does", 3},
    {"a service that is not known", QUIET, "POST", "/nodes/c1/ceph/stop", "'service':'rgw.x'", "",
     "unread what the service does", 3},
    {"a pool goes with the guest in it, not with that of another Ceph", QUIET, "DELETE",
     "/nodes/c1/ceph/pool/rbd", "",
     "ceph-pool/rbd destroyed 3 pool\nstorage/rr unreachable 2 pool\n"
     "vm/100 destroyed 3 scsi0 running only\n",
     "refuse it without force", 3},
    {"fewer copies than are served", QUIET, "PUT", "/nodes/c1/ceph/pool/rbd", "'size':1",
     "ceph-pool/rbd degraded 3 size\nvm/100 degraded 3 scsi0 running only\n"
     "ceph-pool/rbd exposed 3 size\n",
     "min_size 2 is more than size 1", 3},
    {"a request that is not known", QUIET, "POST", "/nodes/c1/ceph/what", "", "",
     "unread what the request does", 3},
};

START_TEST(ceph) {
    const struct ceph_case *c = &cases[_i];
    CLEANUP(js_freep) js *world = world_object(c->world);
    CLEANUP(js_freep) js *form = world_object(c->form);
    const struct blast_request q = {c->method, c->path, form};
    const struct picture_ask ask = {.what = blast_ceph_needs(&q), .nodes = "c1"};
    CLEANUP(picture_freep) struct picture *p = world_picture_of(world, &ask);

    ck_assert_int_eq(blast_ceph(p, "c1", &q, record_reset()), 0);
    record_check(c->name, c->affects, c->says, c->risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast ceph");
    TCase *t = tcase_create("table");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, ceph, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
