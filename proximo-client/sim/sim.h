/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/sim.h - what the simulator's files share. One process, one event loop, no
 * threads: a handler runs to its end, its changes are committed (on disk), then it is answered.
 * Each section below names the file that defines it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/js.h"
#include "proximo-client/sim/acl.h"
#include "proximo-client/sim/state.h"

struct buf;
struct event_base;
struct evhttp_request;
struct sim_task;

#define SIM_ALSO_MAX 31

struct sim_options {
    bool pbs;               /* a backup server in place of a cluster (pbs.h) */
    const char *dir;        /* certificate, key, token files, state */
    const char *state_file; /* NULL: DIR/state.json */
    const char *tree;       /* NULL: none */
    const char *listen;     /* address:port */
    /* other nodes' own addresses, "NODE=ADDRESS:PORT" */
    const char *also[SIM_ALSO_MAX];
    size_t n_also;
    int64_t auth_delay_ms; /* of a 401 */
    int64_t latency_ms;    /* of every answer */
    int64_t task_ms;       /* how long a task runs */
    int64_t clock;         /* 0: the real one; else: starts here, one second a change */
    uint64_t seed;
};

struct sim {
    struct sim_options o;
    struct state st;
    struct event_base *base;
    struct sim_task *tasks;   /* running ones */
    uint64_t random;          /* state of the seeded generator */
    int64_t started;          /* cluster time of this start */
    uint32_t last_ticks;      /* of the newest task's UPID */
    char *addr;               /* "127.0.0.1:8006" as bound */
    char *also[SIM_ALSO_MAX]; /* the same of o.also */
    char fingerprint[96];
    bool stopping;
    /* of the HA manager, gone with the process: */
    js *ha_gave_up; /* {sid: node} of motions that failed */
    bool fencing;   /* a node's watchdog is waited for */
    bool fenced, in_round;
};

/* ---- sim.c: time, chance, names ---- */
int64_t sim_now(struct sim *s);
void sim_tick(struct sim *s); /* a change happened: the logical clock moves */
uint64_t sim_random(struct sim *s);
void sim_uuid(struct sim *s, char ret[static 37]);
void sim_open(struct sim *s, const struct sim_options *o, js *root);
void sim_close(struct sim *s);
/* A document is a cluster: its parts have the shapes that every handler relies on. Missing parts
 * are added empty. -EBADMSG says what is wrong. */
int sim_check(js *root, struct err *e);

/* ---- one request ---- */
enum method { M_GET, M_POST, M_PUT, M_DELETE };

struct call {
    struct sim *s;
    enum method method;
    const char *path;
    const char *at;                /* whose address was asked; NULL: the cluster's `local` node's */
    js *params;                    /* query, form and path parameters, normalized */
    js *in_path;                   /* of those: the path's own */
    const char *auth;              /* user@realm!token */
    char user[128];                /* user@realm */
    char token[128];               /* token name */
    int status;                    /* of the answer */
    char msg[1024];                /* error text, without the final newline */
    js *errors;                    /* {param: text} */
    js *data;                      /* answer */
    js *extra;                     /* siblings of data */
    bool raw;                      /* msg is the whole body */
    void (*file)(struct buf *ret); /* a file beside the API is: this writes it */
    bool drop_after;               /* a fault: process, then close without an answer */
};

