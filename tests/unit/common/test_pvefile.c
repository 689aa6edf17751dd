/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /etc/pve, each odd form on its own: what comes out, and what is said of the rest. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/pvefile.h"

static js *vm(const char *text, size_t len, js *notes) {
    return pvefile_guest(false, text, len, notes);
}
static js *ct(const char *text, size_t len, js *notes) {
    return pvefile_guest(true, text, len, notes);
}
static js *sections(const char *text, size_t len, js *notes) {
    return pvefile_sections(text, len, false, notes);
}
static js *sids(const char *text, size_t len, js *notes) {
    return pvefile_sections(text, len, true, notes);
}

static js *lists(const char *text, size_t len, js *notes) {
    return pvefile_lists(text, len, true, notes);
}
static js *bare(const char *text, size_t len, js *notes) {
    return pvefile_lists(text, len, false, notes);
}

#define TEXT(s) s, sizeof(s) - 1
static const struct file_case {
    js *(*parse)(const char *text, size_t len, js *notes);
    const char *text;
    size_t len;
    const char *want;  /* the whole result, or, beginning with '.', a part of it as text */
    const char *notes; /* joined by '|' */
} cases[] = {
    {lists, TEXT("smtp: a\n\tmailto x@y\n\tmailto z@y\n\tdisable\n"),
     "{\"a\":{\"type\":\"smtp\",\"mailto\":[\"x@y\",\"z@y\"],\"disable\":[\"1\"]}}", ""},
    {bare, TEXT("gpu\n\tmap id=1,node=a\n\tmap id=2,node=b\n\nusb\n\tmap id=3\n"),
     "{\"gpu\":{\"map\":[\"id=1,node=a\",\"id=2,node=b\"]},\"usb\":{\"map\":[\"id=3\"]}}", ""},
    {bare, TEXT("two words\n\tmap x\n"), "{}",
     "line 1: is no head of a section|line 2: stands outside of a section"},
    {bare, TEXT("a\na\n\tb c\n"), "{\"a\":{\"b\":[\"c\"]}}", "line 2: a is there twice"},
    {vm, TEXT("#a%3A\n#b\nmemory: 512\n"),
     "{\"config\":{\"memory\":\"512\",\"description\":\"a:\\nb\"},\"snapshots\":{}}", ""},
    {vm, TEXT("name: x\n[PENDING]\nname: y\ndelete: net0\n[s1]\n#d\nname: z\n"),
     "{\"config\":{\"name\":\"x\"},\"snapshots\":{\"s1\":{\"name\":\"z\",\"description\":\"d\"}},"
     "\"pending\":{\"name\":\"y\",\"delete\":\"net0\"}}",
     ""},
    /* keys of a PVE that we do not know are kept and named */
    {vm, TEXT("newkey: 1\n"), "{\"config\":{\"newkey\":\"1\"},\"snapshots\":{}}",
     "line 1: the key newkey is not known"},
    {vm, TEXT("[special:fleecing]\nx: y\n"), "{\"config\":{},\"snapshots\":{}}", ""},
    {vm, TEXT("[bad name]\nname: x\n"), "{\"config\":{},\"snapshots\":{}}",
     "line 1: 'bad name' is no name of a snapshot"},
    {vm, TEXT("name: a\377b\n"), "{\"config\":{\"name\":\"a\357\277\275b\"},\"snapshots\":{}}",
     "line 1: holds bytes that are no UTF-8"},
    /* of a description nothing depends on its bytes */
    {vm, TEXT("#\377\n"), "{\"config\":{\"description\":\"\357\277\275\"},\"snapshots\":{}}", ""},
    {vm, TEXT("name: a\0b\nonboot: 1"), "{\"config\":{\"onboot\":\"1\"},\"snapshots\":{}}",
     "line 1: holds a NUL byte and is left out"},
    {vm, TEXT("nocolon\nname:\n"), "{\"config\":{},\"snapshots\":{}}",
     "line 1: is no configuration line|line 2: name has no value"},
    {ct, TEXT("lxc.cap.drop: a\nlxc.idmap = u 0 1 2\nlxc.cap.drop: b\n"),
     "{\"config\":{\"lxc\":[[\"lxc.cap.drop\",\"a\"],[\"lxc.idmap\",\"u 0 1 2\"],"
     "[\"lxc.cap.drop\",\"b\"]]},\"snapshots\":{}}",
     ""},
    /* a key of that name must not stand where the raw lines go */
    {ct, TEXT("lxc: a\nlxc.idmap: u 0 1 2\n"),
     "{\"config\":{\"lxc\":[[\"lxc.idmap\",\"u 0 1 2\"]]},\"snapshots\":{}}",
     "line 1: the key lxc is not known"},
    {sections, TEXT("dir: local\n\tpath /x y\n\tdisable\n\nnewtype: n1\n\tk v\n"),
     "{\"local\":{\"type\":\"dir\",\"path\":\"/x y\",\"disable\":\"1\"},"
     "\"n1\":{\"type\":\"newtype\",\"k\":\"v\"}}",
     ""},
    {sections, TEXT("\tlost 1\nx\ndir: a b\n\tpath /y\n"), "{}",
     "line 1: stands outside of a section|line 2: is no head of a section|"
     "line 3: is no head of a section|line 4: stands outside of a section"},
    {sids, TEXT("vm: 100\n\tstate started\nct: 100\n"),
     "{\"vm:100\":{\"state\":\"started\"},\"ct:100\":{}}", ""},
    {pvefile_users,
     TEXT("user:a@pve:1:5:A::m%3An::k:\ntoken:a@pve!t:9:1:c:\ngroup:g:a@pve,x@pve:\n"
          "pool:p/q:c:100,100x:st:\nrole:R:VM.Audit:\nacl:0:/"
          "vms:@g,a@pve!t,a@pve!u,b@pve:R,NoAccess:\n"),
     "{\"users\":{\"root@pam\":{\"enable\":1,\"expire\":0},\"a@pve\":{\"enable\":1,\"expire\":5,"
     "\"firstname\":\"A\",\"email\":\"m:n\",\"keys\":\"k\",\"tokens\":{\"t\":{\"expire\":9,"
     "\"privsep\":1,\"comment\":\"c\"}}}},\"groups\":{\"g\":{\"users\":{\"a@pve\":1,"
     "\"x@pve\":1}}},"
     "\"pools\":{\"p/q\":{\"comment\":\"c\",\"vms\":{\"100\":1},\"storage\":{\"st\":1}}},"
     "\"roles\":{\"R\":{\"VM.Audit\":1}},\"acl\":{\"/vms\":{\"group:g\":{\"R\":0,\"NoAccess\":0},"
     "\"token:a@pve!t\":{\"R\":0,\"NoAccess\":0},\"user:b@pve\":{\"R\":0,\"NoAccess\":0}}}}",
     "line 4: '100x' is no guest"},
    /* a guest belongs to the first pool that names it */
    {pvefile_users, TEXT("pool:a::100::\npool:b::100::\n"), ".\"b\":{\"vms\":{},",
     "line 2: guest 100 belongs to pool a already"},
    {pvefile_firewall,
     TEXT("[OPTIONS]\nenable : 1\n[ALIASES]\nLan 10.0.0.0/8 # c\n[IPSET S] # d\n! 1.2.3.4\n[group "
          "G]\n"
          "in accept -p tcp --dport 1:2\n[RULES]\n|OUT SSH(DROP) -i net0 # off\nGROUP g\n"),
     "{\"options\":{\"enable\":\"1\"},\"aliases\":{\"lan\":{\"name\":\"Lan\",\"cidr\":\"10.0.0.0/"
     "8\",\"comment\":\"c\"}},\"ipsets\":{\"s\":{\"comment\":\"d\",\"entries\":[{\"cidr\":\"1.2.3."
     "4\","
     "\"nomatch\":1}]}},\"groups\":{\"g\":{\"rules\":[{\"type\":\"in\",\"enable\":1,\"action\":"
     "\"accept\",\"proto\":\"tcp\",\"dport\":\"1:2\"}]}},\"rules\":[{\"type\":\"out\",\"enable\":0,"
     "\"macro\":\"SSH\",\"action\":\"DROP\",\"iface\":\"net0\",\"comment\":\"off\"},{\"type\":"
     "\"group\",\"enable\":1,\"action\":\"g\"}]}",
     ""},
    /* half a rule would match more than was meant */
    {pvefile_firewall, TEXT("[RULES]\nIN ACCEPT -source 10.0.0.1 -newopt 3\nIN ACCEPT -dport\n"),
     ".\"rules\":[]", "line 2: is no rule that can be read|line 3: is no rule that can be read"},
    {pvefile_interfaces,
     TEXT("auto a\niface a inet static\n\taddress 10.0.0.1/24\n\tup x\n\tup y\niface a inet6 auto\n"
          "source x/*\n"),
     "{\"a\":{\"families\":[\"inet\",\"inet6\"],\"options\":{\"address\":\"10.0.0.1/24\",\"up\":"
     "\"x\\ny\"},\"options6\":{},\"auto\":1,\"method\":\"static\",\"method6\":\"auto\"}}",
     "line 7: 'source x/*' is not followed"},
    {pvefile_corosync, TEXT("a {\n b {\n x: 1\n }\n b {\n x: 2\n }\n}\n"),
     "{\"a\":{\"b\":[{\"x\":\"1\"},{\"x\":\"2\"}]}}", ""},
    {pvefile_corosync, TEXT("a {\n}\n}\nb {\n"), "{\"a\":{},\"b\":{}}",
     "line 3: closes nothing|line 4: a section is not closed"},
    {pvefile_options, TEXT("keyboard: de\n#x%20y\nbad\n"), "{\"keyboard\":\"de\",\"#\":[\"x y\"]}",
     "line 3: is no \"key: value\""},
    {pvefile_cron,
     TEXT("0 2 * * 6 root vzdump 100 101 --storage nas --quiet\n"
          "5 3 * * * root #vzdump --all 1\nnonsense\n"),
     "[{\"starttime\":\"02:00\",\"dow\":\"6\",\"enabled\":\"1\",\"vmid\":\"100,101\",\"storage\":"
     "\"nas\",\"quiet\":\"1\",\"id\":\"cron-1\"},{\"starttime\":\"03:05\",\"dow\":"
     "\"mon,tue,wed,thu,fri,sat,sun\",\"enabled\":\"0\",\"all\":\"1\",\"id\":\"cron-2\"}]",
     "line 3: is no backup job"},
};

