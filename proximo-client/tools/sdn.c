/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that change the software-defined network. Everything is pending until it is applied;
 * applying reloads the interfaces of every node, with what is staged there. */
#include "proximo-client/tools/firewall_int.h"
#include "proximo-client/tools/sdn_int.h"

#define SDN      "/cluster/sdn"
#define ZONE     SDN "/zones/{zone}"
#define VNET     SDN "/vnets/{vnet}"
#define SUBNET   VNET "/subnets/{subnet}"
#define CONTROL  SDN "/controllers/{controller}"
#define IPAM     SDN "/ipams/{ipam}"
#define DNS      SDN "/dns/{dns}"
#define ALLOCATE " SDN.Allocate"

#define PENDING "it is pending until the next SDN apply"
#define RELOADS "every node reloads its interfaces, and with them what is staged there"
#define NEW_IPS "it is asked for new addresses only; those that are given out stay"

#define ID(name, longest)                                                                          \
    { name, F_STR, NULL, true, .min = 2, .max = longest }
#define DELETE_KEYS                                                                                \
    { "delete", F_STRS, "settings to take away", .max = 64 }

/* ---- zones ---- */

const struct thing sdn_zone = {
    .kind = "zone",
    .id = "zone",
    .read = ZONE,
    .list = SDN "/zones",
    .match = "zone",
    .drop = "zone pending state",
    .made_by = "pve_sdn_zone_create",
    .deleted_by = "pve_sdn_zone_delete",
};
#define ZONE_FIELDS                                                                                \
    {"bridge", F_STR, "of VLAN and QinQ zones", .max = 20},                                        \
        {"nodes", F_STRS, "where it is; none: everywhere", .max = 64},                             \
        {"mtu", F_INT, "bytes", .min = 576, .max = 65520},                                         \
        {"tag", F_INT, "outer VLAN of a QinQ zone", .min = 0, .max = 4094},                        \
        {"vlan-protocol", F_ENUM, NULL, .choices = "802.1q|802.1ad"},                              \
        {"peers", F_STRS, "addresses of a VXLAN zone's nodes", .max = 256},                        \
        {"vxlan-port", F_INT, NULL, .min = 1, .max = 65535},                                       \
        {"controller", F_STR, "of an EVPN zone", .max = 64},                                       \
        {"vrf-vxlan", F_INT, NULL, .min = 1, .max = 16777215},                                     \
        {"exitnodes", F_STRS, NULL, .max = 64}, {"exitnodes-primary", F_NODE},                     \
        {"exitnodes-local-routing", F_BOOL}, {"advertise-subnets", F_BOOL},                        \
        {"disable-arp-nd-suppression", F_BOOL}, {"bridge-disable-mac-learning", F_BOOL},           \
        {"rt-import", F_STR, NULL, .max = 1024}, {"mac", F_STR, NULL, .max = 17},                  \
        {"fabric", F_STR, NULL, .max = 8}, {"ipam", F_STR, NULL, .max = 64},                       \
        {"dhcp", F_ENUM, NULL, .choices = "dnsmasq"}, {"dns", F_STR, NULL, .max = 64},             \
        {"dnszone", F_STR, NULL, .max = 253}, {                                                    \
        "reversedns", F_STR, NULL, .max = 64                                                       \
    }
static const struct field zone_new[] = {
    ID("zone", 8),
    {"type", F_ENUM, NULL, true, .choices = "simple|vlan|qinq|vxlan|evpn|faucet"},
    ZONE_FIELDS,
    {NULL}};
static const struct field zone_change[] = {ID("zone", 8), ZONE_FIELDS, DELETE_KEYS, {NULL}};
static const struct field zone_one[] = {ID("zone", 8), {NULL}};

/* ---- vnets and subnets ---- */

const struct thing sdn_vnet = {
    .kind = "vnet",
    .id = "vnet",
    .read = VNET,
    .list = SDN "/vnets",
    .match = "vnet",
    .drop = "vnet type pending state",
    .made_by = "pve_sdn_vnet_create",
    .deleted_by = "pve_sdn_vnet_delete",
};
#define VNET_FIELDS(need)                                                                          \
    {"zone", F_STR, NULL, need, .min = 2, .max = 8},                                               \
        {"tag", F_INT, "VLAN or VXLAN id", .min = 1, .max = 16777215},                             \
        {"alias", F_STR, NULL, .max = 256}, {"vlanaware", F_BOOL, "lets VLANs of guests through"}, \
    {                                                                                              \
        "isolate-ports", F_BOOL, "guests on it cannot reach each other"                            \
    }
