# SPDX-License-Identifier: Apache-2.0
LEDGER_FUZZ = \
	tests/fuzz/ledger/fuzz_bundle \
	tests/fuzz/ledger/fuzz_closing \
	tests/fuzz/ledger/fuzz_segment \
	tests/fuzz/ledger/fuzz_witnessed
check_PROGRAMS += $(LEDGER_FUZZ)
TESTS += $(LEDGER_FUZZ)
tests_fuzz_ledger_fuzz_bundle_SOURCES = tests/fuzz/ledger/fuzz_bundle.c $(FUZZ_DRIVER)
tests_fuzz_ledger_fuzz_bundle_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
tests_fuzz_ledger_fuzz_bundle_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ledger_fuzz_closing_SOURCES = tests/fuzz/ledger/fuzz_closing.c $(FUZZ_DRIVER)
tests_fuzz_ledger_fuzz_closing_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
tests_fuzz_ledger_fuzz_closing_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ledger_fuzz_segment_SOURCES = tests/fuzz/ledger/fuzz_segment.c $(FUZZ_DRIVER)
tests_fuzz_ledger_fuzz_segment_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
tests_fuzz_ledger_fuzz_segment_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ledger_fuzz_witnessed_SOURCES = tests/fuzz/ledger/fuzz_witnessed.c $(FUZZ_DRIVER)
tests_fuzz_ledger_fuzz_witnessed_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
tests_fuzz_ledger_fuzz_witnessed_LDFLAGS = $(FUZZ_LINK)
