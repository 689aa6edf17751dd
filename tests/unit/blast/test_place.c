/* SPDX-License-Identifier: Apache-2.0 */
/* Where the guests of an emptied node go. Two VMs and a container at c1; what else there is decides
 * between c2 and c3. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "says.h"

#define GB(n) #n "073741824" /* enough of it: n * 10^9 and some */
#define HAS(total, left)                                                                           \
    "{'memory':{'total':" GB(total) ",'available':" GB(left) "},'cpuinfo':{'cpus':8}}"

static const char base[] =
    "'/cluster/resources?type=vm':["
    "{'type':'qemu','vmid':100,'node':'c1','status':'running'},"
    "{'type':'qemu','vmid':101,'node':'c1','status':'running'},"
    "{'type':'lxc','vmid':102,'node':'c1','status':'running'},"
    "{'type':'qemu','vmid':110,'node':'c2','status':'running'}],"
    "'/nodes/c1/qemu/100/config':{'scsi0':'nfs:100/a.raw,size=8G','memory':'4096'},"
    "'/nodes/c1/qemu/101/config':{'scsi0':'nfs:101/a.raw,size=8G','memory':'4096'},"
    "'/nodes/c1/lxc/102/config':{'rootfs':'nfs:102/a.raw,size=8G','memory':512},"
    "'/storage':[{'storage':'nfs','type':'nfs','content':'images,rootdir'},"
    "{'storage':'zfs','type':'zfspool','content':'images,rootdir'}],"
    "'/nodes/c1/status':" HAS(64, 9) ",'/nodes/c2/status':" HAS(64, 31) ",'/nodes/c3/status':" HAS(
        64, 30);

#define HA_BOTH                                                                                    \
    "'/cluster/ha/resources':[{'sid':'vm:100','state':'started'},"                                 \
    "{'sid':'vm:101','state':'started'}]"
#define OFFLINE(a, b)                                                                              \
    "'/cluster/resources?type=node':[{'node':'c1','status':'online'},"                             \
    "{'node':'c2','status':'" a "'},{'node':'c3','status':'" b "'}]"