static const struct field vnet_new[] = {ID("vnet", 8), VNET_FIELDS(true), {NULL}};
static const struct field vnet_change[] = {ID("vnet", 8), VNET_FIELDS(false), DELETE_KEYS, {NULL}};
static const struct field vnet_one[] = {ID("vnet", 8), {NULL}};

const struct thing sdn_subnet = {
    .kind = "subnet",
    .id = "vnet subnet",
    .read = SUBNET,
    .list = SDN "/vnets/{vnet}/subnets",
    .match = "subnet",
    .shape = sdn_subnet_shape,
    .made_by = "pve_sdn_subnet_create",
    .deleted_by = "pve_sdn_subnet_delete",
    .listed = sdn_subnet_listed,
    .made = sdn_subnet_made,
};
#define SUBNET_FIELDS                                                                              \
    {"gateway", F_STR, NULL, .max = 45}, {"snat", F_BOOL, "guests leave by the node's address"},   \
        {"dhcp-range", F_STRS, "start-address=A,end-address=B", .max = 64, .repeated = true},      \
        {"dhcp-dns-server", F_STR, NULL, .max = 45}, {                                             \
        "dnszoneprefix", F_STR, NULL, .max = 253                                                   \
    }
static const struct field subnet_new[] = {
    ID("vnet", 8), {"subnet", F_STR, "10.0.0.0/24", true, .max = 50}, SUBNET_FIELDS, {NULL}};
#define SUBNET_ID                                                                                  \
    { "subnet", F_STR, "ZONE-10.0.0.0-24, as listed", true, .max = 64 }
static const struct field subnet_change[] = {
    ID("vnet", 8), SUBNET_ID, SUBNET_FIELDS, DELETE_KEYS, {NULL}};
static const struct field subnet_one[] = {ID("vnet", 8), SUBNET_ID, {NULL}};

/* ---- controllers, address managers, DNS ---- */

const struct thing sdn_controller = {
    .kind = "controller",
    .id = "controller",
    .read = CONTROL,
    .list = SDN "/controllers",
    .match = "controller",
    .drop = "controller pending state",
    .made_by = "pve_sdn_controller_create",
    .deleted_by = "pve_sdn_controller_delete",
};
#define CONTROLLER_FIELDS                                                                          \
    {"asn", F_INT, NULL, .min = 0, .max = 4294967295}, {"peers", F_STRS, NULL, .max = 256},        \
        {"node", F_NODE}, {"loopback", F_STR, NULL, .max = 64}, {"ebgp", F_BOOL},                  \
        {"ebgp-multihop", F_INT, NULL, .min = 1, .max = 255},                                      \
        {"bgp-multipath-as-path-relax", F_BOOL}, {"isis-domain", F_STR, NULL, .max = 64},          \
        {"isis-ifaces", F_STRS, NULL, .max = 64}, {"isis-net", F_STR, NULL, .max = 50}, {          \
        "fabric", F_STR, NULL, .max = 8                                                            \
    }
static const struct field controller_new[] = {
    ID("controller", 64),
    {"type", F_ENUM, NULL, true, .choices = "bgp|evpn|faucet|isis"},
    CONTROLLER_FIELDS,
    {NULL}};
static const struct field controller_change[] = {
    ID("controller", 64), CONTROLLER_FIELDS, DELETE_KEYS, {NULL}};
static const struct field controller_one[] = {ID("controller", 64), {NULL}};

static const struct thing ipam = {
    .kind = "address manager",
    .id = "ipam",
    .read = IPAM,
    .list = SDN "/ipams",
    .match = "ipam",
    .drop = "ipam",
    .made_by = "pve_sdn_ipam_create",
    .deleted_by = "pve_sdn_ipam_delete",
};
#define IPAM_FIELDS                                                                                \
    {"url", F_STR, NULL, .max = 1024}, {"token", F_STR, NULL, .max = 512, .secret = true},         \
        {"section", F_INT, NULL, .min = 0, .max = 1000000}, {                                      \
        "fingerprint", F_STR, NULL, .max = 95                                                      \
    }
static const struct field ipam_new[] = {
    ID("ipam", 64),
    {"type", F_ENUM, NULL, true, .choices = "netbox|phpipam|pve"},
    IPAM_FIELDS,
    {NULL}};
