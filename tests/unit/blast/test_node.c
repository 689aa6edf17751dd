/* SPDX-License-Identifier: Apache-2.0 */
/* The analysers of nodes and of what stands for their devices. Each case is a cluster in which only
 * one thing matters; the whole list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "world.h"

#define ROW(kind, id, node, status)                                                                \
    "{\"type\":\"" kind "\",\"vmid\":" #id ",\"node\":\"" node "\",\"status\":\"" status           \
    "\",\"name\":\"g" #id "\"}"
#define GUESTS(list)             "\"/cluster/resources?type=vm\":[" list "]"
#define CFG(node, kind, id, cfg) "\"/nodes/" node "/" kind "/" #id "/config\":{" cfg "}"

static void compare(const char *name, const char *affects, const char *says, int risk) {
    ck_assert_msg(strcmp(buf_str(&record_affects), affects) == 0, "%s:\n%s%s", name,
                  buf_str(&record_affects), buf_str(&record_rest));
    ck_assert_msg(says ? strstr(buf_str(&record_rest), says) != NULL
                       : strstr(buf_str(&record_rest), "unread") == NULL,
                  "%s:\n%s", name, buf_str(&record_rest));
    ck_assert_msg(record_risk == risk, "%s: risk %d\n%s", name, record_risk, buf_str(&record_rest));
}

static js *parsed(const char *text) {
    js *v = NULL;

    ck_assert_int_eq(js_parse(text, strlen(text), &v, NULL), 0);
    return v;
}

/* --- mappings --- */

#define VM_WITH(cfg)                                                                               \
    "{" GUESTS(ROW("qemu", 100, "c1", "running")) "," CFG("c1", "qemu", 100, cfg) "}"
#define GPU   "\"hostpci0\":\"mapping=gpu,pcie=1\""
#define AT_C1 "[\"node=c1,path=0000:01:00.0\"]"
#define AT_C2 "[\"node=c2,path=0000:01:00.0\"]"
#define OTHER "[\"node=c1,path=0000:02:00.0\"]"

static const struct mapping_case {
    const char *name, *world, *type, *id, *before, *after, *affects, *says;
    int risk;
} mappings[] = {
    {"gone", VM_WITH(GPU), "pci", "gpu", AT_C1, NULL, "vm/100 wont-boot 3 hostpci0 running\n", NULL,
     3},
    {"another name", VM_WITH(GPU), "pci", "gpu2", AT_C1, NULL, "", NULL, 0},
    {"another type", VM_WITH(GPU), "usb", "gpu", AT_C1, NULL, "", NULL, 0},
    {"not at its node any more", VM_WITH(GPU), "pci", "gpu", AT_C1, AT_C2,
     "vm/100 wont-boot 3 hostpci0 running\n", "stands for nothing", 3},
    {"another device", VM_WITH(GPU), "pci", "gpu", AT_C1, OTHER,
     "vm/100 changed 2 hostpci0 running\n", NULL, 2},
    {"the same device at its node", VM_WITH(GPU), "pci", "gpu", AT_C1,
     "[\"node=c1,path=0000:01:00.0\",\"node=c2,path=0000:09:00.0\"]", "", NULL, 0},
    {"USB", VM_WITH("\"usb1\":\"mapping=key,usb3=1\""), "usb", "key", "[\"node=c1,id=1:2\"]", NULL,
     "vm/100 wont-boot 3 usb1 running\n", NULL, 3},
    {"a raw device of that number", VM_WITH("\"hostpci0\":\"0000:01:00.0\""), "pci", "gpu", AT_C1,
     NULL, "", NULL, 0},
    {"a directory", VM_WITH("\"virtiofs0\":\"dirid=share\""), "dir", "share",
     "[\"node=c1,path=/a\"]", NULL, "vm/100 wont-boot 3 virtiofs0 running\n", NULL, 3},
    {"a directory in the short form", VM_WITH("\"virtiofs0\":\"share,cache=always\""), "dir",
     "share", "[\"node=c1,path=/a\"]", NULL, "vm/100 wont-boot 3 virtiofs0 running\n", NULL, 3},
    {"a configuration that may not be read",
     "{" GUESTS(ROW("qemu", 100, "c1", "running")) ",\"/nodes/c1/qemu/100/config\":{\"!\":403}}",
     "pci", "gpu", AT_C1, NULL, "", "unread", 3},
};

