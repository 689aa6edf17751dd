/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of what is served, and the way every call goes: find the row, check the privilege
 * it names, check the parameters, run, commit. Whatever is not in the table is a 501. */
#include "proximo-client/sim/firewall.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"
#include "proximo-client/sim/pbs.h"

#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/form.h"

#define N       "/nodes/{node}"
#define G       "/nodes/{node}/{kind}/{vmid}"
#define Q       "/nodes/{node}/qemu/{vmid}"
#define S       "/storage/{storage}"
#define NS      "/nodes/{node}/storage/{storage}"
#define U       "/access/users/{userid}"
#define SNAP    G "/snapshot/{snapname}"
#define HA      "/cluster/ha"
#define FW      "/cluster/firewall"
#define FW_EDIT "/ Sys.Modify"
#define VM_NET  "/vms/{vmid} VM.Config.Network"

#define AUDIT    "/ Sys.Audit"
#define MODIFY   "/ Sys.Modify"
#define CONSOLE  "/ Sys.Console"
#define VM_AUDIT "/vms/{vmid} VM.Audit"
#define POWER    "/vms/{vmid} VM.PowerMgmt"
#define STORE    "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace"
#define CONFIG_LXC                                                                                 \
    "/vms/{vmid} "                                                                                 \
    "VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|VM.Config.Options"
#define CONFIG_QEMU                                                                                \
    "/vms/{vmid} VM.Config.Disk|VM.Config.CDROM|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|" \
    "VM.Config.HWType|VM.Config.Options|VM.Config.Cloudinit"

#define HA_RESOURCE                                                                                \
    "comment=string failback=bool group=configid max_relocate=int max_restart=int "                \
    "state=enum(started,stopped,enabled,disabled,ignored)"

#define HA_RULE                                                                                    \
    "enum(node-affinity,resource-affinity) affinity=enum(positive,negative) comment=string "       \
    "disable=bool nodes=string strict=bool"
#define REPLICATION                                                                                \
    "comment=string disable=bool rate=string remove_job=enum(local,full) schedule=string "         \
    "source=node"

#define CLONE                                                                                      \
    "bwlimit=int description=string full=bool newid!=vmid pool=word snapname=configid "            \
    "storage=storage target=node"

#define NET_TYPES "bridge,bond,eth,alias,vlan,fabric,OVSBridge,OVSBond,OVSPort,OVSIntPort,vnet"
#define NET_KINDS "enum(" NET_TYPES ",any_bridge,any_local_bridge,include_sdn)"
#define NET_IFACE                                                                                  \
    "address=string address6=string autostart=bool bond-primary=iface "                            \
    "bond_mode=enum(balance-rr,active-backup,balance-xor,broadcast,802.3ad,balance-tlb,"           \
    "balance-alb,balance-slb,lacp-balance-slb,lacp-balance-tcp) "                                  \
    "bond_xmit_hash_policy=enum(layer2,layer2+3,layer3+4) bridge_ports=string "                    \
    "bridge_vids=string bridge_vlan_aware=bool cidr=cidr cidr6=cidr comments=string "              \
    "comments6=string gateway=ip gateway6=ip mtu=int netmask=string netmask6=int "                 \
    "ovs_bonds=string ovs_bridge=iface ovs_options=string ovs_ports=string ovs_tag=int "           \
    "slaves=string type!=enum(" NET_TYPES ",unknown) vlan-id=int vlan-raw-device=iface"

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
/* What is made of disks: listed, made, destroyed. */
#define DISK_ROUTES(kind, create)                                                                  \
    {M_GET, N "/disks/" kind, AUDIT, "", route_disks_made},                                        \
        {M_POST, N "/disks/" kind, MODIFY, "name!=storage add_storage=bool " create,               \
         route_disk_create},                                                                       \
    {                                                                                              \
        M_DELETE, N "/disks/" kind "/{name}", MODIFY,                                              \
            "cleanup-config=bool cleanup-disks=bool volume-group=storage", route_disk_destroy      \
    }
