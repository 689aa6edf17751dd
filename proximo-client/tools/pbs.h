/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/pbs.h - what the rows about a Proxmox Backup Server share. Paths, parameters
 * and privileges are those of proxmox-backup 3.2, read in its public source: no description of that
 * API could be had as data, and no server was asked. Not seen outside tools/. */
#pragma once
#include "proximo-client/tools/send.h"

/* How a backup server names things: a datastore, a namespace in it ("" and absent: the root), a
 * group (type and id) and a snapshot (a group and a time). */
#define PBS_STORE_FIELD                                                                            \
    { "store", F_STR, "datastore", true, .min = 3, .max = 32 }
#define PBS_NS_FIELD                                                                               \
    { "ns", F_STR, "namespace, e.g. site/lab; default: the root", .max = 256 }
#define PBS_TYPE_FIELD                                                                             \
    { "backup-type", F_ENUM, NULL, true, .choices = "vm|ct|host" }
#define PBS_ID_FIELD                                                                               \
    { "backup-id", F_STR, "e.g. a vmid", true, .min = 1, .max = 256 }
#define PBS_GROUP_FIELDS PBS_STORE_FIELD, PBS_NS_FIELD, PBS_TYPE_FIELD, PBS_ID_FIELD
#define PBS_TIME_FIELD                                                                             \
    { "backup-time", F_INT, "Unix seconds", true, .min = 1, .max = 253402300799 }
/* A retention. */
#define PBS_KEEP_FIELDS                                                                            \
    {"keep-last", F_INT, NULL, .min = 1, .max = 1000000},                                          \
        {"keep-hourly", F_INT, NULL, .min = 1, .max = 1000000},                                    \
        {"keep-daily", F_INT, NULL, .min = 1, .max = 1000000},                                     \
        {"keep-weekly", F_INT, NULL, .min = 1, .max = 1000000},                                    \
        {"keep-monthly", F_INT, NULL, .min = 1, .max = 1000000}, {                                 \
        "keep-yearly", F_INT, NULL, .min = 1, .max = 1000000                                       \
    }
#define PBS_GROUP_QUERY "ns backup-type backup-id"

/* Its own name for itself in paths below /nodes. */
#define PBS_NODE "/nodes/localhost"
