/* SPDX-License-Identifier: Apache-2.0 */
/* What the QEMU guest agent of a VM tells, and what can be asked of it. Its answers come from
 * inside the guest: they are the guest's word, and taint. What runs, writes or changes a password
 * there needs this client's own switch and rules (pipeline/agent_gate.h). */
#include "proximo-client/tools/agent.h"

#include "common/limits.h"

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

static const struct field exec_fields[] = {
    FIELDS_GUEST,
    {"argv", F_STRS, "command and arguments; absolute path first, no shell", true, .min = 1,
     .max = 128},
    {"stdin", F_STR, "text for its standard input, shown in the plan; ASCII", .min = 1,
     .max = LIM_STDIN},
    {"stdin_secret", F_STR, "the same, but the plan shows only a commitment", .secret = true,
     .min = 1, .max = LIM_STDIN},
    FIELD_UNDO,
    {NULL},
};
static const struct field write_fields[] = {
    FIELDS_GUEST,
    {"file", F_STR, "absolute path in the VM", true, .min = 2, .max = 1024},
    {"content", F_STR, "shown in the plan", .max = AGENT_FILE_MAX},
    {"content_secret", F_STR, "the same, but the plan shows only a commitment", .secret = true,
     .min = 1, .max = AGENT_FILE_MAX},
    FIELD_UNDO,
    {NULL},
};
static const struct field read_fields[] = {
    FIELDS_GUEST,
    {"file", F_STR, "absolute path in the VM", true, .min = 2, .max = 1024},
    {"count", F_INT, "bytes, default 16384", .min = 1, .max = 32768},
    {"offset", F_INT, "bytes to skip", .min = 0, .max = INT64_C(1) << 40},
    {NULL},
};
static const struct field password_fields[] = {
    FIELDS_GUEST,
    {"username", F_STR, "user in the VM", true, .min = 1, .max = 64},
    {"password", F_STR, "only a commitment to it is recorded", true, .secret = true, .min = 5,
     .max = 1024},
    {NULL},
};

#define AGENT_PATH "/nodes/{node}/qemu/{vmid}/agent/"
#define DO(call, words, ...)                                                                       \
    &(const struct send) {                                                                         \
        .does = SEND_ACTION, .method = "POST", .path = AGENT_PATH call, .kind = "qemu",            \
        .say = words, .assess = assess_agent, __VA_ARGS__                                          \
    }
#define FS_PRIVILEGE "/vms/{vmid} VM.GuestAgent.FileSystemMgmt|VM.GuestAgent.Unrestricted"

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
    {"pve_agent_file_read", "Read a file in a VM",
     "Reads a file in a VM as the guest's own agent gives it: the guest's word. Changes nothing.",
     "agent", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, read_fields, .read = read_agent_file,
     .privilege = "/vms/{vmid} VM.GuestAgent.FileRead|VM.GuestAgent.Unrestricted",
     .result = "file:string bytes:integer truncated:boolean content:string base64:string"},
    {"pve_agent_exec", "Run a command in a VM",
     "Plans one command in a VM through its guest agent, under this client's own switch and rules "
     "only; high risk." PLANS,
     "agent", EFFECT_CHANGE, ROW_GUEST_TEXT, exec_fields, .plan = plan_agent_exec,
     .analysers = "agent", .undo = "guest-snapshot",
     .privilege = "/vms/{vmid} VM.GuestAgent.Unrestricted", .result = PLAN_RESULT},
    {"pve_agent_file_write", "Write a file in a VM",
     "Plans writing a file in a VM through its guest agent, under this client's own switch and "
     "rules only; high risk." PLANS,
     "agent", EFFECT_CHANGE, 0, write_fields, .plan = plan_agent_file_write,
     .check = check_agent_file_write, .analysers = "agent", .undo = "guest-snapshot",
     .privilege = "/vms/{vmid} VM.GuestAgent.FileWrite|VM.GuestAgent.Unrestricted",
     .result = PLAN_RESULT},
    {"pve_agent_password", "Set a password in a VM",
     "Plans a new password for a user in a VM through its guest agent, under this client's own "
     "switch and rules only; high risk." PLANS,
     "agent", EFFECT_CHANGE, 0, password_fields, .undo = "none",
     .undo_none = "the old password is not known", .analysers = "agent",
     .privilege = "/vms/{vmid} VM.GuestAgent.Unrestricted",
     .send = DO("set-user-password", "set the password of {username} in VM {vmid}")},
    {"pve_agent_freeze", "Freeze file systems in a VM",
     "Plans freezing all file systems in a VM through its guest agent: what writes stands still "
     "until they are thawed; high risk." PLANS,
     "agent", EFFECT_CHANGE, 0, guest_fields, .undo = "inverse", .analysers = "agent",
     .privilege = FS_PRIVILEGE,
     .send = DO("fsfreeze-freeze", "freeze the file systems of VM {vmid}",
                .inverse = "pve_agent_thaw")},
    {"pve_agent_thaw", "Thaw file systems in a VM",
     "Plans thawing the file systems in a VM through its guest agent." PLANS, "agent",
     EFFECT_CHANGE, 0, guest_fields, .undo = "none",
     .undo_none = "what waited has gone on; pve_agent_freeze freezes them again",
     .analysers = "agent", .privilege = FS_PRIVILEGE,
     .send = DO("fsfreeze-thaw", "thaw the file systems of VM {vmid}")},
    {"pve_agent_fstrim", "Trim file systems in a VM",
     "Plans giving the unused blocks of a VM's file systems back to the storage through its guest "
     "agent." PLANS,
     "agent", EFFECT_CHANGE, 0, guest_fields, .undo = "none",
     .undo_none = "given back blocks are gone, and were unused", .analysers = "agent",
     .privilege = FS_PRIVILEGE, .send = DO("fstrim", "trim the file systems of VM {vmid}")},
    {NULL},
};