#define ZPOOL         "devices!=string raidlevel!=string ashift=int compression=string draid-config=string"
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
#define REALM                                                                                      \
    "acr-values=string autocreate=bool base_dn=string bind_dn=string capath=string "               \
    "case-sensitive=bool cert=string certkey=string check-connection=bool client-id=string "       \
    "client-key=string comment=string default=bool domain=string filter=string "                   \
    "group_classes=string group_dn=string group_filter=string group_name_attr=string "             \
    "groups-autocreate=bool groups-claim=string groups-overwrite=bool issuer-url=string "          \
    "mode=enum(ldap,ldaps,ldap+starttls) password=string port=int prompt=string "                  \
    "query-userinfo=bool scopes=string secure=bool server1=string server2=string "                 \
    "sslversion=enum(tlsv1,tlsv1_1,tlsv1_2,tlsv1_3) sync-defaults-options=string "                 \
    "sync_attributes=string tfa=string user_attr=string user_classes=string verify=bool"
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
    "dhcp-dns-server=string dhcp-range=list dnszoneprefix=string gateway=ip lock-token=string "  \
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

const struct route sim_routes[] = {
    {M_GET, "/version", "", "", route_version},
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
    {M_POST, "/cluster/backup", MODIFY, "*", route_backup_create},
    {M_GET, "/cluster/backup/{id}", AUDIT, "", route_backup_job},
    {M_PUT, "/cluster/backup/{id}", MODIFY, "*", route_backup_update},
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
    {M_POST, HA "/status/disarm-ha", CONSOLE, "resource-mode!=enum(freeze,ignore)", route_ha_disarm},
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

    {M_GET, "/nodes", "", "", route_nodes},
    {M_GET, N, "", "", route_node_index},
    {M_GET, N "/status", N " Sys.Audit", "", route_node_status},
    {M_GET, N "/disks/list", N " Sys.Audit",
     "include-partitions=bool skipsmart=bool type=enum(unused,journal_disks)", route_disks},
    DISK_ROUTES("lvm", "device!=string"),
    DISK_ROUTES("lvmthin", "device!=string"),
    DISK_ROUTES("zfs", ZPOOL),
    DISK_ROUTES("directory", "device!=string filesystem=enum(ext4,xfs)"),
    {M_GET, N "/disks/zfs/{name}", AUDIT, "name=storage", route_zpool},
    {M_GET, N "/ceph/osd", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/mon", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/mgr", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/mds", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/fs", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/pool", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/status", AUDIT, "", route_no_ceph},
    {M_GET, "/cluster/ceph/status", AUDIT, "", route_no_ceph},
    {M_GET, "/cluster/ceph/flags", AUDIT, "", route_no_ceph},
    {M_POST, N "/status", N " Sys.PowerMgmt", "command!=enum(reboot,shutdown)", route_node_power},
    {M_POST, N "/wakeonlan", N " Sys.PowerMgmt", "", route_node_wake},
    {M_POST, N "/startall", "/vms VM.PowerMgmt", "force=bool max-workers=int vms=string",
     route_node_all},
    {M_POST, N "/stopall", "/vms VM.PowerMgmt",
     "force-stop=bool max-workers=int timeout=int vms=string", route_node_all},
    {M_POST, N "/suspendall", "/vms VM.PowerMgmt", "max-workers=int vms=string", route_node_all},
    {M_POST, N "/migrateall", "/vms VM.Migrate",
     "max-workers=int maxworkers=int target!=node vms=string with-local-disks=bool",
     route_node_all},
    {M_GET, N "/version", "", "", route_node_version},
    {M_GET, N "/config", AUDIT, "property=string", route_node_config},
    {M_PUT, N "/config", MODIFY, "*", route_node_config_set},
    {M_GET, N "/dns", N " Sys.Audit", "", route_node_dns},
    {M_PUT, N "/dns", N " Sys.Modify", "search!=string dns1=string dns2=string dns3=string",
     route_node_dns_set},
    {M_GET, N "/time", N " Sys.Audit", "", route_node_time},
    {M_GET, N "/network", "", "type=" NET_KINDS, route_node_network},
    {M_POST, N "/network", N " Sys.Modify", "iface!=iface " NET_IFACE, route_iface_create},
    {M_PUT, N "/network", N " Sys.Modify", "regenerate-frr=bool", route_network_apply},
    {M_DELETE, N "/network", N " Sys.Modify", "", route_network_revert},
    {M_GET, N "/network/{iface}", N " Sys.Audit", "", route_node_iface},
    {M_PUT, N "/network/{iface}", N " Sys.Modify", "delete=string " NET_IFACE, route_iface_update},
    {M_DELETE, N "/network/{iface}", N " Sys.Modify", "", route_iface_delete},
    {M_PUT, N "/time", N " Sys.Modify", "timezone!=string", route_node_time_set},
    {M_GET, N "/hosts", N " Sys.Audit", "", route_node_hosts},
    {M_POST, N "/hosts", N " Sys.Modify", "data!=string digest=string", route_node_hosts_set},
    {M_GET, N "/services", N " Sys.Audit", "", route_services},
    {M_GET, N "/services/{service}/state", N " Sys.Audit", "", route_service_state},
    {M_POST, N "/services/{service}/start", N " Sys.Modify", "", route_service_do},
    {M_POST, N "/services/{service}/stop", N " Sys.Modify", "", route_service_do},
    {M_POST, N "/services/{service}/restart", N " Sys.Modify", "", route_service_do},
    {M_POST, N "/services/{service}/reload", N " Sys.Modify", "", route_service_do},
    {M_GET, N "/apt/repositories", N " Sys.Audit", "", route_apt_repositories},
    {M_POST, N "/apt/repositories", N " Sys.Modify",
     "path!=string index!=int enabled=bool digest=string", route_apt_repository_set},
    {M_GET, N "/apt/update", N " Sys.Modify", "", route_apt_updates},
    {M_POST, N "/apt/update", N " Sys.Modify", "notify=bool quiet=bool", route_apt_update},
    {M_GET, N "/replication", "", "guest=vmid", route_node_replication},
    {M_GET, N "/firewall", "", "", route_fw_index},
    FW_RULE_ROUTES(N "/firewall/rules", N " Sys.Audit", N " Sys.Modify"),
    FW_OPTION_ROUTES(N "/firewall/options", N " Sys.Audit", N " Sys.Modify", FW_NODE_OPTIONS),
    {M_GET, N "/firewall/log", N " Sys.Syslog", "limit=int since=int start=int until=int",
     route_fw_log},
    {M_GET, N "/tasks", "",
     "errors=bool limit=int since=int source=enum(archive,active,all) start=int "
     "statusfilter=string typefilter=string until=int userfilter=string vmid=vmid",
     route_node_tasks},
    {M_GET, N "/tasks/{upid}", "", "", route_task_index},
    {M_DELETE, N "/tasks/{upid}", "", "", route_task_stop},
    {M_GET, N "/tasks/{upid}/status", "", "", route_task_status},
    {M_GET, N "/tasks/{upid}/log", "", "download=bool limit=int start=int", route_task_log},
    {M_GET, N "/storage", "", "content=string enabled=bool format=bool storage=storage target=node",
     route_node_storage},
    {M_GET, NS, STORE, "", route_node_storage_index},
    {M_GET, NS "/status", STORE, "", route_node_storage_status},
    {M_GET, NS "/content", STORE, "content=string vmid=vmid", route_content},
    {M_GET, NS "/content/{volume}", "", "", route_volume_get},
    {M_DELETE, NS "/content/{volume}", "", "delay=int", route_volume_delete},
    {M_GET, NS "/prunebackups", STORE, "prune-backups=string type=enum(qemu,lxc) vmid=vmid",
     route_prunebackups},
    {M_DELETE, NS "/prunebackups", "", "prune-backups=string type=enum(qemu,lxc) vmid=vmid",
     route_prune},
    {M_PUT, NS "/content/{volume}", "", "notes=string protected=bool", route_volume_update},
    {M_POST, N "/vzdump", NULL,
     "all=bool bwlimit=int compress=string exclude=string ionice=int lockwait=int mailto=string "
     "mode=enum(snapshot,suspend,stop) notes-template=string pool=word protected=bool "
     "prune-backups=string remove=bool storage=storage vmid=string zstd=int",
     route_vzdump},
    {M_GET, N "/vzdump/extractconfig", NULL, "volume!=string", route_extractconfig},

    {M_GET, N "/{kind}", "", "full=bool", route_guest_list},
    {M_GET, G, "", "", route_guest_index},
    {M_DELETE, N "/lxc/{vmid}", "/vms/{vmid} VM.Allocate",
     "destroy-unreferenced-disks=bool force=bool purge=bool", route_guest_destroy},
    {M_DELETE, Q, "/vms/{vmid} VM.Allocate",
     "destroy-unreferenced-disks=bool purge=bool skiplock=bool", route_guest_destroy},
    {M_POST, N "/qemu", NULL, "*", route_create_qemu},
    {M_POST, N "/lxc", NULL, "*", route_create_lxc},
    {M_POST, Q "/migrate", "/vms/{vmid} VM.Migrate",
     "bwlimit=int force=bool migration_network=string migration_type=enum(secure,insecure) "
     "online=bool target!=node targetstorage=string with-conntrack-state=bool "
     "with-local-disks=bool",
     route_migrate},
    {M_POST, N "/lxc/{vmid}/migrate", "/vms/{vmid} VM.Migrate",
     "bwlimit=int online=bool restart=bool target!=node target-storage=string timeout=int",
     route_migrate},
    {M_POST, Q "/clone", "/vms/{vmid} VM.Clone", CLONE " format=enum(raw,qcow2,vmdk) name=string",
     route_clone},
    {M_POST, N "/lxc/{vmid}/clone", "/vms/{vmid} VM.Clone", CLONE " hostname=string", route_clone},
    {M_POST, Q "/template", "/vms/{vmid} VM.Allocate", "disk=string", route_template},
    {M_POST, N "/lxc/{vmid}/template", "/vms/{vmid} VM.Allocate", "", route_template},
    {M_POST, Q "/move_disk", "/vms/{vmid} VM.Config.Disk",
     "bwlimit=int delete=bool digest=string disk!=string format=enum(raw,qcow2,vmdk) "
     "storage=storage target-digest=string target-disk=string target-vmid=vmid",
     route_disk_move},
    {M_POST, N "/lxc/{vmid}/move_volume", "/vms/{vmid} VM.Config.Disk",
     "bwlimit=int delete=bool digest=string storage=storage target-digest=string "
     "target-vmid=vmid target-volume=string volume!=string",
     route_disk_move},
    {M_PUT, Q "/resize", "/vms/{vmid} VM.Config.Disk",
     "digest=string disk!=string size!=string skiplock=bool", route_disk_resize},
    {M_PUT, N "/lxc/{vmid}/resize", "/vms/{vmid} VM.Config.Disk",
     "digest=string disk!=string size!=string", route_disk_resize},
    {M_GET, G "/config", VM_AUDIT, "current=bool snapshot=configid", route_guest_config},
    {M_PUT, N "/lxc/{vmid}/config", CONFIG_LXC, "*", route_guest_config_set},
    {M_PUT, Q "/config", CONFIG_QEMU, "*", route_guest_config_set},
    {M_POST, Q "/config", CONFIG_QEMU, "*", route_guest_config_post},
    {M_GET, G "/pending", VM_AUDIT, "", route_guest_pending},
    {M_GET, G "/feature", VM_AUDIT, "feature!=enum(snapshot,clone,copy) snapname=configid",
     route_guest_feature},
    {M_GET, G "/status", "", "", route_guest_status_index},
    {M_GET, G "/status/current", VM_AUDIT, "", route_guest_current},
    {M_POST, N "/lxc/{vmid}/status/start", POWER, "debug=bool skiplock=bool", route_guest_start},
    {M_POST, Q "/status/start", POWER,
     "force-cpu=string machine=string skiplock=bool stateuri=string targetstorage=string "
     "timeout=int",
     route_guest_start},
    {M_POST, N "/lxc/{vmid}/status/stop", POWER, "overrule-shutdown=bool skiplock=bool",
     route_guest_stop},
    {M_POST, Q "/status/stop", POWER,
     "keepActive=bool overrule-shutdown=bool skiplock=bool timeout=int", route_guest_stop},
    {M_POST, N "/lxc/{vmid}/status/shutdown", POWER, "forceStop=bool timeout=int",
     route_guest_shutdown},
    {M_POST, Q "/status/shutdown", POWER,
     "forceStop=bool keepActive=bool skiplock=bool timeout=int", route_guest_shutdown},
    {M_POST, G "/status/reboot", POWER, "timeout=int", route_guest_reboot},
    {M_POST, Q "/status/reset", POWER, "skiplock=bool", route_guest_reset},
    {M_POST, N "/lxc/{vmid}/status/suspend", POWER, "", route_guest_suspend},
    {M_POST, Q "/status/suspend", POWER, "skiplock=bool statestorage=storage todisk=bool",
     route_guest_suspend},
    {M_POST, N "/lxc/{vmid}/status/resume", POWER, "", route_guest_resume},
    {M_POST, Q "/status/resume", POWER, "nocheck=bool skiplock=bool", route_guest_resume},
    {M_GET, G "/snapshot", VM_AUDIT, "", route_snap_list},
    {M_POST, N "/lxc/{vmid}/snapshot", "/vms/{vmid} VM.Snapshot",
     "description=string snapname!=configid", route_snap_create},
    {M_POST, Q "/snapshot", "/vms/{vmid} VM.Snapshot",
     "description=string snapname!=configid vmstate=bool", route_snap_create},
    {M_GET, SNAP, "", "", route_snap_index},
    {M_DELETE, SNAP, "/vms/{vmid} VM.Snapshot", "force=bool", route_snap_delete},
    {M_GET, SNAP "/config", "/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback|VM.Audit", "",
     route_snap_config},
    {M_PUT, SNAP "/config", "/vms/{vmid} VM.Snapshot", "description=string", route_snap_config_set},
    {M_POST, SNAP "/rollback", "/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback", "start=bool",
     route_snap_rollback},
    {M_GET, G "/firewall", "", "", route_fw_index},
    FW_RULE_ROUTES(G "/firewall/rules", VM_AUDIT, VM_NET),
    FW_OPTION_ROUTES(G "/firewall/options", VM_AUDIT, VM_NET, FW_GUEST_OPTIONS),
    FW_NAME_ROUTES(G "/firewall", VM_AUDIT, VM_NET),
    {M_GET, G "/firewall/log", "/vms/{vmid} VM.Console", "limit=int since=int start=int until=int",
     route_fw_log},

    {M_GET, "/storage", "", "type=string", route_storage_list},
    {M_POST, "/storage", "/storage Datastore.Allocate", "*", route_storage_create},
    {M_GET, S, "/storage/{storage} Datastore.Allocate", "", route_storage_get},
    {M_PUT, S, "/storage Datastore.Allocate", "*", route_storage_update},
    {M_DELETE, S, "/storage Datastore.Allocate", "", route_storage_delete},

    {M_GET, "/access", "", "", route_access_index},
    {M_GET, "/access/users", "", "enabled=bool full=bool", route_users},
    {M_POST, "/access/users", NULL,
     "comment=string email=email enable=bool expire=int firstname=string groups=string "
     "keys=string lastname=string password=string userid!=string",
     route_user_create},
    {M_GET, U, NULL, "", route_user_get},
    {M_PUT, U, NULL,
     "append=bool comment=string email=email enable=bool expire=int firstname=string "
     "groups=string keys=string lastname=string",
     route_user_update},
    {M_DELETE, U, NULL, "", route_user_delete},
    {M_GET, U "/token", NULL, "", route_tokens},
    {M_GET, U "/token/{tokenid}", NULL, "", route_token_get},
    {M_POST, U "/token/{tokenid}", NULL, "comment=string expire=int privsep=bool",
     route_token_create},
    {M_PUT, U "/token/{tokenid}", NULL, "comment=string delete=string expire=int privsep=bool",
     route_token_update},
    {M_DELETE, U "/token/{tokenid}", NULL, "", route_token_delete},
    {M_GET, "/access/groups", "", "", route_groups},
    {M_POST, "/access/groups", "/access/groups Group.Allocate", "comment=string groupid!=word",
     route_group_create},
    {M_GET, "/access/groups/{groupid}", "/access/groups Sys.Audit|Group.Allocate", "",
     route_group_get},
    {M_PUT, "/access/groups/{groupid}", "/access/groups Group.Allocate", "comment=string",
     route_group_update},
    {M_DELETE, "/access/groups/{groupid}", "/access/groups Group.Allocate", "", route_group_delete},
    {M_GET, "/access/roles", "", "", route_roles},
    {M_POST, "/access/roles", "/access Sys.Modify", "privs=string roleid!=word", route_role_create},
    {M_GET, "/access/roles/{roleid}", "", "", route_role_get},
    {M_PUT, "/access/roles/{roleid}", "/access Sys.Modify", "append=bool privs=string",
     route_role_update},
    {M_DELETE, "/access/roles/{roleid}", "/access Sys.Modify", "", route_role_delete},
    {M_GET, "/access/acl", "", "", route_acl},
    {M_PUT, "/access/acl", NULL,
     "delete=bool groups=string path!=string propagate=bool roles!=string tokens=string "
     "users=string",
     route_acl_update},
    {M_GET, "/access/permissions", "", "path=string userid=string", route_permissions},
    {M_GET, "/access/domains", "", "", route_domains},
    {M_GET, "/access/domains/{realm}", "/access/realm Realm.Allocate|Sys.Audit", "",
     route_domain_get},
    {M_POST, "/access/domains", "/access/realm Realm.Allocate",
     "realm!=string type!=enum(ad,ldap,openid,pam,pve) username-claim=string " REALM,
     route_realm_create},
    {M_PUT, "/access/domains/{realm}", "/access/realm Realm.Allocate",
     "delete=string digest=string " REALM, route_realm_update},
    {M_DELETE, "/access/domains/{realm}", "/access/realm Realm.Allocate", "", route_realm_delete},
    {M_GET, "/pools", "", "poolid=word type=enum(qemu,lxc,storage)", route_pools},
    {M_POST, "/pools", "/pool/{poolid} Pool.Allocate", "comment=string poolid!=word",
     route_pool_create},
    {M_PUT, "/pools", "/pool/{poolid} Pool.Allocate",
     "allow-move=bool comment=string delete=bool poolid!=word storage=string vms=string",
     route_pool_update},
    {M_DELETE, "/pools", "/pool/{poolid} Pool.Allocate", "poolid!=word", route_pool_delete},
    {M_GET, "/pools/{poolid}", "/pool/{poolid} Pool.Audit", "type=enum(qemu,lxc,storage)",
     route_pool_get},
    {M_PUT, "/pools/{poolid}", "/pool/{poolid} Pool.Allocate",
     "allow-move=bool comment=string delete=bool storage=string vms=string", route_pool_update},
    {M_DELETE, "/pools/{poolid}", "/pool/{poolid} Pool.Allocate", "", route_pool_delete},

    {M_GET, "/sim/fault", NULL, "", route_sim_faults},
    {M_POST, "/sim/fault", NULL, "spec!=string", route_sim_fault},
    {M_POST, "/sim/node", NULL, "node!=node state!=enum(up,down,maintenance)", route_sim_node},
    {M_DELETE, "/sim/fault", NULL, "", route_sim_fault_clear},
};
const size_t sim_n_routes = ARRAY_LEN(sim_routes);

