/* SPDX-License-Identifier: Apache-2.0 */
/* Names that firewall rules use: protocols, services, ICMP types and Proxmox VE's macros. Facts of
 * the IANA registries, of iptables' ICMP type lists, and of the macro list that every PVE serves at
 * /cluster/firewall/macros (86 of them), with the ports its firewall gives them. */
#include <string.h>
#include <strings.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"

static const struct {
    const char *name;
    int number;
    bool ports;
} protos[] = {
    {"ip", 0, false},          {"icmp", 1, false},         {"igmp", 2, false},
    {"ggp", 3, false},         {"ipencap", 4, false},      {"st", 5, false},
    {"tcp", 6, true},          {"egp", 8, false},          {"igp", 9, false},
    {"pup", 12, false},        {"udp", 17, true},          {"hmp", 20, false},
    {"xns-idp", 22, false},    {"rdp", 27, false},         {"iso-tp4", 29, false},
    {"dccp", 33, true},        {"xtp", 36, false},         {"ddp", 37, false},
    {"idpr-cmtp", 38, false},  {"ipv6", 41, false},        {"ipv6-route", 43, false},
    {"ipv6-frag", 44, false},  {"idrp", 45, false},        {"rsvp", 46, false},
    {"gre", 47, false},        {"esp", 50, false},         {"ah", 51, false},
    {"skip", 57, false},       {"icmpv6", 58, false},      {"ipv6-icmp", 58, false},
    {"ipv6-nonxt", 59, false}, {"ipv6-opts", 60, false},   {"rspf", 73, false},
    {"vmtp", 81, false},       {"eigrp", 88, false},       {"ospf", 89, false},
    {"ax.25", 93, false},      {"ipip", 94, false},        {"etherip", 97, false},
    {"encap", 98, false},      {"pim", 103, false},        {"ipcomp", 108, false},
    {"vrrp", 112, false},      {"l2tp", 115, false},       {"isis", 124, false},
    {"sctp", 132, true},       {"fc", 133, false},         {"mobility-header", 135, false},
    {"udplite", 136, true},    {"mpls-in-ip", 137, false}, {"hip", 139, false},
    {"shim6", 140, false},     {"wesp", 141, false},       {"rohc", 142, false},
};

int fw_proto(const char *name) {
    uint32_t number;

    if (ident_u32(name, &number) == 0) {
        return number <= 255 ? (int)number : -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
        if (strcmp(protos[i].name, name) == 0) {
            return protos[i].number;
        }
    }
    return -1;
}

bool fw_proto_has_ports(int proto) {
    for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
        if (protos[i].number == proto && protos[i].ports) {
            return true;
        }
    }
    return false;
}

/* What a rule may write instead of a number: the names of Debian's /etc/services that rules use. */
static const struct {
    const char *name;
    uint16_t port;
} services[] = {
    {"echo", 7},
    {"discard", 9},
    {"ftp-data", 20},
    {"ftp", 21},
    {"ssh", 22},
    {"telnet", 23},
    {"smtp", 25},
    {"time", 37},
    {"whois", 43},
    {"tacacs", 49},
    {"domain", 53},
    {"bootps", 67},
    {"bootpc", 68},
    {"tftp", 69},
    {"gopher", 70},
    {"finger", 79},
    {"http", 80},
    {"www", 80},
    {"kerberos", 88},
    {"pop3", 110},
    {"sunrpc", 111},
    {"auth", 113},
    {"nntp", 119},
    {"ntp", 123},
    {"netbios-ns", 137},
    {"netbios-dgm", 138},
    {"netbios-ssn", 139},
    {"imap2", 143},
    {"imap", 143},
    {"snmp", 161},
    {"snmp-trap", 162},
    {"bgp", 179},
    {"irc", 194},
    {"ldap", 389},
    {"https", 443},
    {"microsoft-ds", 445},
    {"submissions", 465},
    {"isakmp", 500},
    {"syslog", 514},
    {"printer", 515},
    {"router", 520},
    {"nntps", 563},
    {"submission", 587},
    {"ipp", 631},
    {"ldaps", 636},
    {"domain-s", 853},
    {"rsync", 873},
    {"ftps", 990},
    {"imaps", 993},
    {"pop3s", 995},
    {"openvpn", 1194},
    {"ms-sql-s", 1433},
    {"ms-sql-m", 1434},
    {"l2f", 1701},
    {"radius", 1812},
    {"radius-acct", 1813},
    {"nfs", 2049},
    {"cvspserver", 2401},
    {"mysql", 3306},
    {"svn", 3690},
    {"iscsi-target", 3260},
    {"ms-wbt-server", 3389},
    {"sip", 5060},
    {"sip-tls", 5061},
    {"xmpp-client", 5222},
    {"mdns", 5353},
    {"postgresql", 5432},
    {"amqp", 5672},
    {"x11", 6000},
    {"ircd", 6667},
    {"http-alt", 8080},
    {"munin", 4949},
    {"nut", 3493},
    {"git", 9418},
    {"zabbix-agent", 10050},
    {"zabbix-trapper", 10051},
    {"webmin", 10000},
    {"amanda", 10080},
};

