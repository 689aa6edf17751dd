# SPDX-License-Identifier: Apache-2.0
PVE_TESTS = \
	tests/unit/pve/test_client \
	tests/unit/pve/test_inventory \
	tests/unit/pve/test_spread \
	tests/unit/pve/test_text \
	tests/unit/pve/test_tree
check_PROGRAMS += $(PVE_TESTS)
TESTS += $(PVE_TESTS)
EXTRA_DIST += tests/unit/pve/server.py
tests_unit_pve_test_client_SOURCES = tests/unit/pve/test_client.c \
	tests/unit/pve/api_server.c tests/unit/pve/api_server.h
tests_unit_pve_test_spread_SOURCES = tests/unit/pve/test_spread.c \
	tests/unit/pve/api_server.c tests/unit/pve/api_server.h
tests_unit_pve_test_spread_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pve_test_client_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pve_test_text_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pve_test_inventory_SOURCES = tests/unit/pve/test_inventory.c \
	tests/unit/blast/world.c tests/unit/blast/world.h
tests_unit_pve_test_inventory_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pve_test_tree_SOURCES = tests/unit/pve/test_tree.c \
	tests/unit/blast/world.c tests/unit/blast/world.h
tests_unit_pve_test_tree_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
