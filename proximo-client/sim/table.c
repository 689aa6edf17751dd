/* SPDX-License-Identifier: Apache-2.0 */
/* What is served beside /cluster: nodes and guests, storage, access, pools. Each row: method, path,
 * privilege, parameters, who answers. */
#include "proximo-client/sim/firewall.h"
#include "proximo-client/sim/routes.h"
#include "proximo-client/sim/routes_int.h"

#include "common/own.h"

#define N        "/nodes/{node}"
#define G        "/nodes/{node}/{kind}/{vmid}"
#define Q        "/nodes/{node}/qemu/{vmid}"
#define S        "/storage/{storage}"
#define NS       "/nodes/{node}/storage/{storage}"
#define U        "/access/users/{userid}"
#define SNAP     G "/snapshot/{snapname}"
#define VM_NET   "/vms/{vmid} VM.Config.Network"
#define VM_AUDIT "/vms/{vmid} VM.Audit"
#define POWER    "/vms/{vmid} VM.PowerMgmt"
#define STORE    "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace"
#define CONFIG_LXC                                                                                 \
    "/vms/{vmid} "                                                                                 \
    "VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|VM.Config.Options"
#define CONFIG_QEMU                                                                                \
    "/vms/{vmid} VM.Config.Disk|VM.Config.CDROM|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|" \
    "VM.Config.HWType|VM.Config.Options|VM.Config.Cloudinit"
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
/* What is made of disks: listed, made, destroyed. */
#define DISK_ROUTES(kind, create)                                                                  \
    {M_GET, N "/disks/" kind, AUDIT, "", route_disks_made},                                        \
        {M_POST, N "/disks/" kind, MODIFY, "name!=storage add_storage=bool " create,               \
         route_disk_create},                                                                       \
    {                                                                                              \
        M_DELETE, N "/disks/" kind "/{name}", MODIFY,                                              \
            "cleanup-config=bool cleanup-disks=bool volume-group=storage", route_disk_destroy      \
    }
#define ZPOOL "devices!=string raidlevel!=string ashift=int compression=string draid-config=string"
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

#define AGENT       Q "/agent"
#define AGENT_AUDIT "/vms/{vmid} VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted"
#define AGENT_FS    "/vms/{vmid} VM.GuestAgent.FileSystemMgmt|VM.GuestAgent.Unrestricted"

const struct route sim_routes[] = {
    {M_GET, "/version", "", "", route_version},

    {M_GET, "/nodes", "", "", route_nodes},
    {M_GET, N, "", "", route_node_index},
    {M_GET, N "/status", N " Sys.Audit", "", route_node_status},
    {M_GET, N "/disks/list", N " Sys.Audit",
     "include-partitions=bool skipsmart=bool type=enum(unused,journal_disks)", route_disks},
    DISK_ROUTES("lvm", "device!=string"),
    DISK_ROUTES("lvmthin", "device!=string"),
    DISK_ROUTES("zfs", ZPOOL),
    {M_GET, N "/hardware/pci", AUDIT, "pci-class-blacklist=string verbose=bool", route_pci},
    {M_GET, N "/hardware/usb", MODIFY, "", route_usb},
    DISK_ROUTES("directory", "device!=string filesystem=enum(ext4,xfs)"),
    {M_GET, N "/disks/zfs/{name}", AUDIT, "name=storage", route_zpool},
    {M_GET, N "/ceph/osd", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/mon", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/mgr", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/mds", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/fs", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/pool", AUDIT, "", route_no_ceph},
    {M_GET, N "/ceph/status", AUDIT, "", route_no_ceph},
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
    {M_POST, NS "/content", NULL, "filename!=string format=string size!=string vmid!=vmid",
     route_volume_alloc},
    {M_POST, NS "/download-url", NULL,
     "checksum=string checksum-algorithm=string compression=string "
     "content!=enum(iso,vztmpl,import) filename!=string url!=string verify-certificates=bool",
     route_download_url},
    {M_POST, N "/aplinfo", NULL, "storage!=storage template!=string", route_aplinfo_fetch},
    {M_GET, NS "/content/{volume}", "", "", route_volume_get},
    {M_POST, NS "/content/{volume}", NULL, "target!=string target_node=node", route_volume_copy},
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
    {M_PUT, Q "/unlink", "/vms/{vmid} VM.Config.Disk", "idlist!=string force=bool",
     route_disk_unlink},
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
    {M_GET, AGENT, "", "", route_agent_index},
    {M_GET, AGENT "/get-fsinfo", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-host-name", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-memory-block-info", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-memory-blocks", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-osinfo", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-time", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-timezone", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-users", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/get-vcpus", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/info", AGENT_AUDIT, "", route_agent_get},
    {M_GET, AGENT "/network-get-interfaces", AGENT_AUDIT, "", route_agent_get},
    {M_POST, AGENT "/ping", AGENT_AUDIT, "", route_agent_post},
    {M_POST, AGENT "/fsfreeze-status",
     "/vms/{vmid} VM.GuestAgent.Audit|VM.GuestAgent.FileSystemMgmt|VM.GuestAgent.Unrestricted", "",
     route_agent_post},
    {M_POST, AGENT "/fsfreeze-freeze", AGENT_FS, "", route_agent_post},
    {M_POST, AGENT "/fsfreeze-thaw", AGENT_FS, "", route_agent_post},
    {M_POST, AGENT "/fstrim", AGENT_FS, "", route_agent_post},
    {M_POST, AGENT "/exec", "/vms/{vmid} VM.GuestAgent.Unrestricted",
     "command!=list input-data=string", route_agent_exec},
    {M_GET, AGENT "/exec-status", "/vms/{vmid} VM.GuestAgent.Unrestricted", "pid!=int",
     route_agent_exec_status},
    {M_GET, AGENT "/file-read", "/vms/{vmid} VM.GuestAgent.FileRead|VM.GuestAgent.Unrestricted",
     "count=int decode=bool file!=string offset=int", route_agent_file_read},
    {M_POST, AGENT "/file-write", "/vms/{vmid} VM.GuestAgent.FileWrite|VM.GuestAgent.Unrestricted",
     "content!=string encode=bool file!=string", route_agent_file_write},
    {M_POST, AGENT "/set-user-password", "/vms/{vmid} VM.GuestAgent.Unrestricted",
     "crypted=bool password!=string username!=string", route_agent_password},
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
