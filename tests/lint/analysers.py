#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Who a plan says is hit is held by something: every analyser that a row names has here the table of cases
# or the model that tries it, and that file does try it.
import re

from lint import Tap, check, files

UNIT, MODEL, WHOLE = "tests/unit/blast/test_", "tests/model/", "tests/integration/"
# name in a row: [(file, what stands there)]
HELD = {
    "access": [(MODEL + "access_driver.c", "blast_access"), (UNIT + "access.c", "blast_access")],
    "agent": [(UNIT + "agent.c", "blast_agent")],
    "backup": [(MODEL + "guest_driver.c", "blast_backup_now"), (MODEL + "guest_cases.py", "backup")],
    "ceph": [(MODEL + "ceph.py", '"ceph"'), (UNIT + "ceph.c", "blast_ceph")],
    "clone": [(MODEL + "newcomer.py", '"clone"'), (UNIT + "create.c", "blast_clone")],
    "config": [(UNIT + "guest.c", "blast_config")],
    "create": [(MODEL + "newcomer.py", '"create"'), (UNIT + "create.c", "blast_create")],
    "destroy": [(MODEL + "guest_refs.py", '"destroy"')],
    "disk": [(MODEL + "guest_driver.c", "blast_disk_move"), (MODEL + "guest_cases.py", "resize")],
    "evacuate": [(MODEL + "place.py", '"place"'), (UNIT + "place.c", "blast_place")],
    "exec": [(UNIT + "guest.c", "blast_exec")],
    "firewall": [(MODEL + "firewall_case.c", "fw_compare"), (UNIT + "firewall.c", "blast_firewall")],
    "ha": [(MODEL + "ha.py", '"ha"'), (UNIT + "ha.c", "blast_ha")],
    "mapping": [(UNIT + "node.c", "blast_mapping")],
    "migrate": [(MODEL + "guest_migrate.py", '"migrate"')],
    "network": [(MODEL + "network.py", '"network"')],
    "node": [(MODEL + "node.py", '"node"'), (UNIT + "node.c", "blast_node_power")],
    "node-disk": [(MODEL + "disk.py", '"disk"'), (UNIT + "node.c", "blast_node_disk")],
    "node-guests": [(UNIT + "node.c", "blast_node_guests")],
    "node-service": [(UNIT + "node.c", "blast_node_service")],
    "pool": [(MODEL + "pool.py", '"pool"'), (UNIT + "pool.c", "blast_pool")],
    "power": [(UNIT + "guest.c", "blast_power")],
    "prune": [(MODEL + "guest_retention.py", "retention"), (MODEL + "guest_driver.c", "blast_prune")],
    "realm": [(MODEL + "realm.py", '"realm"'), (UNIT + "realm.c", "blast_realm")],
    "replication": [(MODEL + "replication.py", '"replication"'), (UNIT + "replication.c", "blast_replication")],
    "restore": [(MODEL + "guest_driver.c", "blast_restore"), (MODEL + "guest_cases.py", "restore")],
    "rollback": [(UNIT + "guest.c", "blast_rollback")],
    "sdn": [(MODEL + "sdn.py", '"sdn"')],
    "snapshot": [(WHOLE + "blast_calls.py", "pve_snapshot_delete")],
    "storage": [(MODEL + "storage_settings.py", '"storage'), (UNIT + "storage.c", "blast_storage")],
    "storage-create": [(MODEL + "storage_create.py", '"storage-create"')],
    "task": [(WHOLE + "blast_calls.py", "pve_task_stop")],
    "template": [(MODEL + "template.py", '"template"'), (UNIT + "create.c", "blast_template")],
    "volume": [(MODEL + "guest_refs.py", '"volume"')],
    # of a backup server: against the simulated one, prune against a model
    "pbs_access": [(WHOLE + "pbs.py", "pbs_acl_modify"), (WHOLE + "pbs_cases.py", "pbs_user_delete")],
    "pbs_delete": [(WHOLE + "pbs.py", "pbs_snapshot_delete")],
    "pbs_job": [(WHOLE + "pbs_cases.py", "pbs_prune_job_update")],
    "pbs_prune": [(WHOLE + "pbs.py", "pbs_prune_group"), (MODEL + "guest_retention.py", "server")],
    "pbs_remote": [(WHOLE + "pbs.py", "pbs_remote_delete")],
    "pbs_run": [(WHOLE + "pbs.py", "pbs_sync_job_run")],
}
# What is not an analyser's name: rows that leave the verdict to others, or say that there is none.
OTHERS = {"each step's own", "none: a generic call"}
ROW = re.compile(r'\.analysers = "([^"]*)"')


def lint(root):
    seen = {}
    for path in files(root, "*.c", "*.h", below=("proximo-client/tools",)):
        for names in ROW.findall(path.read_text()):
            for name in [] if names in OTHERS else names.split():
                seen.setdefault(name, path.relative_to(root))
    for name, path in sorted(seen.items()):
        if name not in HELD:
            yield f"{path}: nothing tries the analyser \"{name}\": no table of cases, no model"
    for name, tests in HELD.items():
        for file, what in tests if name in seen else ():
            test = root / file
            if not test.is_file() or what not in test.read_text():
                yield f"{file}: does not try the analyser \"{name}\" ({what})"


row = 'const struct row r[] = {{"pve_x", .analysers = "%s"}};\n'
tap = Tap()
check(tap, "analysers", lint, {
    "an analyser that nothing tries": {"proximo-client/tools/x.c": row % "newcomer"},
    "two of them, one untried": {"proximo-client/tools/x.c": row % "agent newcomer",
                                 UNIT + "agent.c": "blast_agent(1);"},
    "a table that is gone": {"proximo-client/tools/x.c": row % "agent"},
    "a table that tries something else": {"proximo-client/tools/x.c": row % "agent", UNIT + "agent.c": "x"},
})
tap.end()
