# SPDX-License-Identifier: Apache-2.0

# mcp: the protocol core under test tools
check_PROGRAMS += tests/integration/mcp_fixture
tests_integration_mcp_fixture_SOURCES = tests/integration/mcp_fixture.c
tests_integration_mcp_fixture_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
TESTS += tests/integration/mcp_raw.py tests/integration/mcp_product.py \
	tests/integration/mcp_clients.sh
EXTRA_DIST += tests/integration/mcp_raw.py tests/integration/mcp_product.py \
	tests/integration/mcp_clients.sh \
	tests/integration/mcp_sdk.mjs

# agent: the network half of the node daemon, with a root-half peer of the test's own behind it
# agent_real: both halves, a real container, and a client of the tests' own
check_PROGRAMS += tests/integration/agent_client
tests_integration_agent_client_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
TESTS += tests/integration/agent_front.py tests/integration/agent_units.sh \
	tests/integration/agent_real.py tests/integration/inventory.py
EXTRA_DIST += tests/integration/agent_front.py tests/integration/agent_lib.py \
	tests/integration/agent_units.sh tests/integration/agent_real.py \
	tests/integration/agent_node.py tests/integration/inventory.py

# priv: the root half with a gate of the test's choice, real containers, real btrfs
priv_tests = tests/integration/priv_gate tests/integration/priv_exec \
	tests/integration/priv_snap tests/integration/priv_admin tests/integration/priv_revert
check_PROGRAMS += $(priv_tests)
TESTS += $(priv_tests)
PRIV_WORLD = tests/integration/priv_world.c tests/integration/priv_world.h \
	pveagentd/priv/gate_table.c pveagentd/ctl/enrol.c
tests_integration_priv_gate_SOURCES = tests/integration/priv_gate.c $(PRIV_WORLD)
tests_integration_priv_gate_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
tests_integration_priv_exec_SOURCES = tests/integration/priv_exec.c $(PRIV_WORLD)
tests_integration_priv_exec_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
tests_integration_priv_snap_SOURCES = tests/integration/priv_snap.c $(PRIV_WORLD)
tests_integration_priv_snap_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
tests_integration_priv_revert_SOURCES = tests/integration/priv_revert.c $(PRIV_WORLD)
tests_integration_priv_revert_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
tests_integration_priv_admin_SOURCES = tests/integration/priv_admin.c $(PRIV_WORLD)
tests_integration_priv_admin_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)

# the program that acts, with what a test wants in its environment; the same with recorders in place
# of the programs that it runs
check_PROGRAMS += tests/integration/act_with tests/integration/act_recorder
tests_integration_act_recorder_LDADD = libact.a liborder.a libcore.a $(ROOT_LIBS)

# revert: timers through the whole product, whose reload is a recorder
TESTS += tests/integration/revert.py
EXTRA_DIST += tests/integration/revert.py tests/integration/revert_lib.py

# pipeline: the way of one change, with the real client and a simulated cluster
PIPELINE_PY = tests/integration/pipeline_changes.py \
	tests/integration/agent_exec.py \
	tests/integration/addresses.py \
	tests/integration/blast_guests.py \
	tests/integration/capture.py \
	tests/integration/command_line.py \
	tests/integration/copies.py \
	tests/integration/destroy_backup.py \
	tests/integration/first_use.py \
	tests/integration/exit_status.py \
	tests/integration/evacuate.py tests/integration/blast_calls.py \
	tests/integration/jobs.py \
	tests/integration/ledger_care.py \
	tests/integration/refused.py tests/integration/undo_since.py tests/integration/witnessed.py \
	tests/integration/ledger_query.py \
	tests/integration/steps.py \
	tests/integration/steps_planes.py tests/integration/steps_verdicts.py \
	tests/integration/rows_api.py \
	tests/integration/consequences.py
TESTS += $(PIPELINE_PY)
EXTRA_DIST += $(PIPELINE_PY) tests/integration/blast_lib.py \
	tests/integration/pbs_cases.py tests/integration/verdicts.py tests/integration/witness_server.py tests/integration/world.py

# fault: what the client does when processes die, disks fill, clocks lie and answers are spoiled
FAULT_TESTS = tests/integration/fault_kill.py tests/integration/fault_plan.py tests/integration/fault_rows.py tests/integration/fault_pbs.py tests/integration/fault_steps.py tests/integration/fault_later.py tests/integration/fault_mcp.py tests/integration/fault_root.py tests/integration/fault_taint.py tests/integration/fault_untrue.py \
	tests/integration/fault_disk.py tests/integration/fault_api.py \
	tests/integration/op_close.py
TESTS += $(FAULT_TESTS)
EXTRA_DIST += $(FAULT_TESTS) tests/integration/fault_walk.py tests/integration/fault_lib.py tests/integration/fault_shim.c
# not a program's object: it is loaded in front of libc, without the sanitizers of the build
check_DATA = tests/integration/fault_shim.so
CLEANFILES += tests/integration/fault_shim.so
tests/integration/fault_shim.so: $(srcdir)/tests/integration/fault_shim.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && \
	$(CC) -D_GNU_SOURCE -O1 -fPIC -shared -Wall -Wextra -o $@ $(srcdir)/tests/integration/fault_shim.c

# undo: every change over the API taken back; exec: commands in a real container
TESTS += tests/integration/pbs.py tests/integration/tools_undo.py tests/integration/undo_conflicts.py \
	tests/integration/network.py tests/integration/approve_recheck.py \
	tests/integration/exec_changes.py tests/integration/roster.py \
	tests/integration/captured.py tests/integration/rotate_killed.py
EXTRA_DIST += tests/integration/pbs.py tests/integration/tools_undo.py tests/integration/undo_conflicts.py tests/integration/network.py tests/integration/undo_cases.py \
	tests/integration/approve_recheck.py tests/integration/exec_changes.py tests/integration/roster.py \
	tests/integration/captured.py tests/integration/rotate_killed.py
# what .ci/run calls with the built packages
EXTRA_DIST += tests/integration/network_cut.sh tests/testbed/network_inside.py

# golden: the verdict of the classic accident, whole
TESTS += tests/integration/golden.py
EXTRA_DIST += tests/integration/golden.py tests/integration/golden/storage_delete.json
