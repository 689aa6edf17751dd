# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/tools/access.c \
	proximo-client/tools/access.h \
	proximo-client/tools/access_acl.c \
	proximo-client/tools/refused.c proximo-client/tools/refused.h \
	proximo-client/tools/access_prune.c \
	proximo-client/tools/access_realms.c \
	proximo-client/tools/access_users.c \
	proximo-client/tools/access_sync.c proximo-client/tools/acme.c proximo-client/tools/agent.c \
	proximo-client/tools/agent.h proximo-client/tools/agent_plan.c \
	proximo-client/tools/agent_read.c proximo-client/tools/snapshot_first.c \
	proximo-client/tools/apt.c proximo-client/tools/ceph.c proximo-client/tools/disks.c \
	proximo-client/tools/migrate_back.c proximo-client/tools/made_back.c proximo-client/tools/made_back.h \
	proximo-client/tools/mapping.c proximo-client/tools/metrics.c \
	proximo-client/tools/node_back.c proximo-client/tools/node_back.h \
	proximo-client/tools/node_power.c proximo-client/tools/node_services.c proximo-client/tools/node_settings.c \
	proximo-client/tools/notify.c \
	proximo-client/tools/answer.c \
	proximo-client/tools/api.c \
	proximo-client/tools/api.h \
	proximo-client/tools/api_refuse.c \
	proximo-client/tools/api_rows.c \
	proximo-client/tools/assess.c \
	proximo-client/tools/assess.h \
	proximo-client/tools/assess_ha.c \
	proximo-client/tools/assess_backups.c \
	proximo-client/tools/assess_guests.c \
	proximo-client/tools/assess_node.c \
	proximo-client/tools/assess_rows.c \
	proximo-client/tools/backup.c \
	proximo-client/tools/backup_fresh.c \
	proximo-client/tools/ceph_reads.c \
	proximo-client/tools/cluster.c \
	proximo-client/tools/cluster_reads.c \
	proximo-client/tools/content.c \
	proximo-client/tools/core.c \
	proximo-client/tools/evacuate.c \
	proximo-client/tools/exec.c \
	proximo-client/tools/exec_plan.c \
	proximo-client/tools/firewall.c \
	proximo-client/tools/firewall_int.h \
	proximo-client/tools/firewall_names.c \
	proximo-client/tools/firewall_plan.c \
	proximo-client/tools/guest.c \
	proximo-client/tools/guest_config.c \
	proximo-client/tools/guest_hooks.c \
	proximo-client/tools/guest_made.c \
	proximo-client/tools/destroy_backup.c proximo-client/tools/destroy_named.c \
	proximo-client/tools/guest_life.c \
	proximo-client/tools/guest_life.h \
	proximo-client/tools/guest_plan.c \
	proximo-client/tools/guest_power.c \
	proximo-client/tools/ha.c proximo-client/tools/ha_back.c proximo-client/tools/ha_int.h \
	proximo-client/tools/keys.c \
	proximo-client/tools/ledger.c \
	proximo-client/tools/look.c \
	proximo-client/tools/look.h \
	proximo-client/tools/manual.c \
	proximo-client/tools/on_node.c \
	proximo-client/tools/on_node.h \
	proximo-client/tools/revert.c \
	proximo-client/tools/manual.h \
	proximo-client/tools/network.c proximo-client/tools/network_int.h \
	proximo-client/tools/network_plan.c proximo-client/tools/network_stage.c \
	proximo-client/tools/node.c \
	proximo-client/tools/node_reads.c \
	proximo-client/tools/pbs.h proximo-client/tools/pbs.c \
	proximo-client/tools/pbs_access.c proximo-client/tools/pbs_assess.c proximo-client/tools/pbs_assess.h \
	proximo-client/tools/pbs_back.c proximo-client/tools/pbs_back.h \
	proximo-client/tools/pbs_change.c proximo-client/tools/pbs_config.c proximo-client/tools/pbs_jobs.c \
	proximo-client/tools/perms.c \
	proximo-client/tools/plans.h \
	proximo-client/tools/pool.c \
	proximo-client/tools/read.c \
	proximo-client/tools/registry.c \
	proximo-client/tools/replication.c \
	proximo-client/tools/resolve.c \
	proximo-client/tools/rollback.c \
	proximo-client/tools/rows.h \
	proximo-client/tools/schema.c \
	proximo-client/tools/sdn.c proximo-client/tools/sdn_int.h \
	proximo-client/tools/sdn_plan.c proximo-client/tools/sdn_stage.c proximo-client/tools/sdn_reads.c \
	proximo-client/tools/send.h \
	proximo-client/tools/send_check.c \
	proximo-client/tools/send_form.c \
	proximo-client/tools/send_object.c \
	proximo-client/tools/send_plan.c \
	proximo-client/tools/snapshot.c \
	proximo-client/tools/snapshot_plan.c \
	proximo-client/tools/select.c proximo-client/tools/step_refs.c proximo-client/tools/steps.c \
	proximo-client/tools/steps.h \
	proximo-client/tools/storage.c \
	proximo-client/tools/storage_grants.c \
	proximo-client/tools/storage_plan.c \
	proximo-client/tools/task.h proximo-client/tools/task.c proximo-client/tools/task_stop.c \
	proximo-client/tools/tool.h \
	proximo-client/tools/validate.c \
	proximo-client/tools/words.c