/* Sets the error answer. Always returns -1. */
int call_fail(struct call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds one parameter's error; the handler returns -1 after the last. */
int call_param_error(struct call *c, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const char *call_str(const struct call *c, const char *param); /* NULL when absent */
int64_t call_int(const struct call *c, const char *param, int64_t fallback);
bool call_bool(const struct call *c, const char *param, bool fallback);
/* True, or 403 in PVE's words. names: "VM.Audit|VM.Config.Disk" = any of. */
bool call_may(struct call *c, const char *path, const char *names);
bool call_has(const struct call *c, const char *path, const char *names); /* without an answer */

/* ---- table.c, table_cluster.c, routes.c: what is served, and the walk through it ---- */
typedef int handler(struct call *c);
struct route {
    enum method method;
    const char *path;   /* "/nodes/{node}/lxc/{vmid}/config" */
    const char *check;  /* "/vms/{vmid} VM.Audit|VM.X"; "" = any user; NULL: the handler decides */
    const char *params; /* "snapname!=configid limit=int"; "*": the handler checks them itself */
    handler *run;
};
extern const struct route sim_routes[];
extern const size_t sim_n_routes;
extern const struct route cluster_routes[]; /* below /cluster */
extern const size_t cluster_n_routes;
const struct route *sim_route(size_t i); /* of both; NULL past the end */
/* What is made with a method at such a path takes: "" when there is no such row. */
const char *route_params(enum method method, const char *path);
/* Authenticated call from path and parameters: finds, checks, runs, commits. */
void sim_dispatch(struct call *c);

/* ---- apidoc.c: the description of the API as a node serves it ---- */
#define APIDOC_PATH "/pve-docs/api-viewer/apidoc.js"
void apidoc_write(struct buf *ret);

/* ---- params.c ---- */
/* Checks c->params against a specification; 0, or -1 with a 400 answer. */
int params_check(struct call *c, const char *spec);

/* ---- auth.c ---- */
/* Header value "PVEAPIToken=…" to c->auth; false: c holds the 401. */
bool auth_check(struct call *c, const char *header);
/* Makes or reads DIR/<name>, registers the token's hash in the state. Commits. */
int auth_token_file(struct sim *s, const char *file, const char *user, const char *token,
                    const char *role, struct err *e);
bool auth_is_admin(const struct call *c); /* may use /sim */

/* ---- http.c ---- */
int http_start(struct sim *s, struct err *e);
void http_stop(struct sim *s);

/* ---- tasks.c ---- */
struct sim_task {
    struct sim_task *next;
    struct sim *s;
    char upid[256];
    char node[64];
    /* Does the work and its changes to the state; NULL = success, else the exit status. Log lines
     * by task_log. Runs when the task's time is over. */
    const char *(*finish)(struct sim_task *t);
    /* Takes back what the request itself had done (locks, a reserved number) when the task fails,
     * however it fails. May be NULL. */
    void (*cleanup)(struct sim_task *t);
    /* A backed guest: starts a process and returns its pid; finish waits for it. May be NULL. */
    pid_t (*begin)(struct sim_task *t);
    char kind[4]; /* "lxc", "qemu" or "" */
    uint32_t vmid;
    char arg[64];   /* snapshot name and the like */
    js *args;       /* anything else; owned */
    char exit[256]; /* room for a composed exit status */
    pid_t pid;      /* of the child; 0 = none */
    int child_status;
    bool hang;
    bool warns; /* it does its work and ends in "WARNINGS: 1" */
    bool by_ha; /* the HA manager's: it hears of the end */
    void *timer;
};
/* Registers a running task and sets c->data to its UPID. Takes t (calloc'ed). */
int task_start(struct call *c, struct sim_task *t, const char *node, const char *type,
               const char *id);
struct sim_task *task_new(struct call *c, const char *(*finish)(struct sim_task *t));
void task_log(struct sim_task *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tasks_orphans(struct sim *s); /* at start: running tasks of a killed process have ended */
void tasks_stop(struct sim *s);
void tasks_child(struct sim *s); /* SIGCHLD */
js *task_entry(struct sim *s, const char *upid, bool cluster);
handler route_cluster_tasks, route_node_tasks, route_task_index, route_task_status, route_task_log,
    route_task_stop;

/* ---- guests.c: guests as the state holds them ---- */
struct guest {
    uint32_t vmid;
    char key[16]; /* vmid as text */
    bool lxc;
    const char *node; /* borrowed from the state */
    js *obj;          /* borrowed */
};
bool guest_find(struct sim *s, uint32_t vmid, struct guest *ret);
/* The guest of the path's node and vmid, or a 500 "does not exist". */
int guest_of_call(struct call *c, struct guest *ret);
bool guest_running(struct sim *s, const struct guest *g); /* asks LXC about a backed one */
const char *guest_name(const struct guest *g, char *store, size_t size);
const char *guest_conf(const struct guest *g, const char *key); /* config value or NULL */
void guest_digest(const struct guest *g, char ret[static 41]);
const char *guest_pool(struct sim *s, const struct guest *g); /* NULL: none */
js *guest_status(struct sim *s, const struct guest *g, bool current);
js *guest_resource(struct sim *s, const struct guest *g, bool in_pool);
void guest_each(struct sim *s, void (*fn)(void *ctx, const struct guest *g), void *ctx);
const char *guest_label(const struct guest *g);                /* "CT" or "VM" */
void guest_sid(const struct guest *g, char *ret, size_t size); /* "vm:104" */
/* 0, or -1 with PVE's "VM is locked (backup)"; `skiplock` of the call is heeded. */
int guest_unlocked(struct call *c, const struct guest *g);
/* The same for a task that finds it: its exit status, or NULL. */
const char *guest_locked(struct sim_task *t, const struct guest *g);
void guest_apply_pending(struct sim *s, const struct guest *g);
/* "snapshot", "clone" or "copy" of the present (config), or of a snapshot's own config. */
bool guest_can(struct sim *s, const struct guest *g, const char *feature, const js *config,
               bool snap);
/* The first free unusedN of a configuration. */
void guest_unused_slot(const js *config, char *ret, size_t size);
/* Why the volumes of a configuration cannot be used on the guest's node, or NULL. */
const char *guest_volumes_bad(struct sim *s, const struct guest *g, char *store, size_t size);

/* ---- routes_*.c ---- */
handler route_version, route_cluster_index, route_plane_index, route_resources,
    route_cluster_status, route_cluster_nextid, route_cluster_options, route_config_nodes,
    route_nodes, route_node_index, route_node_status, route_node_version, route_node_config,
    route_node_dns, route_node_time, route_node_network;
/* sdn.c */
handler route_sdn_index, route_sdn_list, route_sdn_get, route_sdn_create, route_sdn_update,
    route_sdn_delete, route_sdn_apply, route_sdn_rollback;
/* network.c */
handler route_node_iface, route_iface_create, route_iface_update, route_iface_delete,
    route_network_apply, route_network_revert;
handler route_guest_list, route_guest_index, route_guest_config, route_guest_config_set,
    route_guest_config_post, route_disk_unlink, route_guest_pending, route_guest_feature,
    route_guest_destroy, route_guest_current, route_guest_status_index;
handler route_guest_start, route_guest_stop, route_guest_shutdown, route_guest_reboot,
    route_guest_reset, route_guest_suspend, route_guest_resume;
/* agent.c */
handler route_agent_index, route_agent_get, route_agent_post, route_agent_exec,
    route_agent_exec_status, route_agent_file_read, route_agent_file_write, route_agent_password;
handler route_snap_list, route_snap_create, route_snap_delete, route_snap_rollback,
    route_snap_index, route_snap_config, route_snap_config_set;
handler route_storage_list, route_storage_get, route_storage_create, route_storage_update,
    route_storage_delete, route_node_storage, route_node_storage_index, route_node_storage_status,
    route_content, route_prunebackups, route_prune, route_vzdump, route_extractconfig,
    route_create_qemu, route_create_lxc, route_clone, route_template, route_migrate,
    route_disk_move, route_disk_resize, route_volume_get, route_volume_alloc, route_download_url,
    route_aplinfo_fetch, route_volume_copy, route_volume_delete, route_volume_update;
handler route_access_index, route_users, route_user_get, route_user_create, route_user_update,
    route_user_delete, route_tokens, route_token_get, route_token_create, route_token_update,
    route_token_delete, route_groups, route_group_get, route_group_create, route_group_update,
    route_group_delete, route_roles, route_role_get, route_role_create, route_role_update,
    route_role_delete, route_acl, route_acl_update, route_permissions, route_domains,
    route_domain_get, route_realm_create, route_realm_update, route_realm_delete;
handler route_pools, route_pool_get, route_pool_create, route_pool_update, route_pool_delete;
handler route_backup_jobs, route_backup_job, route_backup_volumes, route_not_backed_up,
    route_backup_create, route_backup_update, route_backup_delete, route_replication,
    route_node_replication, route_ha_index, route_ha_resources, route_ha_resource,
    route_ha_resource_create, route_ha_resource_update, route_ha_resource_delete, route_ha_rules,
    route_ha_move, route_ha_rule, route_ha_groups, route_ha_status_index, route_ha_current,
    route_ha_manager, route_ha_disarm, route_ha_arm, route_backup_info;
handler route_ha_rule_create, route_ha_rule_update, route_ha_rule_delete, route_replication_job,
    route_replication_create, route_replication_update, route_replication_delete;
handler route_fw_index, route_fw_rules, route_fw_rule, route_fw_rule_create, route_fw_rule_update,
    route_fw_rule_delete, route_fw_options, route_fw_options_set, route_fw_groups,
    route_fw_group_create, route_fw_group_delete, route_fw_aliases, route_fw_alias,
    route_fw_alias_create, route_fw_alias_update, route_fw_alias_delete, route_fw_ipsets,
    route_fw_ipset, route_fw_ipset_create, route_fw_ipset_delete, route_fw_entry,
    route_fw_entry_create, route_fw_entry_update, route_fw_entry_delete, route_fw_refs,
    route_fw_log;
handler route_section_list, route_section_get, route_section_create, route_section_update,
    route_section_delete, route_notify_targets, route_notify_test;
handler route_node_dns_set, route_node_time_set, route_node_hosts, route_node_hosts_set,
    route_node_config_set, route_cluster_options_set;
handler route_no_ceph, route_qdevice, route_disks, route_disks_made, route_zpool, route_pci, route_usb,
    route_disk_create, route_disk_destroy;
handler route_node_power, route_node_wake, route_node_all;
handler route_services, route_service_state, route_service_do, route_apt_repositories,
    route_apt_repository_set, route_apt_update, route_apt_updates;
handler route_sim_fault, route_sim_faults, route_sim_fault_clear, route_sim_node;

/* ---- ha.c helpers used by power ---- */
bool ha_managed(struct sim *s, const struct guest *g, const char **state);
void ha_request(struct sim *s, const struct guest *g, const char *state);

/* ---- storage helpers ---- */
js *storage_find(struct sim *s, const char *id);
bool storage_on_node(const js *storage, const char *node); /* not restricted away, not disabled */
void storage_digest(struct sim *s, char ret[static 41]);
bool storage_shared(const js *def); /* by its type, or because it says so */
js *storage_usage(struct sim *s, const char *id, const char *node); /* {total, used}, borrowed */

/* ---- cfgfile.c: the other files of /etc/pve as text ---- */
/* One section: its head ("id" alone when type is ""), comment, disable, the keys that `need`
 * ("a,b") names, then the others by name; an array is a line a value. */
int cfg_section(struct buf *b, const char *type, const char *id, const js *o, const char *need);
int cfg_options(const js *o, struct buf *ret); /* datacenter.cfg, nodes/N/config */
int cfg_sdn_running(struct sim *s, struct buf *ret);
int cfg_storage(struct sim *s, struct buf *ret);
int cfg_user(struct sim *s, struct buf *ret);
int cfg_jobs(struct sim *s, struct buf *ret);
int cfg_replication(struct sim *s, struct buf *ret);
int cfg_ha_resources(struct sim *s, struct buf *ret);
int cfg_ha_rules(struct sim *s, struct buf *ret);
int cfg_firewall(const js *fw, struct buf *ret);
int cfg_members(struct sim *s, struct buf *ret);
int cfg_vmlist(struct sim *s, struct buf *ret);
void cfg_digest(int (*write)(struct sim *s, struct buf *ret), struct sim *s, char ret[static 41]);

/* ---- sectfile.c: files of sections whose keys are what their routes take ---- */
/* The i-th file and the member of the state it holds; NULL past the end. jobs.cfg is not among
 * them: it holds more. */
const char *sectfile_name(size_t i, const char **ret_member);
int sectfile_write(struct sim *s, const char *name, struct buf *ret);
/* A file's value (a text, or an array of them) as the API would keep it: a number where the
 * specification says int or bool, the whole array where it says list, else the last text. */
js *spec_value(const char *spec, const char *key, const js *values);
/* Into the state; also of jobs.cfg what is of the kinds known here. notes: of pvefile. */
void sectfile_read(const char *name, const char *text, size_t len, js *root, js *notes);

/* ---- tree.c ---- */
int tree_write(struct sim *s, struct err *e); /* everything */
void tree_touched(void *ctx, const js *ops);  /* what a commit changed */
/* ---- import.c ---- */
int import_tree(const char *dir, js **ret, struct err *e);
int import_fw(int dir, js *root, struct err *e); /* import_fw.c */
/* A file's text; none when it is not there. */
int import_text(int dir, const char *name, struct buf *ret, struct err *e);
/* -EBADMSG with the first of the notes: a simulator that dropped it would lose what it was given.
 */
int import_notes(const char *name, const js *notes, struct err *e);
/* The same from a file of `proximo-client capture`. -EBADMSG when it is none. */
int import_capture(const char *path, js **ret, struct err *e);
int import_capture_text(const char *text, size_t len, js **ret, struct err *e);

/* ---- backing.c: real containers behind simulated guests ---- */
const char *backing_name(const struct guest *g); /* NULL: none */
bool backing_running(const struct guest *g, pid_t *ret_pid);
pid_t backing_spawn(const struct guest *g, const char *program, const char *const *more);

/* ---- faults.c ---- */
enum fault_kind {
    F_NONE,
    F_LATENCY,
    F_STATUS,
    F_DROP_BEFORE,
    F_DROP_AFTER,
    F_TASK_FAIL,
    F_TASK_HANG,
    F_TASK_WARN
};
struct fault {
    enum fault_kind kind;
    int64_t value;  /* milliseconds or status */
    char text[160]; /* reason or exit status */
};
/* "kind[=value] [METHOD] PATHGLOB [xCOUNT]" into the state's list. Commits. */
int fault_add(struct sim *s, const char *spec, struct err *e);
/* The next fault of this call, counted down. before: latency, status, drops; else task faults. */
struct fault fault_take(struct sim *s, enum method m, const char *path, bool for_task);

/* ---- demo.c, generate.c ---- */
js *demo_cluster(int64_t now);
struct generate {
    unsigned int nodes, guests;
    unsigned int snapshots, every; /* so many on every such guest; 0 = on none */
    uint64_t seed;
    int64_t now;
};
js *generate_cluster(const struct generate *g);
