# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/model/guest_driver
tests_model_guest_driver_SOURCES = tests/model/guest_driver.c tests/model/driver.h $(BLAST_WORLD)
tests_model_guest_driver_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
MODEL_GUEST_TESTS = tests/model/guest_retention.py tests/model/guest_cases.py tests/model/guest_refs.py \
	tests/model/guest_migrate.py tests/model/ha.py tests/model/replication.py tests/model/realm.py tests/model/storage_settings.py tests/model/storage_create.py tests/model/dangling.py tests/model/freshness.py tests/model/pool.py \
	tests/model/node.py tests/model/disk.py tests/model/ceph.py tests/model/place.py tests/model/template.py tests/model/newcomer.py
TESTS += $(MODEL_GUEST_TESTS)
EXTRA_DIST += $(MODEL_GUEST_TESTS) tests/model/guest_lib.py tests/model/ha_rules.py tests/model/guest_retention_rules.py tests/model/guest_world.py
