# SPDX-License-Identifier: Apache-2.0
# pvesim: the simulated cluster. libsim.a is everything but main(), so that tests link the parts.
noinst_LIBRARIES += libsim.a
libsim_a_SOURCES = \
	proximo-client/sim/sim.h proximo-client/sim/sim.c \
	proximo-client/sim/state.h proximo-client/sim/state.c proximo-client/sim/journal.c \
	proximo-client/sim/form.h proximo-client/sim/form.c proximo-client/sim/params.c \
	proximo-client/sim/guestconf.h proximo-client/sim/guestconf.c \
	proximo-client/sim/acl.h proximo-client/sim/acl.c \
	proximo-client/sim/auth.h proximo-client/sim/auth.c \
	proximo-client/sim/routes.h proximo-client/sim/routes_int.h proximo-client/sim/routes.c \
	proximo-client/sim/table.c proximo-client/sim/table_cluster.c \
	proximo-client/sim/sectfile.c proximo-client/sim/import_fw.c \
	proximo-client/sim/pbs.h proximo-client/sim/pbs.c proximo-client/sim/pbs_acl.c \
	proximo-client/sim/pbs_store.c proximo-client/sim/pbs_groups.c \
	proximo-client/sim/agent.c \
	proximo-client/sim/pbs_work.c proximo-client/sim/pbs_access.c proximo-client/sim/pbs_config.c \
	proximo-client/sim/pbs_jobs.c \
	proximo-client/sim/routes_cluster.c proximo-client/sim/routes_guest.c \
	proximo-client/sim/guests.c proximo-client/sim/power.c proximo-client/sim/snapshots.c \
	proximo-client/sim/tasks.c proximo-client/sim/backing.c \
	proximo-client/sim/storage.c proximo-client/sim/volumes.c proximo-client/sim/volume_made.c proximo-client/sim/prune.c \
	proximo-client/sim/volnames.h proximo-client/sim/volnames.c proximo-client/sim/disks.c \
	proximo-client/sim/migrate.c proximo-client/sim/vzdump.c proximo-client/sim/restore.c \
	proximo-client/sim/newcomer.h proximo-client/sim/newcomer.c \
	proximo-client/sim/clone.c proximo-client/sim/template.c \
	proximo-client/sim/jobs.c proximo-client/sim/destroy.c \
	proximo-client/sim/ha.h proximo-client/sim/ha.c proximo-client/sim/ha_status.c proximo-client/sim/ha_place.c proximo-client/sim/ha_manager.c \
	proximo-client/sim/access.h proximo-client/sim/access.c proximo-client/sim/access_acl.c \
	proximo-client/sim/firewall.h proximo-client/sim/firewall.c \
	proximo-client/sim/firewall_file.c proximo-client/sim/firewall_rules.c \
	proximo-client/sim/firewall_sets.c proximo-client/sim/cfgfile.c proximo-client/sim/tree.c \
	proximo-client/sim/import.c proximo-client/sim/faults.c \
	proximo-client/sim/feature.c proximo-client/sim/apidoc.c proximo-client/sim/objects.c proximo-client/sim/realms.c \
	proximo-client/sim/capture.c proximo-client/sim/capture_more.c proximo-client/sim/sections.c \
	proximo-client/sim/nodeconf.c proximo-client/sim/nodedisks.c proximo-client/sim/nodelife.c proximo-client/sim/nodepower.c \
	proximo-client/sim/demo.h proximo-client/sim/demo.c proximo-client/sim/generate.c \
	proximo-client/sim/http.c proximo-client/sim/network.h proximo-client/sim/network.c \
	proximo-client/sim/network_file.c proximo-client/sim/sdn.c
bin_PROGRAMS += pvesim
pvesim_SOURCES = proximo-client/sim/main.c
pvesim_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS)