int fw_port(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (strcmp(services[i].name, name) == 0) {
            return services[i].port;
        }
    }
    return -1;
}

/* What the verdict calls a port, the cluster's own services first. */
static const struct {
    int proto;
    uint16_t lo, hi;
    const char *name;
    bool of_node; /* anywhere else it is just a port */
} known[] = {
    {PROTO_TCP, 22, 22, "SSH", false},
    {PROTO_TCP, 8006, 8006, "PVE API", true},
    {PROTO_TCP, 3128, 3128, "SPICE proxy", true},
    {PROTO_TCP, 5900, 5999, "VNC consoles", true},
    {PROTO_TCP, 60000, 60050, "migration", true},
    {PROTO_UDP, 5404, 5405, "corosync", true},
    {PROTO_UDP, 5406, 5412, "corosync, further links", true},
    {PROTO_TCP, 3300, 3300, "Ceph monitors", true},
    {PROTO_TCP, 6789, 6789, "Ceph monitors, old protocol", true},
    {PROTO_TCP, 6800, 7300, "Ceph OSDs", true},
    {PROTO_TCP, 80, 80, "HTTP", false},
    {PROTO_TCP, 443, 443, "HTTPS", false},
    {PROTO_TCP, 25, 25, "SMTP", false},
    {PROTO_TCP, 53, 53, "DNS", false},
    {PROTO_UDP, 53, 53, "DNS", false},
    {PROTO_TCP, 3306, 3306, "MySQL", false},
    {PROTO_TCP, 5432, 5432, "PostgreSQL", false},
    {PROTO_TCP, 6379, 6379, "Redis", false},
    {PROTO_TCP, 3389, 3389, "RDP", false},
    {PROTO_TCP, 445, 445, "SMB", false},
    {PROTO_TCP, 2049, 2049, "NFS", false},
    {PROTO_TCP, 111, 111, "portmapper", false},
    {PROTO_UDP, 111, 111, "portmapper", false},
    {PROTO_UDP, 123, 123, "NTP", false},
    {PROTO_TCP, 8007, 8007, "Proxmox Backup Server", true},
    {PROTO_TCP, 8643, 8643, "node daemon", true},
};

const char *fw_port_name(int proto, uint32_t port, bool of_node) {
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].proto == proto && port >= known[i].lo && port <= known[i].hi &&
            (of_node || !known[i].of_node)) {
            return known[i].name;
        }
    }
    return NULL;
}

void fw_port_known(size_t i, int *ret_proto, struct fw_span *ret) {
    bool end = i >= ARRAY_LEN(known);

    *ret_proto = end ? -1 : known[i].proto;
    ret->lo = end ? 0 : known[i].lo;
    ret->hi = end ? 0 : known[i].hi;
}