START_TEST(file) {
    const struct file_case *c = &cases[_i];
    CLEANUP(js_freep) js *notes = js_array();
    CLEANUP(js_freep) js *got = c->parse(c->text, c->len, notes);
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
    CLEANUP(buf_done) struct buf said = BUF_INIT(65536);

    ck_assert_int_eq(js_print(got, &b), 0);
    for (size_t i = 0; i < js_len(notes); i++) {
        (void)buf_addf(&said, "%s%s", i ? "|" : "", json_object_get_string(js_at(notes, i)));
    }
    ck_assert_str_eq(buf_str(&said), c->notes);
    if (c->want[0] == '.') {
        ck_assert_msg(strstr(buf_str(&b), c->want + 1) != NULL, "%s", buf_str(&b));
    } else {
        CLEANUP(js_freep) js *want = NULL;
        struct err e = {0};

        ck_assert_msg(js_parse(c->want, strlen(c->want), &want, &e) == 0, "%s", e.msg);
        ck_assert_msg(js_eq(got, want), "%s", buf_str(&b));
    }
}
END_TEST

START_TEST(doubts_are_limited_and_texts_are_not) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4U << 20);
    CLEANUP(js_freep) js *notes = js_array();
    CLEANUP(js_freep) js *v = NULL;

    for (int i = 0; i < 40000; i++) {
        (void)buf_adds(&b, "#a long description\nnonsense\n");
    }
    v = pvefile_guest(false, buf_str(&b), b.len, notes);
    ck_assert_uint_eq(js_len(notes), PVEFILE_NOTES);
    ck_assert_uint_eq(strlen(js_str_or(js_get(v, "config"), "description", "")), 40000 * 19 - 1);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pvefile");
    TCase *t = tcase_create("files");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, file, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(t, doubts_are_limited_and_texts_are_not);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