static const struct place_case {
    const char *name, *other, *form, *targets, *exclude, *moves, *stuck;
} cases[] = {
    {"the most memory left, and what went before counts", "", "'restart':true", NULL, "",
     "100 c2,101 c3,102 c2,", ""},
    {"containers that run need restart", "", "", NULL, "", "100 c2,101 c3,", "102 restart it runs"},
    {"left out by number", "", "", NULL, "'102':true,'100':true", "101 c2,", ""},
    {"one target only", "", "'restart':true", "['c3']", "", "100 c3,101 c3,102 c3,", ""},
    {"a target that is down", OFFLINE("offline", "online"), "'restart':true", NULL, "",
     "100 c3,101 c3,102 c3,", ""},
    {"all others are down", OFFLINE("offline", "unknown"), "'restart':true", NULL, "'102':true", "",
     "100 there is no other node that is up"},
    {"the storage is not everywhere",
     "'/storage':[{'storage':'nfs','type':'nfs','content':'images,rootdir','nodes':'c1,c3'}]",
     "'restart':true", NULL, "", "100 c3,101 c3,102 c3,", ""},
    {"a local disk", "'/nodes/c1/qemu/100/config':{'scsi0':'zfs:vm-100-disk-0,size=8G'}", "", NULL,
     "'102':true", "101 c2,", "100 scsi0 is on local storage zfs"},
    {"a device of the node", "'/nodes/c1/qemu/101/config':{'hostpci0':'0000:01:00'}", "", NULL,
     "'102':true", "100 c2,", "101 hostpci0 is a device of c1"},
    {"HA prefers the one with less left",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'node-affinity','nodes':'c3',"
             "'resources':'vm:100'}]",
     "'restart':true", NULL, "", "100 c3,101 c2,102 c2,", ""},
    {"HA allows one alone",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'node-affinity','nodes':'c3','strict':1,"
             "'resources':'vm:100'}]",
     "", "['c2']", "'102':true", "101 c2,", "100 HA rule r keeps it away from c2"},
    {"HA keeps two apart that move together",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'resource-affinity','affinity':'negative',"
             "'resources':'vm:100,vm:101'}]",
     "", "['c2']", "'102':true", "100 c2,", "101 HA rule r keeps it away from vm/100"},
    {"of several the rule names, the one it gives most; no failback, so nothing would be moved "
     "back",
     "'/cluster/ha/resources':[{'sid':'vm:100','state':'started','failback':0}],"
     "'/cluster/ha/rules':[{'rule':'r','type':'node-affinity','nodes':'c2:1,c3:2',"
     "'resources':'vm:100'}]",
     "'restart':true", NULL, "'102':true", "100 c3,101 c2,", ""},
    {"the emptied node is preferred: of the others the one with most",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'node-affinity','nodes':'c1:3,c3:2,c2:1',"
             "'resources':'vm:100'}]",
     "", NULL, "'102':true", "100 c3,101 c2,", ""},
    {"HA keeps two together: one room for both",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'resource-affinity','affinity':'positive',"
             "'resources':'vm:100,vm:101'}]",
     "", NULL, "'102':true", "100 c2,101 c2,", ""},
    {"and what one cannot do, the other does not",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'resource-affinity','affinity':'positive',"
             "'resources':'vm:100,vm:101'}],'/nodes/c1/qemu/101/config':{'hostpci0':'0000:01:00'}",
     "", NULL, "'102':true", "", "100 HA keeps it with others, and vm/101 cannot go to c3"},
    {"one of them left out would be taken along",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'r','type':'resource-affinity','affinity':'positive',"
             "'resources':'vm:100,vm:101'}]",
     "", NULL, "'102':true,'101':true", "", "100 HA keeps it with vm/101, which is excluded"},
    {"a friend elsewhere would be taken along: it goes there",
     "'/cluster/ha/resources':[{'sid':'vm:100'},{'sid':'vm:110'}],'/nodes/c2/status':" HAS(
         64,
         29) ",'/cluster/ha/rules':[{'rule':'r','type':'resource-affinity','affinity':'positive',"
             "'resources':'vm:100,vm:110'}]",
     "", NULL, "'102':true,'101':true", "100 c2,", ""},
    {"whom HA does not manage it takes along nowhere",
     "'/cluster/ha/resources':[{'sid':'vm:100'},{'sid':'vm:110','state':'ignored'}],"
     "'/nodes/c2/status':" HAS(
         64,
         29) ",'/cluster/ha/rules':[{'rule':'r','type':'resource-affinity','affinity':'positive',"
             "'resources':'vm:100,vm:110'}]",
     "", NULL, "'102':true,'101':true", "100 c3,", ""},
    {"who is to be apart from a friend is to be apart from it",
     "'/cluster/ha/resources':[{'sid':'vm:100'},{'sid':'vm:101'},{'sid':'vm:110'}],"
     "'/cluster/ha/rules':[{'rule':'p','type':'resource-affinity','affinity':'positive',"
     "'resources':'vm:100,vm:101'},{'rule':'n','type':'resource-affinity','affinity':'negative',"
     "'resources':'vm:101,vm:110'}]",
     "", NULL, "'102':true", "100 c3,101 c3,", ""},
    {"rules that contradict each other count for nothing",
     HA_BOTH ",'/cluster/ha/rules':[{'rule':'p','type':'resource-affinity','affinity':'positive',"
             "'resources':'vm:100,vm:101'},{'rule':'n','type':'resource-affinity',"
             "'affinity':'negative','resources':'vm:100,vm:101'}]",
     "", NULL, "'102':true", "100 c2,101 c3,", ""},
    {"a guest too large for a node goes to the other", "'/nodes/c2/status':" HAS(3, 3),
     "'restart':true", NULL, "'102':true", "100 c3,101 c3,", ""},
    {"nowhere large enough for a running one",
     "'/nodes/c2/status':" HAS(3, 3) ",'/nodes/c3/status':" HAS(3, 3), "", NULL, "'102':true", "",
     "100 memory c3 has less memory"},
    {"bridges",
     "'/nodes/c1/qemu/100/config':{'net0':'virtio,bridge=b7'},'/nodes/c3/network':"
     "[{'iface':'b7'}],'/nodes/c2/network':[{'iface':'b1'}]",
     "", NULL, "'102':true", "100 c3,101 c2,", ""},
};

static void list(const js *o, char *ret, size_t size) {
    size_t at = 0;

    *ret = 0;
    JS_FOREACH(o, vmid, text) {
        at += (size_t)snprintf(ret + at, size - at, "%s %s,", vmid, json_object_get_string(text));
        ck_assert(at < size);
    }
}

START_TEST(place) {
    const struct place_case *c = &cases[_i];
    struct picture_ask ask = {.what = BLAST_MIGRATE_NEEDS};
    CLEANUP(js_freep) js *all = world_object(base);
    CLEANUP(js_freep) js *some = world_object(c->other);
    CLEANUP(js_freep) js *form = world_object(c->form);
    CLEANUP(js_freep) js *exclude = world_object(c->exclude);
    CLEANUP(blast_places_done) struct blast_places to = {0};
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *asked = NULL;
    char text[1024];

    js_add(form, "online", js_bool(true));
    JS_FOREACH(some, path, answer) {
        js_add(all, path, js_ref(answer));
    }
    (void)snprintf(text, sizeof(text), "'t':%s", c->targets ? c->targets : "null");
    asked = world_object(text);
    p = world_picture_of(all, &ask);
    (void)record_reset();
    blast_place(p, "c1", c->targets ? js_get(asked, "t") : NULL, exclude, form, &to);
    list(to.moves, text, sizeof(text));
    ck_assert_msg(strcmp(text, c->moves) == 0, "%s: moves %s", c->name, text);
    list(to.stuck, text, sizeof(text));
    ck_assert_msg(strncmp(text, c->stuck, strlen(c->stuck)) == 0 && !*c->stuck == !*text,
                  "%s: stuck %s", c->name, text);
    ck_assert_msg(record_affects.len + record_rest.len == 0, "%s: a trial tells nothing", c->name);
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast place");
    TCase *t = tcase_create("tables");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, place, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
