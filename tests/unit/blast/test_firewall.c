/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall analyser. Each case is a small cluster in which only one thing matters; what must be
 * said, and what must not, is looked for in the list of affects. The packets themselves are held
 * against a model of its own in tests/model/firewall.py. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/fw.h"
#include "proximo-client/pipeline/draft.h"
#include "world.h"

#define CF "/cluster/firewall"
#define NF "/nodes/c1/firewall"
#define GF "/nodes/c1/lxc/301/firewall"
/* One node, 10.0.0.1 and 2001:db8::1 on vmbr0, 192.168.7.1 on vmbr1; a second one for corosync. */
#define NODE                                                                                       \
    "\"/access/permissions\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1,\"SDN.Audit\":1}},"            \
    "\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"online\"}],"                  \
    "\"/cluster/status\":[{\"type\":\"node\",\"name\":\"c1\",\"ip\":\"10.0.0.1\"}],"               \
    "\"/cluster/config/nodes\":[{\"node\":\"c1\",\"ring0_addr\":\"192.168.7.1\"},"                 \
    "{\"node\":\"c2\",\"ring0_addr\":\"192.168.7.2\"}],"                                           \
    "\"/nodes/c1/network\":[{\"iface\":\"vmbr0\",\"address\":\"10.0.0.1\",\"cidr\":"               \
    "\"10.0.0.1/24\",\"address6\":\"2001:db8::1\",\"cidr6\":\"2001:db8::1/64\"},"                  \
    "{\"iface\":\"vmbr1\",\"address\":\"192.168.7.1\",\"cidr\":\"192.168.7.1/24\"}]"
#define ON           "\"" CF "/options\":{\"enable\":1}"
#define OPEN         "\"" CF "/options\":{\"enable\":1,\"policy_in\":\"ACCEPT\"}"
#define RULES(l)     "\"" CF "/rules\":[" l "]"
#define NRULES(l)    "\"" NF "/rules\":[" l "]"
#define R(t, a, x)   "{\"type\":\"" t "\",\"action\":\"" a "\",\"enable\":1" x "}"
#define TCP(port)    ",\"proto\":\"tcp\",\"dport\":\"" port "\""
#define FROM(a)      ",\"source\":\"" a "\""
#define MACRO(m)     ",\"macro\":\"" m "\""
#define SET(name, l) "\"" CF "/ipset\":[{\"name\":\"" name "\"}],\"" CF "/ipset/" name "\":[" l "]"
#define CIDR(a)      "{\"cidr\":\"" a "\"}"
#define GROUP(l)     "\"" CF "/groups\":[{\"group\":\"web\"}],\"" CF "/groups/web\":[" l "]"
#define ALIAS(a)     "\"" CF "/aliases\":[{\"name\":\"office\",\"cidr\":\"" a "\"}]"
#define CT(opt, rules, net)                                                                        \
    "\"/cluster/resources?type=vm\":[{\"type\":\"lxc\",\"vmid\":301,\"node\":\"c1\",\"status\":"   \
    "\"running\",\"name\":\"web\"}],\"" GF "/options\":{" opt "},\"" GF "/rules\":[" rules "],"    \
    "\"/nodes/c1/lxc/301/config\":{\"net0\":\"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,"    \
    "ip=10.0.0.30/24" net "\"}"
#define W(x) "{" NODE "," x "}"