/* code -1: every code of the type. */
static const struct {
    unsigned int v;
    const char *name;
    uint8_t type;
    int16_t code;
} icmp[] = {
    {4, "echo-reply", 0, -1},
    {4, "destination-unreachable", 3, -1},
    {4, "network-unreachable", 3, 0},
    {4, "host-unreachable", 3, 1},
    {4, "protocol-unreachable", 3, 2},
    {4, "port-unreachable", 3, 3},
    {4, "fragmentation-needed", 3, 4},
    {4, "source-route-failed", 3, 5},
    {4, "network-unknown", 3, 6},
    {4, "host-unknown", 3, 7},
    {4, "network-prohibited", 3, 9},
    {4, "host-prohibited", 3, 10},
    {4, "TOS-network-unreachable", 3, 11},
    {4, "TOS-host-unreachable", 3, 12},
    {4, "communication-prohibited", 3, 13},
    {4, "host-precedence-violation", 3, 14},
    {4, "precedence-cutoff", 3, 15},
    {4, "source-quench", 4, -1},
    {4, "redirect", 5, -1},
    {4, "network-redirect", 5, 0},
    {4, "host-redirect", 5, 1},
    {4, "TOS-network-redirect", 5, 2},
    {4, "TOS-host-redirect", 5, 3},
    {4, "echo-request", 8, -1},
    {4, "router-advertisement", 9, -1},
    {4, "router-solicitation", 10, -1},
    {4, "time-exceeded", 11, -1},
    {4, "ttl-zero-during-transit", 11, 0},
    {4, "ttl-zero-during-reassembly", 11, 1},
    {4, "parameter-problem", 12, -1},
    {4, "ip-header-bad", 12, 0},
    {4, "required-option-missing", 12, 1},
    {4, "timestamp-request", 13, -1},
    {4, "timestamp-reply", 14, -1},
    {4, "address-mask-request", 17, -1},
    {4, "address-mask-reply", 18, -1},
    {6, "destination-unreachable", 1, -1},
    {6, "no-route", 1, 0},
    {6, "communication-prohibited", 1, 1},
    {6, "beyond-scope", 1, 2},
    {6, "address-unreachable", 1, 3},
    {6, "port-unreachable", 1, 4},
    {6, "failed-policy", 1, 5},
    {6, "reject-route", 1, 6},
    {6, "packet-too-big", 2, -1},
    {6, "time-exceeded", 3, -1},
    {6, "ttl-zero-during-transit", 3, 0},
    {6, "ttl-zero-during-reassembly", 3, 1},
    {6, "parameter-problem", 4, -1},
    {6, "bad-header", 4, 0},
    {6, "unknown-header-type", 4, 1},
    {6, "unknown-option", 4, 2},
    {6, "echo-request", 128, -1},
    {6, "echo-reply", 129, -1},
    {6, "router-solicitation", 133, -1},
    {6, "router-advertisement", 134, -1},
    {6, "neighbor-solicitation", 135, -1},
    {6, "neighbour-solicitation", 135, -1},
    {6, "neighbor-advertisement", 136, -1},
    {6, "neighbour-advertisement", 136, -1},
    {6, "redirect", 137, -1},
};

bool fw_icmp(unsigned int v, const char *name, bool numbers, struct fw_span *ret_type,
             struct fw_span *ret_code) {
    uint32_t number;

    *ret_code = (struct fw_span){0, 255};
    if (v == 4 && strcmp(name, "any") == 0) {
        *ret_type = (struct fw_span){0, 255};
        return true;
    }
    if (ident_u32(name, &number) == 0) {
        *ret_type = (struct fw_span){number, number};
        return numbers && number <= 255;
    }
    for (size_t i = 0; i < ARRAY_LEN(icmp); i++) {
        if (icmp[i].v == v && strcmp(icmp[i].name, name) == 0) {
            *ret_type = (struct fw_span){icmp[i].type, icmp[i].type};
            if (icmp[i].code >= 0) {
                *ret_code = (struct fw_span){(uint32_t)icmp[i].code, (uint32_t)icmp[i].code};
            }
            return true;
        }
    }
    return false;
}