js *index_of(const char *key, const char *const *names, size_t n) {
    js *list = js_array();

    for (size_t i = 0; i < n; i++) {
        js *o = js_object();

        js_add(o, key, js_str(names[i]));
        js_push(list, o);
    }
    return list;
}

int node_of_call(struct call *c, js **ret) {
    const char *node = call_str(c, "node");

    *ret = state_get(&c->s->st, "nodes", node, NULL);
    if (!*ret) {
        return call_fail(c, 500,
                         "hostname lookup '%s' failed - failed to get address info for: %s: Name "
                         "or service not known",
                         node, node);
    }
    return 0;
}

/* One segment of a template against one of the path; a parameter takes the decoded text. {volume}
 * takes the rest of the path, because volume names contain slashes. */
static bool segment(const char *t, size_t tn, const char *p, size_t pn, js *found) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(1024);
    char name[64];

    if (*t != '{') {
        return tn == pn && strncmp(t, p, tn) == 0;
    }
    if (!pn || tn - 2 >= sizeof(name) || form_decode(p, pn, false, &text) < 0) {
        return false;
    }
    memcpy(name, t + 1, tn - 2);
    name[tn - 2] = '\0';
    if (strcmp(name, "kind") == 0 && strcmp(text.data, "lxc") != 0 &&
        strcmp(text.data, "qemu") != 0) {
        return false;
    }
    js_add(found, name, js_str_n(text.data, text.len));
    return true;
}