static const struct {
    const char *name, *world, *method, *path, *form, *own;
    const char *want[4]; /* in the affects */
    const char * not ;   /* not in them; NULL = no question */
    const char *says;    /* in the rest; NULL: then nothing was unread */
    int risk;
} cases[] = {
    {"switched on, we are elsewhere",
     W("\"" CF "/options\":{}"),
     "PUT",
     CF "/options",
     "{\"enable\":1}",
     "203.0.113.9",
     {"node/c1 lockout 3 PVE API (tcp)", "node/c1 unreachable 3 SSH (tcp)",
      "node/c1 unreachable 3 corosync, further links (udp)"},
     "exposed",
     NULL,
     3},
    {"switched on, we are in the local network",
     W("\"" CF "/options\":{}"),
     "PUT",
     CF "/options",
     "{\"enable\":1}",
     "10.0.0.7",
     {"node/c1 unreachable 3 PVE API (tcp)"},
     "lockout",
     NULL,
     3},
    {"switched off",
     W(ON),
     "PUT",
     CF "/options",
     "{\"enable\":0}",
     "10.0.0.7",
     {"node/c1 exposed 3 PVE API (tcp)", "node/c1 exposed 3 SSH (tcp)"},
     "lockout",
     NULL,
     3},
    {"policy opened",
     W(ON),
     "PUT",
     CF "/options",
     "{\"policy_in\":\"ACCEPT\"}",
     "10.0.0.7",
     {"node/c1 exposed 3 SSH (tcp)"},
     "unreachable",
     NULL,
     3},
    {"policy closed outwards",
     W(ON),
     "PUT",
     CF "/options",
     "{\"policy_out\":\"DROP\"}",
     "10.0.0.7",
     {"node/c1 unreachable 3 outgoing SSH (tcp)"},
     "unreachable 3 PVE API",
     NULL,
     3},
    {"policy is no option of guests",
     W(ON "," CT("\"enable\":1", "", ",firewall=1")),
     "PUT",
     CF "/options",
     "{\"policy_in\":\"ACCEPT\"}",
     "10.0.0.7",
     {"node/c1 exposed"},
     "ct/301",
     NULL,
     3},
    {"a drop above an accept",
     W(ON "," RULES(R("in", "ACCEPT", TCP("8006")))),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1,\"proto\":\"tcp\",\"dport\":"
     "\"8006\"}",
     "203.0.113.9",
     {"node/c1 lockout 3 PVE API (tcp)\n"},
     "SSH",
     NULL,
     3},
    {"the same, not enabled",
     W(ON "," RULES(R("in", "ACCEPT", TCP("8006")))),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"proto\":\"tcp\",\"dport\":\"8006\"}",
     "203.0.113.9",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"the same under a policy that drops anyway",
     W(ON),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"9999\"}",
     "203.0.113.9",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"a drop moved above an accept",
     W(ON "," RULES(R("in", "ACCEPT", TCP("22")) "," R("in", "DROP", TCP("22")))),
     "PUT",
     CF "/rules/1",
     "{\"moveto\":0}",
     "203.0.113.9",
     {"node/c1 unreachable 3 SSH (tcp)\n"},
     "API",
     NULL,
     3},
    {"moved down by one is not moved",
     W(ON "," RULES(R("in", "ACCEPT", TCP("22")) "," R("in", "DROP", TCP("22")))),
     "PUT",
     CF "/rules/0",
     "{\"moveto\":1}",
     "203.0.113.9",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"a node's rule stands above the cluster's",
     W(ON "," RULES(R("in", "ACCEPT", TCP("22"))) "," NRULES(R("in", "DROP", TCP("22")))),
     "DELETE",
     CF "/rules/0",
     "{}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"macro",
     W(ON "," RULES(R("in", "ACCEPT", MACRO("SSH")))),
     "DELETE",
     CF "/rules/0",
     "{}",
     "10.0.0.7",
     {"node/c1 unreachable 3 SSH (tcp)\n"},
     "API",
     NULL,
     3},
    {"macro of two protocols",
     W(ON),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"macro\":\"dns\"}",
     "10.0.0.7",
     {"node/c1 exposed 3 DNS (tcp)", "node/c1 exposed 3 DNS (udp)"},
     "SSH",
     NULL,
     3},
    {"security group in use",
     W(ON "," RULES(R("group", "web", "")) "," GROUP("")),
     "POST",
     CF "/groups/web",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"443\"}",
     "10.0.0.7",
     {"node/c1 exposed 3 HTTPS (tcp)\n"},
     "SSH",
     NULL,
     3},
    {"security group nobody uses",
     W(ON "," GROUP("")),
     "POST",
     CF "/groups/web",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"443\"}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"security group of another interface",
     W(ON "," RULES(R("group", "web", ",\"iface\":\"vmbr9\"")) "," GROUP("")),
     "POST",
     CF "/groups/web",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"443\"}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"security group renamed: PVE takes its users along",
     W(ON "," RULES(R("group", "web", "")) "," GROUP(R("in", "ACCEPT", TCP("443")))),
     "POST",
     CF "/groups",
     "{\"group\":\"new\",\"rename\":\"web\"}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"IP set renamed: its users name nothing",
     W(ON "," RULES(R("in", "ACCEPT", TCP("22") FROM("+adm"))) "," SET("adm",
                                                                       CIDR("198.51.100.0/24"))),
     "POST",
     CF "/ipset",
     "{\"name\":\"new\",\"rename\":\"adm\"}",
     "10.0.0.7",
     {"node/c1 unreachable 3 SSH (tcp)\n", "cluster degraded 2 rules of the cluster"},
     "API",
     NULL,
     3},
    {"IP set grows",
     W(ON "," RULES(R("in", "ACCEPT", TCP("5432") FROM("+adm"))) "," SET("adm",
                                                                         CIDR("198.51.100.0/24"))),
     "POST",
     CF "/ipset/adm",
     "{\"cidr\":\"203.0.113.0/24\"}",
     "10.0.0.7",
     {"node/c1 exposed 2 PostgreSQL (tcp)\n"},
     "SSH",
     NULL,
     2},
    {"an exception in an IP set",
     W(ON "," RULES(R("in", "ACCEPT", TCP("8006") FROM("+adm"))) "," SET("adm",
                                                                         CIDR("203.0.113.0/24"))),
     "POST",
     CF "/ipset/adm",
     "{\"cidr\":\"203.0.113.9\",\"nomatch\":1}",
     "203.0.113.9",
     {"node/c1 lockout 3 PVE API (tcp)\n"},
     "exposed",
     NULL,
     3},
    {"of two entries for one network the last counts",
     W(ON
       "," RULES(R("in", "ACCEPT", TCP("8006") FROM("+adm"))) "," ALIAS("203.0.113.0/24") "," SET(
           "adm", "{\"cidr\":\"office\",\"nomatch\":1}," CIDR("203.0.113.0/24"))),
     "DELETE",
     CF "/rules/0",
     "{}",
     "203.0.113.9",
     {"node/c1 lockout 3 PVE API (tcp)\n"},
     "exposed",
     NULL,
     3},
    {"alias moves",
     W(ON "," RULES(R("in", "ACCEPT", TCP("22") FROM("office"))) "," ALIAS("203.0.113.9")),
     "PUT",
     CF "/aliases/office",
     "{\"cidr\":\"198.51.100.7\"}",
     "203.0.113.9",
     {"node/c1 unreachable 3 SSH (tcp)\n", "node/c1 exposed 2 SSH (tcp)\n"},
     "API",
     NULL,
     3},
    {"alias goes",
     W(ON "," RULES(R("in", "ACCEPT", TCP("22") FROM("office"))) "," ALIAS("203.0.113.9")),
     "DELETE",
     CF "/aliases/office",
     "{}",
     "10.0.0.7",
     {"node/c1 unreachable 3 SSH (tcp)\n", "cluster degraded 2"},
     "exposed",
     NULL,
     3},
    {"out of the management set",
     W(ON "," SET("management", CIDR("203.0.113.9"))),
     "DELETE",
     CF "/ipset/management/203.0.113.9",
     "{}",
     "203.0.113.9",
     {"node/c1 lockout 3 PVE API (tcp)\n", "node/c1 unreachable 3 SSH (tcp)\n",
      "node/c1 unreachable 3 SPICE proxy (tcp)\n", "node/c1 unreachable 3 VNC consoles (tcp)\n"},
     "corosync",
     NULL,
     3},
    {"migration is in the management set",
     W(ON "," SET("management", CIDR("203.0.113.9"))),
     "DELETE",
     CF "/ipset/management/203.0.113.9",
     "{}",
     "203.0.113.9",
     {"node/c1 unreachable 3 migration (tcp)\n"},
     NULL,
     NULL,
     3},
    {"onto the blacklist",
     W(ON "," RULES(R("in", "ACCEPT", TCP("8006"))) "," SET("blacklist", "")),
     "POST",
     CF "/ipset/blacklist",
     "{\"cidr\":\"203.0.113.0/24\"}",
     "203.0.113.9",
     {"node/c1 lockout 3 PVE API (tcp)"},
     "exposed",
     NULL,
     3},
    {"the local network is another",
     W(ON),
     "POST",
     CF "/aliases",
     "{\"name\":\"local_network\",\"cidr\":\"192.168.7.0/24\"}",
     "10.0.0.7",
     {"node/c1 lockout 3 PVE API (tcp)\n", "node/c1 exposed 3 PVE API (tcp)\n"},
     NULL,
     NULL,
     3},
    {"IPv6 alone",
     W(ON),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"22\","
     "\"source\":\"2001:db8:5::/48\"}",
     "10.0.0.7",
     {"node/c1 exposed 2 SSH (tcp)\n"},
     "unreachable",
     NULL,
     2},
    {"ping of both versions",
     W(ON),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"macro\":\"Ping\"}",
     "10.0.0.7",
     {"node/c1 exposed 3 ping\n"},
     "ICMP\n",
     NULL,
     3},
    {"corosync cut",
     W(ON),
     "POST",
     NF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1,\"proto\":\"udp\",\"dport\":\"5405\"}",
     "10.0.0.7",
     {"node/c1 unreachable 3 corosync (udp)\n"},
     "API",
     NULL,
     3},
    {"Ceph cut",
     W(OPEN),
     "POST",
     NF "/rules",
     "{\"type\":\"in\",\"action\":\"REJECT\",\"enable\":1,\"macro\":\"Ceph\"}",
     "10.0.0.7",
     {"node/c1 unreachable 3 Ceph monitors (tcp)\n", "node/c1 unreachable 3 Ceph OSDs (tcp)\n"},
     "API",
     NULL,
     3},
    {"another interface",
     W(OPEN),
     "POST",
     NF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1,\"iface\":\"vmbr9\"}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"a node on its own",
     W(ON),
     "PUT",
     NF "/options",
     "{\"enable\":0}",
     "10.0.0.7",
     {"node/c1 exposed 3 SSH (tcp)"},
     "unreachable",
     NULL,
     3},
    {"rejected instead of dropped",
     W(ON),
     "PUT",
     CF "/options",
     "{\"policy_in\":\"REJECT\"}",
     "10.0.0.7",
     {"node/c1 changed 1 SSH (tcp)"},
     "unreachable",
     NULL,
     1},
    {"iptables asks the rules before the management set",
     W(ON),
     "POST",
     NF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"8006\"}",
     "10.0.0.7",
     {"node/c1 lockout 3 PVE API (tcp)\n"},
     "SSH",
     NULL,
     3},
    {"nftables asks the management set before the rules",
     W(ON ",\"" NF "/options\":{\"nftables\":1}"),
     "POST",
     NF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1,\"proto\":\"tcp\",\"dport\":\"8006\"}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    /* 5404 and 5405 to one implementation, 5405 to 5412 to the other: only 5405 is let through by
     * both, and from the peers alone afterwards */
    {"without nftables corosync is for its peers",
     W(ON ",\"" NF "/options\":{\"nftables\":1}"),
     "PUT",
     NF "/options",
     "{\"delete\":\"nftables\"}",
     "10.0.0.7",
     {"node/c1 unreachable 3 corosync (udp)\n", "node/c1 exposed 2 corosync (udp)\n",
      "node/c1 unreachable 3 corosync, further links (udp)\n"},
     NULL,
     NULL,
     3},
    {"forwarding is for nftables",
     W(ON),
     "POST",
     CF "/rules",
     "{\"type\":\"forward\",\"action\":\"DROP\",\"enable\":1}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     NULL,
     1},
    {"forwarding with nftables",
     W(ON ",\"" NF "/options\":{\"nftables\":1}"),
     "POST",
     CF "/rules",
     "{\"type\":\"forward\",\"action\":\"DROP\",\"enable\":1}",
     "10.0.0.7",
     {"node/c1 unreachable 2 forwarded SSH (tcp)"},
     "lockout",
     NULL,
     2},
    {"guest switched on",
     W(ON "," CT("", R("in", "ACCEPT", TCP("443")), ",firewall=1")),
     "PUT",
     GF "/options",
     "{\"enable\":1}",
     NULL,
     {"ct/301 unreachable 2 net0 SSH (tcp) running"},
     "HTTPS",
     NULL,
     2},
    {"guest's card without firewall",
     W(ON "," CT("", "", "")),
     "PUT",
     GF "/options",
     "{\"enable\":1}",
     NULL,
     {"firewall none 1 -\n"},
     "ct/301",
     NULL,
     1},
    {"guest's rule",
     W(ON "," CT("\"enable\":1", "", ",firewall=1")),
     "POST",
     GF "/rules",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"macro\":\"RDP\"}",
     NULL,
     {"ct/301 exposed 3 net0 RDP (tcp) running\n"},
     "node",
     NULL,
     3},
    {"guest's rule for another card",
     W(ON "," CT("\"enable\":1", "", ",firewall=1")),
     "POST",
     GF "/rules",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"iface\":\"net3\",\"macro\":\"RDP\"}",
     NULL,
     {"firewall none 1 -\n"},
     "ct/301",
     NULL,
     1},
    {"guest's rule for another address",
     W(ON "," CT("\"enable\":1", "", ",firewall=1")),
     "POST",
     GF "/rules",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"dest\":\"10.0.0.31\",\"macro\":"
     "\"RDP\"}",
     NULL,
     {"firewall none 1 -\n"},
     "ct/301",
     NULL,
     1},
    {"a group of the cluster in a guest",
     W(ON "," GROUP("") "," CT("\"enable\":1", R("group", "web", ""), ",firewall=1")),
     "POST",
     CF "/groups/web",
     "{\"type\":\"in\",\"action\":\"ACCEPT\",\"enable\":1,\"macro\":\"HTTPS\"}",
     "10.0.0.7",
     {"ct/301 exposed 3 net0 HTTPS (tcp) running\n"},
     "node",
     NULL,
     3},
    {"the guest's addresses are filtered",
     W(ON "," CT("\"enable\":1", "", ",firewall=1")),
     "PUT",
     GF "/options",
     "{\"ipfilter\":1}",
     NULL,
     {"ct/301 unreachable 2 net0 outgoing SSH (tcp)"},
     "exposed",
     "to any IPv6 address: was accepted",
     2},
    {"a set for the guest's addresses without its own",
     W(ON "," CT("\"enable\":1", "", ",firewall=1") ",\"" GF "/ipset\":[]"),
     "POST",
     GF "/rules",
     "{\"type\":\"out\",\"action\":\"DROP\",\"enable\":1,\"source\":\"10.0.0.30\"}",
     NULL,
     {"ct/301 unreachable 2 net0 outgoing"},
     "exposed",
     NULL,
     2},
    {"DHCP off",
     W(ON "," CT("\"enable\":1", "", ",firewall=1")),
     "PUT",
     GF "/options",
     "{\"dhcp\":0}",
     NULL,
     {"ct/301 unreachable 2 net0 DHCP running\n"},
     "exposed",
     NULL,
     2},
    {"a vnet",
     W(ON ",\"/cluster/sdn/vnets\":[{\"vnet\":\"v1\",\"zone\":\"z\"}],"
          "\"/cluster/sdn/vnets/v1/firewall/options\":{\"enable\":1}"),
     "PUT",
     "/cluster/sdn/vnets/v1/firewall/options",
     "{\"policy_forward\":\"DROP\"}",
     "10.0.0.7",
     {"vnet/v1 unreachable 2 forwarded SSH (tcp)"},
     "node",
     NULL,
     2},
    {"off at the datacenter",
     W("\"" CF "/options\":{}"),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1}",
     "10.0.0.7",
     {"firewall none 1 -\n"},
     "node",
     "when it is switched on",
     1},
    {"rules refused",
     W(ON ",\"" NF "/rules\":{\"!\":403}"),
     "POST",
     CF "/rules",
     "{\"type\":\"in\",\"action\":\"DROP\",\"enable\":1}",
     "10.0.0.7",
     {""},
     NULL,
     "unread nodes' firewall",
     3},
    {"our address is not known",
     W(ON "," RULES(R("in", "ACCEPT", TCP("8006")))),
     "DELETE",
     CF "/rules/0",
     "{}",
     NULL,
     {"node/c1 lockout 3 PVE API (tcp)\n"},
     NULL,
     "unread our own address",
     3},
    {"a set that SDN makes",
     W(ON "," RULES(R("in", "ACCEPT", FROM("+sdn/v1-all")))),
     "PUT",
     CF "/options",
     "{\"policy_in\":\"REJECT\"}",
     "10.0.0.7",
     {""},
     NULL,
     "unread rules of the cluster",
     3},
    {"what PVE refuses",
     W(ON),
     "DELETE",
     CF "/rules/3",
     "{}",
     "10.0.0.7",
     {""},
     NULL,
     "no rule at this position",
     3},
    {"a node that is offline",
     "{\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"offline\"}]," ON "}",
     "PUT",
     CF "/options",
     "{\"policy_in\":\"ACCEPT\"}",
     "10.0.0.7",
     {""},
     NULL,
     "unread the firewall of node c1",
     3},
};