static const struct field ipam_change[] = {ID("ipam", 64), IPAM_FIELDS, DELETE_KEYS, {NULL}};
static const struct field ipam_one[] = {ID("ipam", 64), {NULL}};

static const struct thing dns = {
    .kind = "DNS plugin",
    .id = "dns",
    .read = DNS,
    .list = SDN "/dns",
    .match = "dns",
    .drop = "dns",
    .made_by = "pve_sdn_dns_create",
    .deleted_by = "pve_sdn_dns_delete",
};
#define DNS_FIELDS(need)                                                                           \
    {"url", F_STR, NULL, need, .max = 1024},                                                       \
        {"key", F_STR, NULL, need, .max = 512, .secret = true},                                    \
        {"ttl", F_INT, "seconds", .min = 1, .max = 2147483}, {                                     \
        "fingerprint", F_STR, NULL, .max = 95                                                      \
    }
static const struct field dns_new[] = {ID("dns", 64),
                                       {"type", F_ENUM, NULL, true, .choices = "powerdns"},
                                       DNS_FIELDS(true),
                                       {"reversev6mask", F_INT, NULL, .min = 0, .max = 128},
                                       {NULL}};
static const struct field dns_change[] = {ID("dns", 64), DNS_FIELDS(false), DELETE_KEYS, {NULL}};
static const struct field dns_one[] = {ID("dns", 64), {NULL}};

static const struct field none[] = {{NULL}};

/* A row of one kind of object; what follows are members of its struct send. JUDGED: by the
 * analyser; _NONE: without a way back, because of WHY. */
