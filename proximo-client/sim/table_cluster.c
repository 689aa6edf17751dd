/* SPDX-License-Identifier: Apache-2.0 */
/* What is served below /cluster. Each row: method, path, privilege, parameters, who answers. */
#include "proximo-client/sim/firewall.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"
#include "proximo-client/sim/routes_int.h"

#include "common/own.h"

#define HA      "/cluster/ha"
#define FW      "/cluster/firewall"
#define FW_EDIT "/ Sys.Modify"
#define CONSOLE "/ Sys.Console"
#define HA_RESOURCE                                                                                \
    "comment=string failback=bool group=configid max_relocate=int max_restart=int "                \
    "state=enum(started,stopped,enabled,disabled,ignored)"
#define HA_RULE                                                                                    \
    "enum(node-affinity,resource-affinity) affinity=enum(positive,negative) comment=string "       \
    "disable=bool nodes=string strict=bool"
#define REPLICATION                                                                                \
    "comment=string disable=bool rate=string remove_job=enum(local,full) schedule=string "         \
    "source=node"
/* A thing that is kept as a section: listed, shown, made, changed, deleted. `of` is the parameter
 * in the path of one. */
#define SECTION_NAMES "id=configid name=configid"
#define SECTION_ROUTES(path, of, query, list, read, write, create, update)                         \
    {M_GET, path, list, query, route_section_list},                                                \
        {M_GET, path "/" of, read, SECTION_NAMES, route_section_get},                              \
        {M_POST, path, write, create, route_section_create},                                       \
        {M_PUT, path "/" of, write, SECTION_NAMES " delete=list digest=string " update,            \
         route_section_update},                                                                    \
    {                                                                                              \
        M_DELETE, path "/" of, write, SECTION_NAMES, route_section_delete                          \
    }
#define NOTIFY        "/cluster/notifications"
#define NOTIFY_AUDIT  "/mapping/notifications Mapping.Audit|Mapping.Modify"
#define NOTIFY_MODIFY "/mapping/notifications Mapping.Modify"
#define NOTIFY_MAIL                                                                                \
    "author=string comment=string disable=bool from-address=string mailto=list mailto-user=list"
#define NOTIFY_SMTP                                                                                \
    NOTIFY_MAIL                                                                                    \
    " mode=enum(insecure,starttls,tls) password=string port=int server=string username=string"
#define NOTIFY_HOOK "body=string comment=string disable=bool header=list secret=list"
#define NOTIFY_MATCH                                                                               \
    "comment=string disable=bool invert-match=bool match-calendar=list match-field=list "          \
    "match-severity=list mode=enum(all,any) target=list"
#define MAPPING_PCI "description=string live-migration-capable=bool mdev=bool"
#define ACME_PLUGIN "api=string data=string disable=bool nodes=string validation-delay=int"
#define REALM_SYNC                                                                                 \
    "comment=string enable-new=bool enabled=bool remove-vanished=string schedule!=string "         \
    "scope=enum(users,groups,both)"
#define METRICS                                                                                    \
    "api-path-prefix=string bucket=string disable=bool influxdbproto=enum(udp,http,https) "        \
    "max-body-size=int mtu=int organization=string otel-compression=enum(none,gzip) "              \
    "otel-headers=string otel-max-body-size=int otel-path=string otel-protocol=enum(http,https) "  \
    "otel-resource-attributes=string otel-timeout=int otel-verify-ssl=bool path=string "           \
    "proto=enum(udp,tcp) timeout=int token=string verify-certificate=bool"
#define SDN       "/cluster/sdn"
#define SDN_STATE "pending=bool running=bool"
#define SDN_ZONE                                                                                   \
    "advertise-subnets=bool bridge=string bridge-disable-mac-learning=bool controller=string "     \
    "dhcp=enum(dnsmasq) disable-arp-nd-suppression=bool dns=string dnszone=string dp-id=int "      \
    "exitnodes=string exitnodes-local-routing=bool exitnodes-primary=node fabric=string "          \
    "ipam=string lock-token=string mac=string mtu=int nodes=string peers=string "                  \
    "reversedns=string rt-import=string tag=int vlan-protocol=enum(802.1q,802.1ad) "               \
    "vrf-vxlan=int vxlan-port=int"
#define SDN_VNET "alias=string isolate-ports=bool lock-token=string tag=int vlanaware=bool"
#define SDN_SUBNET                                                                                 \
    "dhcp-dns-server=string dhcp-range=list dnszoneprefix=string gateway=ip lock-token=string "    \
    "snat=bool"
