# SPDX-License-Identifier: Apache-2.0
nodes_unit = \
	tests/unit/nodes/test_frames \
	tests/unit/nodes/test_invite \
	tests/unit/nodes/test_state \
	tests/unit/nodes/test_act
check_PROGRAMS += $(nodes_unit)
TESTS += $(nodes_unit)
tests_unit_nodes_test_frames_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_nodes_test_invite_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_nodes_test_state_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
# Runs the real network half: its program must be there first.
tests_unit_nodes_test_act_SOURCES = tests/unit/nodes/test_act.c tests/unit/nodes/peer.c \
	tests/unit/nodes/peer.h $(LEDGER_FIXTURE)
tests_unit_nodes_test_act_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_nodes_test_act_DEPENDENCIES = libproximo.a libnet.a libcore.a pveagentd/pveagentd
