/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/firewall.h - what the simulator's firewall files share. The state holds each
 * scope (cluster, a node, a guest, a vnet) as {options, rules: [..], groups: {name: {rules, comment}},
 * aliases: {name: {cidr, ipversion, comment}}, ipset: {name: {entries: [..], comment}}} with values
 * as the API shows them. */
#pragma once
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

struct fw_scope {
    const char *at[4]; /* its place in the state, NULL-terminated */
    struct guest guest;
    const js *now; /* borrowed; NULL: nothing configured */
};
/* The scope that the path names; -1 with the answer set. */
int fw_scope(struct call *c, struct fw_scope *ret);
/* A copy of one part (rules, options …) to change and put back; never NULL. */
js *fw_part(const struct fw_scope *f, const char *part, bool array);
void fw_put(struct call *c, const struct fw_scope *f, const char *part, js *value);

/* PVE's digests: SHA-1 over "key:value\n" of sorted keys, of one object or of a list's items. */
void fw_digest(const js *part, char ret[static 41]);
/* 0, or -1 with the answer that the configuration is another by now. */
int fw_unchanged(struct call *c, const js *part);
/* {name: {…}} as PVE lists it: [{key: name, …}] without arrays. New value. */
js *fw_named_list(const js *all, const char *key);

/* firewall_rules.c: checks a rule against names that exist; sets ipversion. -1 with the answer. */
int fw_rule_check(struct call *c, const struct fw_scope *f, js *rule);
/* 4, 6, or 0 when it is no address, prefix, range or list of them. */
int fw_ipversion(const char *text);

/* ---- the table's rows, for the scopes of table.c and table_cluster.c ---- */

/* The parameters of a rule (both making and changing). */
#define FW_RULE                                                                                    \
    "comment=string dest=string digest=string dport=string enable=int icmp-type=string "           \
    "iface=string "                                                                                \
    "log=enum(emerg,alert,crit,err,warning,notice,info,debug,nolog) macro=string pos=int "         \
    "proto=string source=string sport=string "
#define FW_TYPE   "enum(in,out,forward,group)"
#define FW_LOG    "enum(emerg,alert,crit,err,warning,notice,info,debug,nolog)"
#define FW_POLICY "enum(ACCEPT,REJECT,DROP)"
#define FW_CLUSTER_OPTIONS                                                                         \
    "delete=string digest=string ebtables=bool enable=int log_ratelimit=string "                   \
    "policy_forward=enum(ACCEPT,DROP) policy_in=" FW_POLICY " policy_out=" FW_POLICY
#define FW_NODE_OPTIONS                                                                            \
    "delete=string digest=string enable=bool log_level_forward=" FW_LOG " log_level_in=" FW_LOG    \
    " log_level_out=" FW_LOG " log_nf_conntrack=bool ndp=bool nf_conntrack_allow_invalid=bool "    \
    "nf_conntrack_helpers=string nf_conntrack_max=int "                                            \
    "nf_conntrack_tcp_timeout_established=int nf_conntrack_tcp_timeout_syn_recv=int "              \
    "nftables=bool nosmurfs=bool protection_synflood=bool protection_synflood_burst=int "          \
    "protection_synflood_rate=int smurf_log_level=" FW_LOG " tcp_flags_log_level=" FW_LOG          \
    " tcpflags=bool"
#define FW_GUEST_OPTIONS                                                                           \
    "delete=string dhcp=bool digest=string enable=bool ipfilter=bool log_level_in=" FW_LOG         \
    " log_level_out=" FW_LOG " macfilter=bool ndp=bool policy_in=" FW_POLICY                       \
    " policy_out=" FW_POLICY " radv=bool"

#define FW_VNET_OPTIONS                                                                            \
    "delete=string digest=string enable=bool log_level_forward=" FW_LOG                            \
    " policy_forward=enum(ACCEPT,DROP)"

/* A list of rules below `at`, readable with `see`, changeable with `edit`. */
#define FW_RULE_ROUTES(at, see, edit)                                                              \
    {M_GET, at, see, "", route_fw_rules},                                                          \
        {M_POST, at, edit, "action!=string " FW_RULE "type!=" FW_TYPE, route_fw_rule_create},      \
        {M_GET, at "/{pos}", see, "", route_fw_rule},                                              \
        {M_PUT, at "/{pos}", edit,                                                                 \
         "action=string delete=string moveto=int " FW_RULE "type=" FW_TYPE, route_fw_rule_update}, \
    {                                                                                              \
        M_DELETE, at "/{pos}", edit, "digest=string", route_fw_rule_delete                         \
    }
#define FW_OPTION_ROUTES(at, see, edit, spec)                                                      \
    {M_GET, at, see, "", route_fw_options}, {                                                      \
        M_PUT, at, edit, spec, route_fw_options_set                                                \
    }
/* Aliases and IP sets. */
#define FW_NAME_ROUTES(at, see, edit)                                                              \
    {M_GET, at "/aliases", see, "", route_fw_aliases},                                             \
        {M_POST, at "/aliases", edit, "cidr!=string comment=string name!=configid",                \
         route_fw_alias_create},                                                                   \
        {M_GET, at "/aliases/{name}", see, "", route_fw_alias},                                    \
        {M_PUT, at "/aliases/{name}", edit,                                                        \
         "cidr!=string comment=string digest=string rename=configid", route_fw_alias_update},      \
        {M_DELETE, at "/aliases/{name}", edit, "digest=string", route_fw_alias_delete},            \
        {M_GET, at "/ipset", see, "", route_fw_ipsets},                                            \
        {M_POST, at "/ipset", edit, "comment=string digest=string name!=configid rename=configid", \
         route_fw_ipset_create},                                                                   \
        {M_GET, at "/ipset/{name}", see, "", route_fw_ipset},                                      \
        {M_POST, at "/ipset/{name}", edit, "cidr!=string comment=string nomatch=bool",             \
         route_fw_entry_create},                                                                   \
        {M_DELETE, at "/ipset/{name}", edit, "force=bool", route_fw_ipset_delete},                 \
        {M_GET, at "/ipset/{name}/{cidr}", see, "", route_fw_entry},                               \
        {M_PUT, at "/ipset/{name}/{cidr}", edit, "comment=string digest=string nomatch=bool",      \
         route_fw_entry_update},                                                                   \
        {M_DELETE, at "/ipset/{name}/{cidr}", edit, "digest=string", route_fw_entry_delete}, {     \
        M_GET, at "/refs", see, "type=enum(alias,ipset)", route_fw_refs                            \
    }
