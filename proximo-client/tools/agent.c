/* SPDX-License-Identifier: Apache-2.0 */
/* What the QEMU guest agent of a VM tells. Its answers come from inside the guest: they are the
 * guest's word, and taint. Nothing here acts in a guest. */
#include "proximo-client/tools/rows.h"

static const struct field guest_fields[] = {FIELDS_GUEST, {NULL}};

#define AGENT(word, name, title, what)                                                             \
    {                                                                                              \
        "pve_agent_" name, title,                                                                  \
            what " as the guest's own agent tells it: the guest's word. Changes nothing.",         \
            "agent", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, guest_fields,                   \
            .path = "/nodes/{node}/qemu/{vmid}/agent/" word,                                       \
            .privilege = "/vms/{vmid} VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted",             \
            .result = ""                                                                           \
    }

const struct row agent_rows[] = {
    AGENT("info", "info", "Agent of a VM", "Shows version and commands of a VM's agent"),
    AGENT("get-osinfo", "osinfo", "System in a VM", "Shows the operating system in a VM"),
    AGENT("get-host-name", "hostname", "Name in a VM", "Shows the host name in a VM"),
    AGENT("network-get-interfaces", "network", "Addresses in a VM",
          "Shows interfaces and addresses in a VM"),
    AGENT("get-fsinfo", "filesystems", "File systems in a VM",
          "Shows mounted file systems and their fill in a VM"),
    AGENT("get-users", "users", "Users in a VM", "Shows who is logged in in a VM"),
    AGENT("get-time", "time", "Clock in a VM", "Shows the time in a VM"),
    AGENT("get-timezone", "timezone", "Time zone in a VM", "Shows the time zone in a VM"),
    AGENT("get-vcpus", "vcpus", "Processors in a VM", "Shows the processors in a VM"),
    AGENT("get-memory-blocks", "memory_blocks", "Memory blocks in a VM",
          "Shows the memory blocks in a VM"),
    AGENT("get-memory-block-info", "memory_block_size", "Size of memory blocks in a VM",
          "Shows the size of memory blocks in a VM"),
    {NULL},
};