START_TEST(test_case) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *form = NULL;
    struct picture_ask ask;
    struct blast_request req = {cases[_i].method, cases[_i].path, NULL};
    const char *affects;

    ck_assert_int_eq(js_parse(cases[_i].form, strlen(cases[_i].form), &form, NULL), 0);
    req.form = form;
    ck_assert_int_eq(blast_firewall_ask(req.path, &ask), 0);
    p = world_picture(cases[_i].world, &ask);
    (void)blast_firewall(p, &req, 1, cases[_i].own, record_reset());
    affects = buf_str(&record_affects);
    for (size_t i = 0; i < ARRAY_LEN(cases[_i].want) && cases[_i].want[i]; i++) {
        ck_assert_msg(strstr(affects, cases[_i].want[i]) != NULL, "%s: no '%s' in\n%s%s",
                      cases[_i].name, cases[_i].want[i], affects, buf_str(&record_rest));
    }
    ck_assert_msg(!cases[_i].not || !strstr(affects, cases[_i].not ), "%s: '%s' in\n%s%s",
                  cases[_i].name, cases[_i].not, affects, buf_str(&record_rest));
    ck_assert_msg(cases[_i].says ? strstr(buf_str(&record_rest), cases[_i].says) != NULL
                                 : strstr(buf_str(&record_rest), "unread") == NULL,
                  "%s:\n%s", cases[_i].name, buf_str(&record_rest));
    ck_assert_msg(record_risk == cases[_i].risk, "%s: risk %d\n%s%s", cases[_i].name, record_risk,
                  affects, buf_str(&record_rest));
}
END_TEST

