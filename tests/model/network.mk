# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/model/network_driver
tests_model_network_driver_SOURCES = tests/model/network_driver.c tests/model/driver.h $(BLAST_WORLD)
tests_model_network_driver_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
MODEL_NETWORK_TESTS = tests/model/network_cases.py tests/model/network_diff.py tests/model/network.py \
	tests/model/sdn_cases.py tests/model/sdn.py
TESTS += $(MODEL_NETWORK_TESTS)
EXTRA_DIST += $(MODEL_NETWORK_TESTS) tests/model/network_world.py
