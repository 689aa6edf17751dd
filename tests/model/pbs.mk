# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/model/pbs_driver
tests_model_pbs_driver_SOURCES = tests/model/pbs_driver.c tests/model/pbs_ask.h tests/model/driver.h $(BLAST_WORLD)
tests_model_pbs_driver_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
TESTS += tests/model/pbs_access.py tests/model/pbs_backups.py
EXTRA_DIST += tests/model/pbs_access.py tests/model/pbs_backups.py