static bool match(const char *t, const char *p, js *found) {
    while (*t == '/' && *p == '/') {
        size_t tn = strcspn(++t, "/"), pn = strcspn(++p, "/");

        if (strcmp(t, "{volume}") == 0) {
            pn = strlen(p);
        }
        if (!segment(t, tn, p, pn, found)) {
            return false;
        }
        t += tn;
        p += pn;
    }
    return !*t && !*p;
}

static const struct route *find_route(struct call *c, js *found) {
    const struct route *table = c->s->o.pbs ? pbs_routes : sim_routes;
    size_t n = c->s->o.pbs ? pbs_n_routes : sim_n_routes;

    for (size_t i = 0; i < n; i++) {
        const struct route *r = &table[i];
        CLEANUP(js_freep) js *got = js_object();

        if (r->method == c->method && match(r->path, c->path, got)) {
            JS_FOREACH(got, k, v) {
                js_add(found, k, js_ref(v));
            }
            return r;
        }
    }
    return NULL;
}

/* "/vms/{vmid} VM.Audit|VM.X" with the call's parameters filled in. */
static bool privileged(struct call *c, const char *check) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
    const char *at = check;

    if (!check || !*check) {
        return true;
    }
    while (*at && *at != ' ') {
        if (*at == '{') {
            size_t n = strcspn(at, "}");
            char name[64];

            (void)snprintf(name, sizeof(name), "%.*s", (int)n - 1, at + 1);
            (void)buf_adds(&path, call_str(c, name) ? call_str(c, name) : "");
            at += n + 1;
        } else {
            (void)buf_addc(&path, *at++);
        }
    }
    return call_may(c, buf_str(&path), at + 1);
}