/* The words of a verdict: who, what decided before, what decides after. */
START_TEST(test_words) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask;
    struct blast_request req = {"DELETE", CF "/rules/1", NULL};

    ck_assert_int_eq(blast_firewall_ask(req.path, &ask), 0);
    p = world_picture(
        W(ON "," RULES(R("in", "ACCEPT", TCP("80")) "," R("in", "ACCEPT", TCP("22")))), &ask);
    ck_assert_int_eq(blast_firewall(p, &req, 1, "203.0.113.9", record_reset()), 0);
    ck_assert_msg(strstr(buf_str(&record_rest),
                         "from any address, your own address 203.0.113.9: was accepted "
                         "(cluster rule 1), will be dropped (policy_in)") != NULL,
                  "%s", buf_str(&record_rest));
}
END_TEST

/* An undo may take several requests: a rule that is made again and moved to its place. */
START_TEST(test_requests_in_order) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *rule = NULL;
    CLEANUP(js_freep) js *move = NULL;
    struct picture_ask ask;
    const char *text = R("in", "DROP", TCP("22"));
    struct blast_request req[2] = {{"POST", CF "/rules", NULL}, {"PUT", CF "/rules/0", NULL}};

    ck_assert_int_eq(js_parse(text, strlen(text), &rule, NULL), 0);
    ck_assert_int_eq(js_parse("{\"moveto\":2}", 12, &move, NULL), 0);
    req[0].form = rule;
    req[1].form = move;
    ck_assert_int_eq(blast_firewall_ask(req[0].path, &ask), 0);
    p = world_picture(W(ON "," RULES(R("in", "ACCEPT", TCP("22")))), &ask);
    ck_assert_int_eq(blast_firewall(p, req, 2, "10.0.0.7", record_reset()), 0);
    ck_assert_str_eq(buf_str(&record_affects), "firewall none 1 -\n");
    ck_assert_int_eq(blast_firewall(p, req, 1, "10.0.0.7", record_reset()), 0);
    ck_assert_ptr_nonnull(strstr(buf_str(&record_affects), "node/c1 unreachable 3 SSH (tcp)\n"));
}
END_TEST

START_TEST(test_addresses) {
    static const struct {
        const char *text, *back;
    } good[] = {
        {"10.0.0.77/24", "10.0.0.0/24"},
        {"10.0.0.7", "10.0.0.7"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"10.0.0.4-10.0.0.9", "10.0.0.4-10.0.0.9"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::/0", "::/0"},
        {"fe80::1", "fe80::1"},
    };
    static const char *const bad[] = {"",         "10.0.0",      "10.0.0.0/33",
                                      "::/129",   "1.2.3.4-::1", "9.0.0.1-1.2.3.4",
                                      "1.2.3.4/", "host",        "10.0.0.0/08"};
    char text[FW_NET_TEXT];
    struct fw_net n;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert(fw_net_parse(good[i].text, &n));
        fw_net_print(&n, text);
        ck_assert_str_eq(text, good[i].back);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!fw_net_parse(bad[i], &n), "%s", bad[i]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("firewall");
    TCase *t = tcase_create("firewall");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, test_case, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(t, test_words);
    tcase_add_test(t, test_requests_in_order);
    tcase_add_test(t, test_addresses);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
