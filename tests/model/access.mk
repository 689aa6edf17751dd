# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/model/access_driver
tests_model_access_driver_SOURCES = tests/model/access_driver.c $(BLAST_WORLD)
tests_model_access_driver_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
TESTS += tests/model/access.py
EXTRA_DIST += tests/model/access.py
