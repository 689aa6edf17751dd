/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the software-defined network, as configured and as the nodes have it. */
#include "proximo-client/tools/rows.h"

static const struct field sdn_zones_list_fields[] = {
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    FIELDS_PAGE,
    {NULL}};
static const struct field sdn_zone_get_fields[] = {
    {"zone", F_STR, NULL, true, .max = 128},
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    {NULL}};
static const struct field sdn_vnet_get_fields[] = {
    {"vnet", F_STR, NULL, true, .max = 128},
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    {NULL}};
static const struct field sdn_subnets_list_fields[] = {
    {"vnet", F_STR, NULL, true, .max = 128},
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    FIELDS_PAGE,
    {NULL}};
static const struct field sdn_subnet_get_fields[] = {
    {"vnet", F_STR, NULL, true, .max = 128},
    {"subnet", F_STR, NULL, true, .max = 128},
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    {NULL}};
static const struct field sdn_controller_get_fields[] = {
    {"controller", F_STR, NULL, true, .max = 128},
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    {NULL}};
static const struct field page_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field sdn_ipam_get_fields[] = {{"ipam", F_STR, NULL, true, .max = 128}, {NULL}};
static const struct field sdn_ipam_status_fields[] = {
    {"ipam", F_STR, NULL, true, .max = 128}, FIELDS_PAGE, {NULL}};
static const struct field sdn_dns_get_fields[] = {{"dns", F_STR, NULL, true, .max = 128}, {NULL}};
static const struct field sdn_fabric_get_fields[] = {{"id", F_STR, NULL, true, .max = 128}, {NULL}};
static const struct field sdn_fabric_nodes_list_fields[] = {
    {"fabric_id", F_STR, NULL, true, .max = 128},
    {"pending", F_BOOL, "with what is not applied yet"},
    {"running", F_BOOL, "what runs instead of what is configured"},
    FIELDS_PAGE,
    {NULL}};
static const struct field node_fields[] = {{"node", F_NODE, NULL, true}, {NULL}};
static const struct field node_page_fields[] = {{"node", F_NODE, NULL, true}, FIELDS_PAGE, {NULL}};
static const struct field sdn_zone_content_fields[] = {
    {"node", F_NODE, NULL, true}, {"zone", F_STR, NULL, true, .max = 128}, FIELDS_PAGE, {NULL}};
static const struct field sdn_vnet_mac_vrf_fields[] = {
    {"node", F_NODE, NULL, true}, {"vnet", F_STR, NULL, true, .max = 128}, FIELDS_PAGE, {NULL}};
static const struct field sdn_fabric_interfaces_fields[] = {
    {"node", F_NODE, NULL, true}, {"fabric", F_STR, NULL, true, .max = 128}, FIELDS_PAGE, {NULL}};

