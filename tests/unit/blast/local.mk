# SPDX-License-Identifier: Apache-2.0
BLAST_TESTS = \
	tests/unit/blast/test_access \
	tests/unit/blast/test_agent \
	tests/unit/blast/test_ceph \
	tests/unit/blast/test_create \
	tests/unit/blast/test_firewall \
	tests/unit/blast/test_freshness \
	tests/unit/blast/test_guest \
	tests/unit/blast/test_ha \
	tests/unit/blast/test_node \
	tests/unit/blast/test_picture \
	tests/unit/blast/test_pool \
	tests/unit/blast/test_place \
	tests/unit/blast/test_realm \
	tests/unit/blast/test_replication \
	tests/unit/blast/test_storage
check_PROGRAMS += $(BLAST_TESTS)
TESTS += $(BLAST_TESTS)
BLAST_WORLD = tests/unit/blast/world.c tests/unit/blast/world.h tests/unit/blast/says.h
tests_unit_blast_test_access_SOURCES = tests/unit/blast/test_access.c $(BLAST_WORLD)
tests_unit_blast_test_access_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_agent_SOURCES = tests/unit/blast/test_agent.c $(BLAST_WORLD)
tests_unit_blast_test_agent_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_ceph_SOURCES = tests/unit/blast/test_ceph.c $(BLAST_WORLD)
tests_unit_blast_test_ceph_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_create_SOURCES = tests/unit/blast/test_create.c $(BLAST_WORLD)
tests_unit_blast_test_create_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_firewall_SOURCES = tests/unit/blast/test_firewall.c $(BLAST_WORLD)
tests_unit_blast_test_firewall_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_freshness_SOURCES = tests/unit/blast/test_freshness.c $(BLAST_WORLD)
tests_unit_blast_test_freshness_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_guest_SOURCES = tests/unit/blast/test_guest.c $(BLAST_WORLD)
tests_unit_blast_test_guest_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_ha_SOURCES = tests/unit/blast/test_ha.c $(BLAST_WORLD)
tests_unit_blast_test_ha_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_node_SOURCES = tests/unit/blast/test_node.c $(BLAST_WORLD)
tests_unit_blast_test_node_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_picture_SOURCES = tests/unit/blast/test_picture.c $(BLAST_WORLD)
tests_unit_blast_test_picture_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_pool_SOURCES = tests/unit/blast/test_pool.c $(BLAST_WORLD)
tests_unit_blast_test_pool_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_realm_SOURCES = tests/unit/blast/test_realm.c $(BLAST_WORLD)
tests_unit_blast_test_realm_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_replication_SOURCES = tests/unit/blast/test_replication.c $(BLAST_WORLD)
tests_unit_blast_test_replication_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_place_SOURCES = tests/unit/blast/test_place.c $(BLAST_WORLD)
tests_unit_blast_test_place_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_blast_test_storage_SOURCES = tests/unit/blast/test_storage.c $(BLAST_WORLD)
tests_unit_blast_test_storage_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