START_TEST(mapping) {
    for (size_t i = 0; i < ARRAY_LEN(mappings); i++) {
        const struct mapping_case *c = &mappings[i];
        const struct picture_ask ask = {.what = BLAST_MAPPING_NEEDS};
        CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);
        CLEANUP(js_freep) js *before = parsed(c->before);
        CLEANUP(js_freep) js *after = c->after ? parsed(c->after) : NULL;

        (void)blast_mapping(p, c->type, c->id, before, after, record_reset());
        compare(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

/* --- services --- */

#define TWO                                                                                                                                                                  \
    "{" GUESTS(                                                                                                                                                              \
        ROW("qemu", 100, "c1", "running") "," ROW(                                                                                                                           \
            "lxc", 101,                                                                                                                                                      \
            "c1", "running") "," ROW("qemu", 102, "c2",                                                                                                                      \
                                     "running")) "," CFG("c1", "qemu", 100,                                                                                                  \
                                                         "\"net0\":\"virtio=A,bridge=b,firewall="                                                                            \
                                                         "1\"") "," CFG("c1", "lxc", 101,                                                                                    \
                                                                        "\"net0\":\"name=eth0,"                                                                              \
                                                                        "bridge=b\"") "," CFG("c"                                                                            \
                                                                                              "2",                                                                           \
                                                                                              "qe"                                                                           \
                                                                                              "m"                                                                            \
                                                                                              "u",                                                                           \
                                                                                              102,                                                                           \
                                                                                              "\""                                                                           \
                                                                                              "ne"                                                                           \
                                                                                              "t0"                                                                           \
                                                                                              "\""                                                                           \
                                                                                              ":"                                                                            \
                                                                                              "\""                                                                           \
                                                                                              "vi"                                                                           \
                                                                                              "rt"                                                                           \
                                                                                              "io"                                                                           \
                                                                                              "=A"                                                                           \
                                                                                              ",b"                                                                           \
                                                                                              "ri"                                                                           \
                                                                                              "dg"                                                                           \
                                                                                              "e="                                                                           \
                                                                                              "b,"                                                                           \
                                                                                              "fi"                                                                           \
                                                                                              "re"                                                                           \
                                                                                              "wa"                                                                           \
                                                                                              "ll"                                                                           \
                                                                                              "=1"                                                                           \
                                                                                              "\"") ","                                                                      \
                                                                                                    "\"/cluster/ha/resources\":[{\"sid\":\"ct:101\",\"state\":\"started\"}," \
                                                                                                    "{\"sid\":\"vm:102\",\"state\":\"started\"}]}"

static const struct service_case {
    const char *name, *service, *action, *affects, *says;
    int risk;
} service_cases[] = {
    {"harmless", "cron", "restart", "node/c1 degraded 0 cron\n", NULL, 0},
    {"start", "postfix", "start", "node/c1 started 1 postfix\n", NULL, 1},
    {"reload", "pveproxy", "reload", "node/c1 started 1 pveproxy\n", NULL, 1},
    {"jobs", "pvescheduler", "stop", "node/c1 degraded 2 pvescheduler\n", NULL, 2},
    {"our own way in", "pveproxy", "stop", "node/c1 degraded 3 pveproxy\n", "way back", 3},
    {"firewall", "pve-firewall", "stop",
     "node/c1 degraded 3 pve-firewall\nvm/100 exposed 3 pve-firewall running\n", NULL, 3},
    {"firewall for a moment", "pve-firewall", "restart", "node/c1 degraded 2 pve-firewall\n", NULL,
     2},
    {"HA guests of the node alone", "corosync", "stop",
     "node/c1 degraded 3 corosync\nct/101 halted 3 corosync running\n", NULL, 3},
    {"also when it restarts", "corosync", "restart",
     "node/c1 degraded 3 corosync\nct/101 halted 3 corosync running\n", NULL, 3},
    {"unknown", "frobnicated", "stop", "", "unread the service", 3},
};

START_TEST(service) {
    for (size_t i = 0; i < ARRAY_LEN(service_cases); i++) {
        const struct service_case *c = &service_cases[i];
        const struct picture_ask ask = {.what = BLAST_NODE_SERVICE_NEEDS};
        CLEANUP(picture_freep) struct picture *p = world_picture(TWO, &ask);

        (void)blast_node_service(p, "c1", c->service, c->action, record_reset());
        compare(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("node");
    TCase *t = tcase_create("cases");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, mapping);
    tcase_add_test(t, service);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