const struct row sdn_read_rows[] = {
    {"pve_sdn_zones_list", "SDN zones",
     "Lists the zones of the software-defined network. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_zones_list_fields, .path = "/cluster/sdn/zones",
     .query = "pending running", .privilege = "/sdn/zones/{zone} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_zone_get", "SDN zone", "Shows one zone. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_zone_get_fields, .path = "/cluster/sdn/zones/{zone}",
     .query = "pending running", .privilege = "/sdn/zones/{zone} SDN.Allocate", .result = ""},
    {"pve_sdn_vnets_list", "SDN networks", "Lists the virtual networks. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_zones_list_fields, .path = "/cluster/sdn/vnets",
     .query = "pending running", .privilege = "/sdn/zones/{zone}/{vnet} SDN.Audit",
     .result = LIST_RESULT},
    {"pve_sdn_vnet_get", "SDN network", "Shows one virtual network. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_vnet_get_fields, .path = "/cluster/sdn/vnets/{vnet}",
     .query = "pending running", .privilege = "/sdn/zones/{zone}/{vnet} SDN.Audit", .result = ""},
    {"pve_sdn_subnets_list", "SDN subnets",
     "Lists the subnets of a virtual network. Changes nothing.", "sdn", EFFECT_READ, ROW_IDEMPOTENT,
     sdn_subnets_list_fields, .path = "/cluster/sdn/vnets/{vnet}/subnets",
     .query = "pending running", .privilege = "/sdn/zones/{zone}/{vnet} SDN.Audit",
     .result = LIST_RESULT},
    {"pve_sdn_subnet_get", "SDN subnet", "Shows one subnet. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_subnet_get_fields, .path = "/cluster/sdn/vnets/{vnet}/subnets/{subnet}",
     .query = "pending running", .privilege = "/sdn/zones/{zone}/{vnet} SDN.Audit", .result = ""},
    {"pve_sdn_controllers_list", "SDN controllers", "Lists the controllers. Changes nothing.",
     "sdn", EFFECT_READ, ROW_IDEMPOTENT, sdn_zones_list_fields, .path = "/cluster/sdn/controllers",
     .query = "pending running", .privilege = "/sdn/controllers/{controller} SDN.Audit",
     .result = LIST_RESULT},
    {"pve_sdn_controller_get", "SDN controller", "Shows one controller. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_controller_get_fields,
     .path = "/cluster/sdn/controllers/{controller}", .query = "pending running",
     .privilege = "/sdn/controllers/{controller} SDN.Allocate", .result = ""},
    {"pve_sdn_ipams_list", "Address managers", "Lists address managers. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/sdn/ipams",
     .privilege = "/sdn/ipams/{ipam} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_ipam_get", "Address manager", "Shows one address manager. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_ipam_get_fields, .path = "/cluster/sdn/ipams/{ipam}",
     .privilege = "/sdn/ipams/{ipam} SDN.Allocate", .result = ""},
    {"pve_sdn_ipam_status", "Addresses in use",
     "Lists the addresses that an address manager has given out. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_ipam_status_fields,
     .path = "/cluster/sdn/ipams/{ipam}/status", .privilege = "/sdn/zones SDN.Audit",
     .result = LIST_RESULT},
    {"pve_sdn_dns_list", "DNS plugins",
     "Lists DNS plugins of the software-defined network. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/sdn/dns",
     .privilege = "/sdn/dns/{dns} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_dns_get", "DNS plugin", "Shows one DNS plugin. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_dns_get_fields, .path = "/cluster/sdn/dns/{dns}",
     .privilege = "/sdn/dns/{dns} SDN.Allocate", .result = ""},
    {"pve_sdn_fabrics_list", "Fabrics", "Lists the fabrics. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_zones_list_fields, .path = "/cluster/sdn/fabrics/fabric",
     .query = "pending running", .privilege = "/sdn/fabrics/{id} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_fabric_get", "Fabric", "Shows one fabric. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_fabric_get_fields, .path = "/cluster/sdn/fabrics/fabric/{id}",
     .privilege = "/sdn/fabrics/{id} SDN.Audit", .result = ""},
    {"pve_sdn_fabric_nodes_list", "Fabric nodes", "Lists the nodes of a fabric. Changes nothing.",
     "sdn", EFFECT_READ, ROW_IDEMPOTENT, sdn_fabric_nodes_list_fields,
     .path = "/cluster/sdn/fabrics/node/{fabric_id}", .query = "pending running",
     .privilege = "/sdn/fabrics/{fabric_id} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_dry_run", "What an SDN apply would do",
     "Shows the differences that applying the SDN configuration would make on a node. Changes "
     "nothing.",
     "sdn", EFFECT_READ, ROW_IDEMPOTENT, node_fields, .path = "/cluster/sdn/dry-run",
     .query = "node", .privilege = "/nodes/{node} Sys.Audit", .result = ""},
    {"pve_sdn_zone_status_list", "Zone state on a node",
     "Lists the zones as a node has them. Changes nothing.", "sdn", EFFECT_READ, ROW_IDEMPOTENT,
     node_page_fields, .path = "/nodes/{node}/sdn/zones",
     .privilege = "/sdn/zones/{zone} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_zone_content", "Networks of a zone on a node",
     "Lists the virtual networks of a zone as a node has them. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_zone_content_fields,
     .path = "/nodes/{node}/sdn/zones/{zone}/content", .privilege = "/sdn/zones/{zone} SDN.Audit",
     .result = LIST_RESULT},
    {"pve_sdn_zone_bridges", "Bridges of a zone on a node",
     "Lists the bridges of a zone on a node with who is connected. Changes nothing.", "sdn",
     EFFECT_READ, ROW_IDEMPOTENT, sdn_zone_content_fields,
     .path = "/nodes/{node}/sdn/zones/{zone}/bridges", .privilege = "/sdn/zones/{zone} SDN.Audit",
     .result = LIST_RESULT},
    {"pve_sdn_zone_ip_vrf", "Routes of a zone on a node",
     "Lists the routes of an EVPN zone on a node. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_zone_content_fields, .path = "/nodes/{node}/sdn/zones/{zone}/ip-vrf",
     .privilege = "/sdn/zones/{zone} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_vnet_mac_vrf", "MAC table of a network on a node",
     "Lists the MAC table of an EVPN network on a node. Changes nothing.", "sdn", EFFECT_READ,
     ROW_IDEMPOTENT, sdn_vnet_mac_vrf_fields, .path = "/nodes/{node}/sdn/vnets/{vnet}/mac-vrf",
     .privilege = "/sdn/zones SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_fabric_interfaces", "Fabric interfaces on a node",
     "Lists a fabric's interfaces on a node. Changes nothing.", "sdn", EFFECT_READ, ROW_IDEMPOTENT,
     sdn_fabric_interfaces_fields, .path = "/nodes/{node}/sdn/fabrics/{fabric}/interfaces",
     .privilege = "/sdn/fabrics/{fabric} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_fabric_neighbors", "Fabric neighbours on a node",
     "Lists a fabric's neighbours of a node. Changes nothing.", "sdn", EFFECT_READ, ROW_IDEMPOTENT,
     sdn_fabric_interfaces_fields, .path = "/nodes/{node}/sdn/fabrics/{fabric}/neighbors",
     .privilege = "/sdn/fabrics/{fabric} SDN.Audit", .result = LIST_RESULT},
    {"pve_sdn_fabric_routes", "Fabric routes on a node",
     "Lists a fabric's routes on a node. Changes nothing.", "sdn", EFFECT_READ, ROW_IDEMPOTENT,
     sdn_fabric_interfaces_fields, .path = "/nodes/{node}/sdn/fabrics/{fabric}/routes",
     .privilege = "/sdn/fabrics/{fabric} SDN.Audit", .result = LIST_RESULT},
    {NULL},
};
