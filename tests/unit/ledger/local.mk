# SPDX-License-Identifier: Apache-2.0
LEDGER_TESTS = \
	tests/unit/ledger/test_cost \
	tests/unit/ledger/test_export \
	tests/unit/ledger/test_faults \
	tests/unit/ledger/test_ledger \
	tests/unit/ledger/test_recover \
	tests/unit/ledger/test_verify
check_PROGRAMS += $(LEDGER_TESTS)
TESTS += $(LEDGER_TESTS)
LEDGER_FIXTURE = tests/unit/ledger/fixture.c tests/unit/ledger/fixture.h
LEDGER_TEST_LIBS = libproximo.a libnet.a libcore.a $(NET_LIBS) $(CHECK_LIBS)
tests_unit_ledger_test_ledger_SOURCES = tests/unit/ledger/test_ledger.c $(LEDGER_FIXTURE)
tests_unit_ledger_test_ledger_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_ledger_test_verify_SOURCES = tests/unit/ledger/test_verify.c $(LEDGER_FIXTURE)
tests_unit_ledger_test_verify_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_ledger_test_faults_SOURCES = tests/unit/ledger/test_faults.c $(LEDGER_FIXTURE)
tests_unit_ledger_test_faults_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_ledger_test_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=write -Wl,--wrap=pwrite \
	-Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=ftruncate -Wl,--wrap=renameat
tests_unit_ledger_test_cost_SOURCES = tests/unit/ledger/test_cost.c $(LEDGER_FIXTURE)
tests_unit_ledger_test_cost_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_ledger_test_cost_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=read -Wl,--wrap=pread \
	-Wl,--wrap=write -Wl,--wrap=pwrite -Wl,--wrap=fsync -Wl,--wrap=fdatasync \
	-Wl,--wrap=openat -Wl,--wrap=fstat -Wl,--wrap=fstatat -Wl,--wrap=faccessat \
	-Wl,--wrap=renameat -Wl,--wrap=unlinkat -Wl,--wrap=ftruncate -Wl,--wrap=flock \
	-Wl,--wrap=EVP_DigestUpdate
tests_unit_ledger_test_export_SOURCES = tests/unit/ledger/test_export.c $(LEDGER_FIXTURE)
tests_unit_ledger_test_export_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_ledger_test_recover_SOURCES = tests/unit/ledger/test_recover.c $(LEDGER_FIXTURE)
tests_unit_ledger_test_recover_LDADD = $(LEDGER_TEST_LIBS)
