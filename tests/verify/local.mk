# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/verify/make_ledger
tests_verify_make_ledger_SOURCES = tests/verify/make_ledger.c $(LEDGER_FIXTURE)
tests_verify_make_ledger_LDADD = $(LEDGER_TEST_LIBS)
TESTS += tests/verify/ledger_verifiers.py
EXTRA_DIST += tests/verify/ledger_verifiers.py tests/verify/verify.py tests/verify/ed25519.py
