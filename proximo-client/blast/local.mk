# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/blast/after.c \
	proximo-client/blast/after.h \
	proximo-client/blast/archive.c \
	proximo-client/blast/backup.c \
	proximo-client/blast/archive_config.c \
	proximo-client/blast/archive_config.h \
	proximo-client/blast/backup_int.h \
	proximo-client/blast/agent.c proximo-client/blast/access.c \
	proximo-client/blast/access.h \
	proximo-client/blast/access_after.c \
	proximo-client/blast/access_dangling.c \
	proximo-client/blast/access_int.h \
	proximo-client/blast/access_model.c \
	proximo-client/blast/access_walk.c \
	proximo-client/blast/blast.h \
	proximo-client/blast/blast_int.h \
	proximo-client/blast/ceph.c \
	proximo-client/blast/ceph_int.h \
	proximo-client/blast/ceph_model.c \
	proximo-client/blast/ceph_pool.c \
	proximo-client/blast/clone.c \
	proximo-client/blast/config.c \
	proximo-client/blast/config_cross.c \
	proximo-client/blast/config_int.h \
	proximo-client/blast/create.c \
	proximo-client/blast/disk.c \
	proximo-client/blast/disk_int.h \
	proximo-client/blast/disk_move.c \
	proximo-client/blast/disk_resize.c \
	proximo-client/blast/destroy.c \
	proximo-client/blast/destroy_int.h \
	proximo-client/blast/destroy_refs.c \
	proximo-client/blast/exec.c \
	proximo-client/blast/firewall.c \
	proximo-client/blast/freshness.c \
	proximo-client/blast/fw.h \
	proximo-client/blast/fw_addr.c \
	proximo-client/blast/fw_apply.c \
	proximo-client/blast/fw_conf.c \
	proximo-client/blast/fw_diff.c \
	proximo-client/blast/fw_eval.c \
	proximo-client/blast/fw_model.c \
	proximo-client/blast/fw_names.c \
	proximo-client/blast/fw_report.c \
	proximo-client/blast/fw_report.h \
	proximo-client/blast/fw_rules.c \
	proximo-client/blast/fw_set.c \
	proximo-client/blast/ha.c \
	proximo-client/blast/ha.h \
	proximo-client/blast/ha_after.c \
	proximo-client/blast/ha_int.h \
	proximo-client/blast/ha_model.c \
	proximo-client/blast/ha_place.c \
	proximo-client/blast/ha_rules.c \
	proximo-client/blast/identity.c \
	proximo-client/blast/identity.h \
	proximo-client/blast/migrate.c \
	proximo-client/blast/network.c proximo-client/blast/network.h \
	proximo-client/blast/network_addr.c proximo-client/blast/network_change.c \
	proximo-client/blast/network_compare.c proximo-client/blast/network_conf.c \
	proximo-client/blast/network_diff.c proximo-client/blast/network_diff.h \
	proximo-client/blast/network_line.c \
	proximo-client/blast/network_take.c proximo-client/blast/network_guests.c \
	proximo-client/blast/network_reach.c proximo-client/blast/network_roles.c \
	proximo-client/blast/network_roles.h proximo-client/blast/part_network.c \
	proximo-client/blast/sdn.c proximo-client/blast/sdn.h proximo-client/blast/sdn_conf.c \
	proximo-client/blast/migrate_disk.c \
	proximo-client/blast/migrate_ha.c \
	proximo-client/blast/mapping.c \
	proximo-client/blast/migrate_host.c \
	proximo-client/blast/node.c proximo-client/blast/node_ha.c proximo-client/blast/node_int.h \
	proximo-client/blast/node_disk.c proximo-client/blast/node_guests.c \
	proximo-client/blast/node_quorum.c \
	proximo-client/blast/node_service.c \
	proximo-client/blast/part_node.c \
	proximo-client/blast/migrate_int.h \
	proximo-client/blast/newcomer.c \
	proximo-client/blast/newcomer.h \
	proximo-client/blast/part_access.c \
	proximo-client/blast/part_firewall.c \
	proximo-client/blast/part_guest.c \
	proximo-client/blast/part_ha.c \
	proximo-client/blast/part_lists.c \
	proximo-client/blast/part_owned.c \
	proximo-client/blast/part_resources.c \
	proximo-client/blast/part_storage.c \
	proximo-client/blast/parts.c \
	proximo-client/blast/perms.c \
	proximo-client/blast/part_target.c \
	proximo-client/blast/picture.c \
	proximo-client/blast/picture.h \
	proximo-client/blast/picture_int.h \
	proximo-client/blast/pool_members.c \
	proximo-client/blast/place.c \
	proximo-client/blast/pools.c \
	proximo-client/blast/power.c \
	proximo-client/blast/pbs.c proximo-client/blast/pbs_access.c proximo-client/blast/pbs_config.c proximo-client/blast/pbs.h \
	proximo-client/blast/prune.c \
	proximo-client/blast/realm.c \
	proximo-client/blast/realm_int.h \
	proximo-client/blast/realm_sync.c \
	proximo-client/blast/refs.c \
	proximo-client/blast/refs.h \
	proximo-client/blast/retention.c \
	proximo-client/blast/retention.h \
	proximo-client/blast/replication.c \
	proximo-client/blast/restore.c \
	proximo-client/blast/roles.c \
	proximo-client/blast/rollback.c \
	proximo-client/blast/storage.c \
	proximo-client/blast/storage_create.c \
	proximo-client/blast/storage_grants.c \
	proximo-client/blast/storage_deps.c \
	proximo-client/blast/storage_int.h \
	proximo-client/blast/storage_refs.c \
	proximo-client/blast/storage_settings.c \
	proximo-client/blast/then.c proximo-client/blast/then.h proximo-client/blast/then_int.h \
	proximo-client/blast/then_access.c proximo-client/blast/then_backup.c \
	proximo-client/blast/then_fw.c proximo-client/blast/then_guest.c \
	proximo-client/blast/then_ha.c proximo-client/blast/then_jobs.c \
	proximo-client/blast/then_network.c proximo-client/blast/then_sdn.c \
	proximo-client/blast/then_snapshot.c proximo-client/blast/then_made.c proximo-client/blast/then_store.c \
	proximo-client/blast/unread.c \
	proximo-client/blast/volume.c \
	proximo-client/blast/volume_delete.c