#define SDN_CONTROLLER                                                                             \
    "asn=int bgp-multipath-as-path-relax=bool ebgp=bool ebgp-multihop=int fabric=string "          \
    "isis-domain=string isis-ifaces=string isis-net=string lock-token=string loopback=string "     \
    "node=node peers=string"
#define SDN_IPAM   "fingerprint=string lock-token=string section=int token=string url=string"
#define SDN_CHANGE " delete=string digest=string"
/* One kind: its list, the member that names one, privileges, parameters when it is made (with !)
 * and when it is changed. */
#define SDN_ROUTES(at, key, may, add, make, change)                                                \
    {M_GET, at, "", SDN_STATE, route_sdn_list}, {M_POST, at, add, make, route_sdn_create},         \
        {M_GET, at "/{" key "}", may " SDN.Audit|SDN.Use|SDN.Allocate", SDN_STATE, route_sdn_get}, \
        {M_PUT, at "/{" key "}", may " SDN.Allocate", change SDN_CHANGE, route_sdn_update}, {      \
        M_DELETE, at "/{" key "}", may " SDN.Allocate", "lock-token=string", route_sdn_delete      \
    }

const struct route cluster_routes[] = {
    {M_GET, "/cluster/mapping", "", "", route_plane_index},
    {M_GET, "/cluster/metrics", "", "", route_plane_index},
    {M_GET, "/cluster/jobs", "", "", route_plane_index},
    {M_GET, NOTIFY, "", "", route_plane_index},
    {M_GET, NOTIFY "/endpoints", "", "", route_plane_index},
    {M_GET, "/cluster", "", "", route_cluster_index},
    {M_GET, "/cluster/resources", "", "type=enum(vm,storage,node,sdn)", route_resources},
    {M_GET, "/cluster/status", AUDIT, "", route_cluster_status},
    {M_GET, "/cluster/tasks", "", "", route_cluster_tasks},
    {M_GET, "/cluster/nextid", "", "vmid=vmid", route_cluster_nextid},
    {M_GET, "/cluster/options", "", "", route_cluster_options},
    {M_PUT, "/cluster/options", MODIFY, "*", route_cluster_options_set},
    SECTION_ROUTES("/cluster/mapping/pci", "{id}", "check-node=node", "",
                   "/mapping/pci Mapping.Audit", "/mapping/pci Mapping.Modify",
                   "id!=configid map!=list " MAPPING_PCI, "map=list " MAPPING_PCI),
    SECTION_ROUTES("/cluster/mapping/usb", "{id}", "check-node=node", "",
                   "/mapping/usb Mapping.Audit", "/mapping/usb Mapping.Modify",
                   "id!=configid map!=list description=string", "map!=list description=string"),
    SECTION_ROUTES("/cluster/mapping/dir", "{id}", "check-node=node", "",
                   "/mapping/dir Mapping.Audit", "/mapping/dir Mapping.Modify",
                   "id!=configid map!=list description=string", "map=list description=string"),
    {M_GET, "/cluster/metrics/server", AUDIT, "", route_section_list},
    {M_GET, "/cluster/metrics/server/{id}", AUDIT, SECTION_NAMES, route_section_get},
    {M_POST, "/cluster/metrics/server/{id}", MODIFY,
     "type!=enum(graphite,influxdb,opentelemetry) server!=string port!=int " METRICS,
     route_section_create},
    {M_PUT, "/cluster/metrics/server/{id}", MODIFY,
     SECTION_NAMES " server!=string port!=int delete=string digest=string " METRICS,
     route_section_update},
    {M_DELETE, "/cluster/metrics/server/{id}", MODIFY, "", route_section_delete},
    SECTION_ROUTES(NOTIFY "/endpoints/sendmail", "{name}", "", NOTIFY_AUDIT, NOTIFY_AUDIT,
                   NOTIFY_MODIFY, "name!=configid " NOTIFY_MAIL, NOTIFY_MAIL),
    SECTION_ROUTES(NOTIFY "/endpoints/smtp", "{name}", "", NOTIFY_AUDIT, NOTIFY_AUDIT,
                   NOTIFY_MODIFY, "name!=configid " NOTIFY_SMTP, NOTIFY_SMTP),
    SECTION_ROUTES(NOTIFY "/endpoints/gotify", "{name}", "", NOTIFY_AUDIT, NOTIFY_AUDIT,
                   NOTIFY_MODIFY,
                   "name!=configid server!=string token!=string comment=string disable=bool",
                   "server=string token=string comment=string disable=bool"),
    SECTION_ROUTES(NOTIFY "/endpoints/webhook", "{name}", "", NOTIFY_AUDIT, NOTIFY_AUDIT,
                   NOTIFY_MODIFY,
                   "name!=configid method!=enum(post,put,get) url!=string " NOTIFY_HOOK,
                   "method=enum(post,put,get) url=string " NOTIFY_HOOK),
    SECTION_ROUTES(NOTIFY "/matchers", "{name}", "", NOTIFY_AUDIT, NOTIFY_AUDIT, NOTIFY_MODIFY,
                   "name!=configid " NOTIFY_MATCH, NOTIFY_MATCH),
    {M_GET, NOTIFY "/targets", NOTIFY_AUDIT, "", route_notify_targets},
    {M_POST, NOTIFY "/targets/{name}/test", NOTIFY_AUDIT, "", route_notify_test},
    SECTION_ROUTES("/cluster/acme/plugins", "{id}", "type=enum(dns,standalone)", MODIFY, MODIFY,
                   MODIFY, "id!=configid type!=enum(dns,standalone) " ACME_PLUGIN, ACME_PLUGIN),
    {M_GET, "/cluster/jobs/realm-sync", AUDIT, "", route_section_list},
    {M_GET, "/cluster/jobs/realm-sync/{id}", AUDIT, SECTION_NAMES, route_section_get},
    {M_POST, "/cluster/jobs/realm-sync/{id}", "/access/groups User.Modify",
     SECTION_NAMES " realm=string " REALM_SYNC, route_section_create},
    {M_PUT, "/cluster/jobs/realm-sync/{id}", "/access/groups User.Modify",
     "delete=string " REALM_SYNC, route_section_update},
    {M_DELETE, "/cluster/jobs/realm-sync/{id}", MODIFY, "", route_section_delete},
    {M_GET, "/cluster/config/qdevice", AUDIT, "", route_qdevice},
    {M_GET, "/cluster/config/nodes", AUDIT, "", route_config_nodes},
    {M_GET, "/cluster/backup", AUDIT, "", route_backup_jobs},
    {M_POST, "/cluster/backup", MODIFY, "* vmid=string", route_backup_create},
    {M_GET, "/cluster/backup/{id}", AUDIT, "", route_backup_job},
    {M_PUT, "/cluster/backup/{id}", MODIFY, "* vmid=string", route_backup_update},
    {M_DELETE, "/cluster/backup/{id}", MODIFY, "", route_backup_delete},
    {M_GET, "/cluster/backup/{id}/included_volumes", AUDIT, "", route_backup_volumes},
    {M_GET, "/cluster/backup-info", NULL, "", route_backup_info},
    {M_GET, "/cluster/backup-info/not-backed-up", AUDIT, "", route_not_backed_up},
    {M_GET, "/cluster/replication", "", "", route_replication},
    {M_POST, "/cluster/replication", NULL, "id!=string target!=node type!=enum(local) " REPLICATION,
     route_replication_create},
    {M_GET, "/cluster/replication/{id}", NULL, "", route_replication_job},
    {M_PUT, "/cluster/replication/{id}", NULL, "delete=string digest=string " REPLICATION,
     route_replication_update},
    {M_DELETE, "/cluster/replication/{id}", NULL, "force=bool keep=bool", route_replication_delete},
    {M_GET, HA, AUDIT, "", route_ha_index},
    {M_GET, HA "/resources", AUDIT, "type=enum(ct,vm)", route_ha_resources},
    {M_POST, HA "/resources", CONSOLE, "sid!=string type=enum(ct,vm) " HA_RESOURCE,
     route_ha_resource_create},
    {M_GET, HA "/resources/{sid}", AUDIT, "", route_ha_resource},
    {M_PUT, HA "/resources/{sid}", CONSOLE, "delete=string digest=string " HA_RESOURCE,
     route_ha_resource_update},
    {M_DELETE, HA "/resources/{sid}", CONSOLE, "purge=bool", route_ha_resource_delete},
    {M_POST, HA "/resources/{sid}/migrate", CONSOLE, "node!=node", route_ha_move},
    {M_POST, HA "/resources/{sid}/relocate", CONSOLE, "node!=node", route_ha_move},
    {M_GET, HA "/groups", AUDIT, "", route_ha_groups},
    {M_GET, HA "/groups/{group}", AUDIT, "", route_ha_groups},
    {M_GET, HA "/rules", AUDIT, "resource=string type=enum(node-affinity,resource-affinity)",
     route_ha_rules},
    {M_GET, HA "/rules/{rule}", AUDIT, "", route_ha_rule},
    {M_POST, HA "/rules", CONSOLE, "rule!=configid resources!=string type!=" HA_RULE,
     route_ha_rule_create},
    {M_PUT, HA "/rules/{rule}", CONSOLE,
     "delete=string digest=string resources=string type!=" HA_RULE, route_ha_rule_update},
    {M_DELETE, HA "/rules/{rule}", CONSOLE, "", route_ha_rule_delete},
    {M_GET, HA "/status", "", "", route_ha_status_index},
    {M_GET, HA "/status/current", AUDIT, "", route_ha_current},
    {M_GET, HA "/status/manager_status", AUDIT, "", route_ha_manager},
    {M_POST, HA "/status/disarm-ha", CONSOLE, "resource-mode!=enum(freeze,ignore)",
     route_ha_disarm},
    {M_POST, HA "/status/arm-ha", CONSOLE, "", route_ha_arm},
    {M_GET, FW, "", "", route_fw_index},
    FW_RULE_ROUTES(FW "/rules", AUDIT, FW_EDIT),
    FW_OPTION_ROUTES(FW "/options", AUDIT, FW_EDIT, FW_CLUSTER_OPTIONS),
    {M_GET, FW "/groups", "", "", route_fw_groups},
    {M_POST, FW "/groups", FW_EDIT, "comment=string digest=string group!=configid rename=configid",
     route_fw_group_create},
    {M_DELETE, FW "/groups/{group}", FW_EDIT, "", route_fw_group_delete},
    FW_RULE_ROUTES(FW "/groups/{group}", AUDIT, FW_EDIT),
    FW_NAME_ROUTES(FW, AUDIT, FW_EDIT),

    {M_GET, SDN, "", "", route_sdn_index},
    {M_PUT, SDN, "/sdn SDN.Allocate", "lock-token=string release-lock=bool", route_sdn_apply},
    {M_POST, SDN "/rollback", "/sdn SDN.Allocate", "lock-token=string release-lock=bool",
     route_sdn_rollback},
    SDN_ROUTES(SDN "/zones", "zone", "/sdn/zones/{zone}", "/sdn/zones SDN.Allocate",
               "zone!=word type!=enum(evpn,faucet,qinq,simple,vlan,vxlan) " SDN_ZONE, SDN_ZONE),
    SDN_ROUTES(SDN "/vnets", "vnet", "/sdn/zones", "/sdn/zones/{zone} SDN.Allocate",
               "vnet!=word zone!=word type=enum(vnet) " SDN_VNET, "zone=word " SDN_VNET),
    {M_GET, SDN "/vnets/{vnet}/firewall", "", "", route_fw_index},
    FW_RULE_ROUTES(SDN "/vnets/{vnet}/firewall/rules", "", ""),
    FW_OPTION_ROUTES(SDN "/vnets/{vnet}/firewall/options", "", "", FW_VNET_OPTIONS),
    SDN_ROUTES(SDN "/vnets/{vnet}/subnets", "subnet", "/sdn/zones", "/sdn/zones SDN.Allocate",
               "subnet!=string type!=enum(subnet) " SDN_SUBNET, SDN_SUBNET),
    SDN_ROUTES(SDN "/controllers", "controller", "/sdn/controllers",
               "/sdn/controllers SDN.Allocate",
               "controller!=word type!=enum(bgp,evpn,faucet,isis) " SDN_CONTROLLER, SDN_CONTROLLER),
    SDN_ROUTES(SDN "/ipams", "ipam", "/sdn/ipams", "/sdn/ipams SDN.Allocate",
               "ipam!=word type!=enum(netbox,phpipam,pve) " SDN_IPAM, SDN_IPAM),
    SDN_ROUTES(
        SDN "/dns", "dns", "/sdn/dns", "/sdn/dns SDN.Allocate",
        "dns!=word type!=enum(powerdns) key!=string url!=string fingerprint=string "
        "lock-token=string reversemaskv6=int reversev6mask=int ttl=int",
        "key=string url=string fingerprint=string lock-token=string reversemaskv6=int ttl=int"),
    {M_GET, "/cluster/ceph/status", AUDIT, "", route_no_ceph},
    {M_GET, "/cluster/ceph/flags", AUDIT, "", route_no_ceph},
};
const size_t cluster_n_routes = ARRAY_LEN(cluster_routes);