/* What is below a node is answered by that node itself, once the caller's privileges allow it: of
 * one that is down nothing comes back. Another one sends what wakes it. */
static bool reachable(struct call *c, const struct route *r) {
    const js *node = state_get(&c->s->st, "nodes", js_str_or(c->in_path, "node", ""), NULL);

    if (strncmp(r->path, N "/", sizeof(N)) == 0 && r->run != route_node_wake && node &&
        !js_bool_or(node, "online", true)) {
        (void)call_fail(c, 595, "No route to host");
        return false;
    }
    return true;
}

void sim_dispatch(struct call *c) {
    const struct route *r = find_route(c, c->in_path);
    static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE"};
    struct err e = {0};

    if (!r) {
        (void)(c->s->o.pbs ? call_fail(c, 404, "Path '/api2/json%s' not found.", c->path)
                           : call_fail(c, 501, "Method '%s %s' not implemented", verbs[c->method],
                                       c->path));
        return;
    }
    if (strstr(r->path, "/lxc/{vmid}") || strstr(r->path, "/qemu/{vmid}")) {
        js_add(c->in_path, "kind", js_str(strstr(r->path, "/lxc/") ? "lxc" : "qemu"));
    }
    JS_FOREACH(c->in_path, k, v) {
        js_add(c->params, k, js_ref(v));
    }
    if (!privileged(c, r->check) || !reachable(c, r) || params_check(c, r->params) < 0 ||
        r->run(c) < 0) {
        state_rollback(&c->s->st);
        if (c->status == 200) {
            (void)call_fail(c, 500, "internal error");
        }
        return;
    }
    if (state_commit(&c->s->st, &e) < 0) {
        (void)call_fail(c, 500, "%s", e.msg);
        return;
    }
    if (c->method != M_GET) {
        ha_round(c->s);
    }
}