static const struct fw_macro_line macros[] = {
    {"Amanda", 0, "udp", "10080", NULL},
    {"Amanda", 0, "tcp", "10080", NULL},
    {"Auth", 0, "tcp", "113", NULL},
    {"BGP", 0, "tcp", "179", NULL},
    {"BitTorrent", 0, "tcp", "6881:6889", NULL},
    {"BitTorrent", 0, "udp", "6881", NULL},
    {"BitTorrent32", 0, "tcp", "6881:6999", NULL},
    {"BitTorrent32", 0, "udp", "6881", NULL},
    {"Ceph", 0, "tcp", "6789", NULL},
    {"Ceph", 0, "tcp", "3300", NULL},
    {"Ceph", 0, "tcp", "6800:7300", NULL},
    {"Citrix", 0, "tcp", "1494", NULL},
    {"Citrix", 0, "udp", "1604", NULL},
    {"Citrix", 0, "tcp", "2598", NULL},
    {"CVS", 0, "tcp", "2401", NULL},
    {"DAAP", 0, "tcp", "3689", NULL},
    {"DAAP", 0, "udp", "3689", NULL},
    {"DCC", 0, "tcp", "6277", NULL},
    {"DHCPfwd", 0, "udp", "67:68", "67:68"},
    {"DHCPv6", 0, "udp", "546:547", "546:547"},
    {"Distcc", 0, "tcp", "3632", NULL},
    {"DNS", 0, "udp", "53", NULL},
    {"DNS", 0, "tcp", "53", NULL},
    {"Finger", 0, "tcp", "79", NULL},
    {"FTP", 0, "tcp", "21", NULL},
    {"Git", 0, "tcp", "9418", NULL},
    {"GNUnet", 0, "tcp", "2086", NULL},
    {"GNUnet", 0, "udp", "2086", NULL},
    {"GNUnet", 0, "tcp", "1080", NULL},
    {"GNUnet", 0, "udp", "1080", NULL},
    {"GRE", 0, "47", NULL, NULL},
    {"HKP", 0, "tcp", "11371", NULL},
    {"HTTP", 0, "tcp", "80", NULL},
    {"HTTPS", 0, "tcp", "443", NULL},
    {"ICPV2", 0, "udp", "3130", NULL},
    {"ICQ", 0, "tcp", "5190", NULL},
    {"IMAP", 0, "tcp", "143", NULL},
    {"IMAPS", 0, "tcp", "993", NULL},
    {"IPIP", 0, "94", NULL, NULL},
    {"IPsec", 0, "udp", "500", "500"},
    {"IPsec", 0, "50", NULL, NULL},
    {"IPsecah", 0, "udp", "500", "500"},
    {"IPsecah", 0, "51", NULL, NULL},
    {"IPsecnat", 0, "udp", "500", NULL},
    {"IPsecnat", 0, "udp", "4500", NULL},
    {"IPsecnat", 0, "50", NULL, NULL},
    {"IRC", 0, "tcp", "6667", NULL},
    {"Jetdirect", 0, "tcp", "9100", NULL},
    {"L2TP", 0, "udp", "1701", NULL},
    {"LDAP", 0, "tcp", "389", NULL},
    {"LDAPS", 0, "tcp", "636", NULL},
    {"Mail", 0, "tcp", "25", NULL},
    {"Mail", 0, "tcp", "465", NULL},
    {"Mail", 0, "tcp", "587", NULL},
    {"MDNS", 0, "udp", "5353", NULL},
    {"MSNP", 0, "tcp", "1863", NULL},
    {"MSSQL", 0, "tcp", "1433", NULL},
    {"Munin", 0, "tcp", "4949", NULL},
    {"MySQL", 0, "tcp", "3306", NULL},
    {"NeighborDiscovery", 6, "icmpv6", "router-solicitation", NULL},
    {"NeighborDiscovery", 6, "icmpv6", "router-advertisement", NULL},
    {"NeighborDiscovery", 6, "icmpv6", "neighbor-solicitation", NULL},
    {"NeighborDiscovery", 6, "icmpv6", "neighbor-advertisement", NULL},
    {"NNTP", 0, "tcp", "119", NULL},
    {"NNTPS", 0, "tcp", "563", NULL},
    {"NTP", 0, "udp", "123", NULL},
    {"OpenVPN", 0, "udp", "1194", NULL},
    {"OSPF", 0, "89", NULL, NULL},
    {"PCA", 0, "udp", "5632", NULL},
    {"PCA", 0, "tcp", "5631", NULL},
    {"Ping", 4, "icmp", "echo-request", NULL},
    {"Ping", 6, "icmpv6", "echo-request", NULL},
    {"PMG", 0, "tcp", "8006", NULL},
    {"POP3", 0, "tcp", "110", NULL},
    {"POP3S", 0, "tcp", "995", NULL},
    {"PostgreSQL", 0, "tcp", "5432", NULL},
    {"PPtP", 0, "47", NULL, NULL},
    {"PPtP", 0, "tcp", "1723", NULL},
    {"Printer", 0, "tcp", "515", NULL},
    {"Razor", 0, "tcp", "2703", NULL},
    {"Rdate", 0, "tcp", "37", NULL},
    {"RDP", 0, "tcp", "3389", NULL},
    {"RIP", 0, "udp", "520", NULL},
    {"RNDC", 0, "tcp", "953", NULL},
    {"Rsync", 0, "tcp", "873", NULL},
    {"SANE", 0, "tcp", "6566", NULL},
    {"SixXS", 0, "tcp", "3874", NULL},
    {"SixXS", 0, "udp", "3740", NULL},
    {"SixXS", 0, "41", NULL, NULL},
    {"SixXS", 0, "udp", "5072,8374", NULL},
    {"SMB", 0, "udp", "135,445", NULL},
    {"SMB", 0, "udp", "137:139", NULL},
    {"SMB", 0, "udp", "1024:65535", "137"},
    {"SMB", 0, "tcp", "135,139,445", NULL},
    {"SMBswat", 0, "tcp", "901", NULL},
    {"SMTP", 0, "tcp", "25", NULL},
    {"SMTPS", 0, "tcp", "465", NULL},
    {"SNMP", 0, "udp", "161:162", NULL},
    {"SNMP", 0, "tcp", "161", NULL},
    {"SPAMD", 0, "tcp", "783", NULL},
    {"SPICEproxy", 0, "tcp", "3128", NULL},
    {"Squid", 0, "tcp", "3128", NULL},
    {"SSH", 0, "tcp", "22", NULL},
    {"Submission", 0, "tcp", "587", NULL},
    {"SVN", 0, "tcp", "3690", NULL},
    {"Syslog", 0, "udp", "514", NULL},
    {"Syslog", 0, "tcp", "514", NULL},
    {"Telnet", 0, "tcp", "23", NULL},
    {"Telnets", 0, "tcp", "992", NULL},
    {"TFTP", 0, "udp", "69", NULL},
    {"Time", 0, "tcp", "37", NULL},
    {"Trcrt", 4, "udp", "33434:33524", NULL},
    {"Trcrt", 4, "icmp", "echo-request", NULL},
    {"Trcrt", 6, "udp", "33434:33524", NULL},
    {"Trcrt", 6, "icmpv6", "echo-request", NULL},
    {"VNC", 0, "tcp", "5900:5999", NULL},
    {"VNCL", 0, "tcp", "5500", NULL},
    {"Web", 0, "tcp", "80", NULL},
    {"Web", 0, "tcp", "443", NULL},
    {"Webcache", 0, "tcp", "8080", NULL},
    {"Webmin", 0, "tcp", "10000", NULL},
    {"Whois", 0, "tcp", "43", NULL},
};

size_t fw_macro(const char *name, unsigned int v, struct fw_macro_line ret[static 8]) {
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(macros) && n < 8; i++) {
        const struct fw_macro_line *m = &macros[i];

        if (strcasecmp(m->macro, name) == 0 && (m->v == 0 || m->v == (v ? v : 4))) {
            ret[n++] = *m;
        }
    }
    /* a macro of IPv6 alone is checked by its only form */
    return n > 0 || v ? n : fw_macro(name, 6, ret);
}