#define ROW(NAME, TITLE, DESC, FIELDS, UNDO, WHY, SEEN, WHERE, ...)                                \
    {                                                                                              \
        NAME, TITLE, DESC PLANS, "sdn", EFFECT_CHANGE, 0, FIELDS,                                  \
            .undo = UNDO, .undo_none = WHY, .analysers = SEEN, .privilege = WHERE ALLOCATE,        \
            .send = &(const struct send) {                                                         \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define CHANGE(NAME, TITLE, DESC, FIELDS, UNDO, WHERE, ...)                                        \
    ROW(NAME, TITLE, DESC, FIELDS, UNDO, NULL, NULL, WHERE, __VA_ARGS__)
#define CHANGE_NONE(NAME, TITLE, DESC, FIELDS, WHY, WHERE, ...)                                    \
    ROW(NAME, TITLE, DESC, FIELDS, "none", WHY, NULL, WHERE, __VA_ARGS__)
#define JUDGED(NAME, TITLE, DESC, FIELDS, UNDO, WHERE, ...)                                        \
    ROW(NAME, TITLE, DESC, FIELDS, UNDO, NULL, "sdn", WHERE, .assess = assess_sdn, __VA_ARGS__)
#define HELD .floor = RISK_MEDIUM, .floor_why = PENDING

const struct row sdn_rows[] = {
    CHANGE("pve_sdn_zone_create", "Make an SDN zone",
           "Plans a new zone of the software-defined network, pending until it is applied.",
           zone_new, "inverse", "/sdn/zones", .does = SEND_CREATE, .on = &sdn_zone,
           .method = "POST", .path = SDN "/zones", .say = "make {type} zone {zone}", HELD,
           .alone = "no vnet is in a new zone"),
    JUDGED("pve_sdn_zone_update", "Change an SDN zone",
           "Plans other settings of a zone, pending until they are applied: its vnets may move or "
           "vanish on nodes.",
           zone_change, "restore-object", "/sdn/zones/{zone}", .does = SEND_UPDATE, .on = &sdn_zone,
           .method = "PUT", .path = ZONE, .say = "change zone {zone}", .digest = true, HELD),
    CHANGE("pve_sdn_zone_delete", "Delete an SDN zone",
           "Plans deleting a zone without vnets, pending until it is applied.", zone_one,
           "restore-object", "/sdn/zones/{zone}", .does = SEND_DELETE, .on = &sdn_zone,
           .method = "DELETE", .path = ZONE, .say = "delete zone {zone}", HELD,
           .alone = "the API refuses it while a vnet is in the zone"),
    CHANGE("pve_sdn_vnet_create", "Make a virtual network",
           "Plans a new virtual network, pending until it is applied.", vnet_new, "inverse",
           "/sdn/zones/{zone}", .does = SEND_CREATE, .on = &sdn_vnet, .method = "POST",
           .path = SDN "/vnets", .say = "make vnet {vnet} in zone {zone}", HELD,
           .alone = "no guest is on a new vnet"),
    JUDGED("pve_sdn_vnet_update", "Change a virtual network",
           "Plans other settings of a virtual network, pending until they are applied: its guests "
           "may be on another network then.",
           vnet_change, "restore-object", "/sdn/zones/{zone}/{vnet}", .does = SEND_UPDATE,
           .on = &sdn_vnet, .method = "PUT", .path = VNET, .say = "change vnet {vnet}",
           .digest = true, HELD),
    JUDGED(
        "pve_sdn_vnet_delete", "Delete a virtual network",
        "Plans deleting a virtual network, pending until it is applied: its guests lose it then.",
        vnet_one, "restore-object", "/sdn/zones/{zone}/{vnet}", .does = SEND_DELETE,
        .on = &sdn_vnet, .method = "DELETE", .path = VNET, .say = "delete vnet {vnet}", HELD),
    JUDGED("pve_sdn_subnet_create", "Make a subnet",
           "Plans a subnet of a virtual network with its gateway, pending until it is applied.",
           subnet_new, "inverse", "/sdn/zones/{zone}/{vnet}", .does = SEND_CREATE,
           .on = &sdn_subnet, .method = "POST", .path = SDN "/vnets/{vnet}/subnets",
           .fixed = "type=subnet", .say = "make subnet {subnet} of vnet {vnet}", HELD),
    JUDGED(
        "pve_sdn_subnet_update", "Change a subnet",
        "Plans other settings of a subnet, pending until they are applied: guests may lose their "
        "gateway.",
        subnet_change, "restore-object", "/sdn/zones/{zone}/{vnet}", .does = SEND_UPDATE,
        .on = &sdn_subnet, .method = "PUT", .path = SUBNET, .say = "change subnet {subnet}",
        .digest = true, HELD),
    JUDGED("pve_sdn_subnet_delete", "Delete a subnet",
           "Plans deleting a subnet, pending until it is applied: guests lose its gateway then.",
           subnet_one, "restore-object", "/sdn/zones/{zone}/{vnet}", .does = SEND_DELETE,
           .on = &sdn_subnet, .method = "DELETE", .path = SUBNET, .say = "delete subnet {subnet}",
           HELD),
    JUDGED("pve_sdn_controller_create", "Make an SDN controller",
           "Plans a new controller, pending until it is applied.", controller_new, "inverse",
           "/sdn/controllers", .does = SEND_CREATE, .on = &sdn_controller, .method = "POST",
           .path = SDN "/controllers", .say = "make {type} controller {controller}", HELD),
    JUDGED("pve_sdn_controller_update", "Change an SDN controller",
           "Plans other settings of a controller, pending until they are applied: routes of its "
           "zones may change.",
           controller_change, "restore-object", "/sdn/controllers", .does = SEND_UPDATE,
           .on = &sdn_controller, .method = "PUT", .path = CONTROL,
           .say = "change controller {controller}", .digest = true, HELD),
    JUDGED("pve_sdn_controller_delete", "Delete an SDN controller",
           "Plans deleting a controller, pending until it is applied.", controller_one,
           "restore-object", "/sdn/controllers", .does = SEND_DELETE, .on = &sdn_controller,
           .method = "DELETE", .path = CONTROL, .say = "delete controller {controller}", HELD),
    CHANGE("pve_sdn_ipam_create", "Add an address manager",
           "Plans adding an address manager; the API tries to reach it at once.", ipam_new,
           "inverse", "/sdn/ipams", .does = SEND_CREATE, .on = &ipam, .method = "POST",
           .path = SDN "/ipams", .say = "add {type} address manager {ipam}", .alone = NEW_IPS),
    CHANGE("pve_sdn_ipam_update", "Change an address manager",
           "Plans other settings of an address manager; the API tries to reach it at once.",
           ipam_change, "restore-object", "/sdn/ipams", .does = SEND_UPDATE, .on = &ipam,
           .method = "PUT", .path = IPAM, .say = "change address manager {ipam}", .digest = true,
           .alone = NEW_IPS),
    JUDGED("pve_sdn_ipam_delete", "Remove an address manager",
           "Plans removing an address manager; zones that use it give out no addresses any more.",
           ipam_one, "restore-object", "/sdn/ipams", .does = SEND_DELETE, .on = &ipam,
           .method = "DELETE", .path = IPAM, .say = "remove address manager {ipam}"),
    CHANGE("pve_sdn_dns_create", "Add an SDN DNS plugin",
           "Plans adding a DNS server in which guests are registered.", dns_new, "inverse",
           "/sdn/dns", .does = SEND_CREATE, .on = &dns, .method = "POST", .path = SDN "/dns",
           .say = "add {type} DNS plugin {dns}", .alone = NEW_IPS),
    CHANGE("pve_sdn_dns_update", "Change an SDN DNS plugin",
           "Plans other settings of a DNS server in which guests are registered.", dns_change,
           "restore-object", "/sdn/dns", .does = SEND_UPDATE, .on = &dns, .method = "PUT",
           .path = DNS, .say = "change DNS plugin {dns}", .digest = true, .alone = NEW_IPS),
    CHANGE_NONE("pve_sdn_dns_delete", "Remove an SDN DNS plugin",
                "Plans removing a DNS server in which guests are registered.", dns_one,
                "its key is a secret that is not recorded, and it cannot be made without one",
                "/sdn/dns", .does = SEND_DELETE, .on = &dns, .method = "DELETE", .path = DNS,
                .say = "remove DNS plugin {dns}", .alone = NEW_IPS),
    JUDGED("pve_sdn_apply", "Apply the pending network",
           "Plans applying all pending changes of the software-defined network: every node "
           "reloads its interfaces, and with them what is staged there.",
           none, "inverse", "/sdn", .does = SEND_ACTION, .method = "PUT", .path = SDN,
           .say = "apply the pending software-defined network on every node",
           .back = sdn_apply_back, .floor = RISK_HIGH, .floor_why = RELOADS,
           .operator_why = RELOADS),
    CHANGE("pve_sdn_rollback", "Forget the pending network",
           "Plans dropping all pending changes of the software-defined network, whoever made "
           "them.",
           none, "inverse", "/sdn", .does = SEND_ACTION, .method = "POST", .path = SDN "/rollback",
           .say = "forget the pending software-defined network", .back = sdn_rollback_back,
           .floor = RISK_MEDIUM, .floor_why = "what others have made is dropped, too",
           .alone = "nothing that runs is changed by it"),
    {NULL},
};

/* ---- the firewall of a vnet ---- */

#define FW   VNET "/firewall"
#define SEE  "/sdn/zones/{zone}/{vnet} SDN.Audit"
#define EDIT "/sdn/zones/{zone}/{vnet} SDN.Allocate"

static const struct field rule_list[] = {ID("vnet", 8), FIELDS_PAGE, {NULL}};
static const struct field rule_one[] = {ID("vnet", 8), FW_POS, {NULL}};
static const struct field rule_new[] = {ID("vnet", 8), FW_RULE_FIELDS(true), {NULL}};
static const struct field rule_change[] = {
    ID("vnet", 8), FW_POS, FW_RULE_FIELDS(false), FW_DELETE, {NULL}};
static const struct field rule_move[] = {ID("vnet", 8),
                                         FW_POS,
                                         {"moveto", F_INT,
                                          "before the rule that is now at this position", true,
                                          .min = 0, .max = 100000},
                                         {NULL}};
static const struct field options_change[] = {
    ID("vnet", 8),
    {"enable", F_BOOL, "filter what is forwarded on the vnet"},
    {"policy_forward", F_ENUM, "default ACCEPT", .choices = "ACCEPT|DROP"},
    {"log_level_forward", F_ENUM, "log level", .choices = FW_LEVELS},
    FW_DELETE,
    {NULL}};
static const struct thing rule = FW_RULE_THING("pve_vnet_firewall", "vnet pos", FW "/rules");
static const struct thing options = FW_OPTION_THING("vnet", FW "/options");

const struct row vnet_firewall_rows[] = {
    FW_RULE_ROWS("pve_vnet_firewall", "of a vnet", FW "/rules", rule, rule_list, rule_one, rule_one,
                 rule_new, rule_change, rule_move, SEE, EDIT),
    FW_OPTION_ROWS("pve_vnet_firewall", "of a vnet", FW "/options", options, vnet_one,
                   options_change, SEE, EDIT),
    {NULL},
};
