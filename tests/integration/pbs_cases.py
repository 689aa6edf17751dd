# SPDX-License-Identifier: Apache-2.0
"""The cases of a simulated backup server: for each row that changes something there, what is asked for.
pbs.py takes back what can be, fault_pbs.py has the server fail at each."""

G = {"store": "tank", "backup-type": "vm", "backup-id": "104"}
# What moves by itself or by any change at all.
MOVES = ("tasks", "ticks", "garbage", "faults", "starts", "gc")


def scene(sim):
    """What the cases count on beside the built-in server."""
    for name, parent in (("deep", ""), ("a", "deep"), ("b", "deep/a"), ("z", "deep")):
        sim.call("POST", "/admin/datastore/tank/namespace", name=name, parent=parent)
    sim.call("POST", "/access/users/pve@pbs/token/t1", comment="x")


def undo_cases(at):
    """(row, arguments) that must be taken back field by field; at: when the group's newest snapshot was made."""
    newest = {**G, "backup-time": at}
    return [
        ("pbs_group_notes_set", {**G, "notes": "weekly audit\nkeep"}),
        ("pbs_snapshot_notes_set", {**newest, "notes": "before the upgrade"}),
        ("pbs_snapshot_protect", {**newest, "protected": True}),
        ("pbs_group_change_owner", {**G, "new-owner": "root@pam"}),
        ("pbs_datastore_create", {"store": "third", "path": "/mnt/third", "comment": "x",
                                  "verify-new": True, "gc-schedule": "sun 02:00"}),
        ("pbs_datastore_update", {"store": "tank", "comment": "moved", "verify-new": True,
                                  "delete": ["gc-schedule"]}),
        ("pbs_namespace_create", {"store": "tank", "name": "new", "parent": "lab"}),
        ("pbs_namespace_create", {"store": "vault", "name": "top"}),
        ("pbs_namespace_delete", {"store": "tank", "ns": "deep"}),
        ("pbs_remote_create", {"name": "third", "host": "192.0.2.78", "auth-id": "a@pbs!t", "port": 8017,
                               "password": "s3cret-70713"}),
        ("pbs_remote_update", {"name": "offsite", "host": "192.0.2.79", "comment": "moved",
                               "delete": ["fingerprint"]}),
        ("pbs_user_create", {"userid": "new@pbs", "email": "a@example.org", "expire": 1900000000,
                             "password": "s3cret-83309"}),
        ("pbs_user_update", {"userid": "pve@pbs", "enable": False, "expire": 1800000000,
                             "firstname": "P", "delete": ["comment"]}),
        ("pbs_user_delete", {"userid": "pve@pbs"}),
        ("pbs_token_create", {"userid": "pve@pbs", "token-name": "t2", "comment": "x"}),
        ("pbs_token_update", {"userid": "pve@pbs", "token-name": "t1", "comment": "y",
                              "enable": False}),
        ("pbs_acl_modify", {"path": "/datastore/vault", "auth-id": "pve@pbs", "role": "DatastoreAudit"}),
        ("pbs_acl_modify", {"path": "/datastore/tank", "auth-id": "pve@pbs",
                            "role": "DatastorePowerUser", "propagate": False}),
        ("pbs_acl_modify", {"path": "/datastore/tank", "auth-id": "pve@pbs",
                            "role": "DatastorePowerUser", "delete": True}),
        ("pbs_traffic_control_create", {"name": "night", "network": ["198.51.100.0/24", "2001:db8::/32"],
                                        "timeframe": ["0-5", "sat..sun"], "rate-out": "5MB"}),
        ("pbs_traffic_control_update", {"name": "office", "rate-in": "50MB", "rate-out": "1MB",
                                        "comment": "x"}),
        ("pbs_traffic_control_update", {"name": "office", "network": ["192.0.2.0/25"],
                                        "delete": ["rate-in"]}),
        ("pbs_traffic_control_delete", {"name": "office"}),
        ("pbs_prune_job_create", {"id": "lab-hourly", "store": "tank", "ns": "lab",
                                  "schedule": "hourly", "keep-last": 3}),
        ("pbs_prune_job_update", {"id": "tank-daily", "keep-daily": 14, "max-depth": 0,
                                  "delete": ["keep-weekly"]}),
        ("pbs_prune_job_delete", {"id": "tank-daily"}),
        ("pbs_verify_job_create", {"id": "vault-verify", "store": "vault", "schedule": "mon"}),
        ("pbs_verify_job_update", {"id": "tank-verify", "ignore-verified": False,
                                   "delete": ["schedule"]}),
        ("pbs_verify_job_delete", {"id": "tank-verify"}),
        ("pbs_sync_job_create", {"id": "from-away", "store": "vault", "remote": "offsite",
                                 "remote-store": "main", "schedule": "daily",
                                 "group-filter": ["type:vm"]}),
        ("pbs_sync_job_update", {"id": "to-vault", "remove-vanished": True, "transfer-last": 2}),
        ("pbs_sync_job_delete", {"id": "to-vault"}),
    ]


def lasting_cases(at):
    """Those that have no way back."""
    return [
        ("pbs_prune", {"store": "tank", "keep-last": 1}),
        ("pbs_prune_group", {**G, "keep-last": 1}),
        ("pbs_snapshot_delete", {**G, "backup-time": at}),
        ("pbs_group_delete", G),
        ("pbs_namespace_delete", {"store": "tank", "ns": "lab", "delete-groups": True}),
        ("pbs_gc_start", {"store": "tank"}),
        ("pbs_verify_start", {"store": "tank"}),
        ("pbs_datastore_delete", {"store": "vault", "destroy-data": True}),
        ("pbs_prune_job_run", {"id": "tank-daily"}),
        ("pbs_verify_job_run", {"id": "tank-verify"}),
        ("pbs_sync_job_run", {"id": "to-vault"}),
        ("pbs_remote_update", {"name": "offsite", "password": "s3cret-51115"}),
        ("pbs_remote_delete", {"name": "offsite"}),
        ("pbs_token_delete", {"userid": "pve@pbs", "token-name": "t1"}),
    ]
