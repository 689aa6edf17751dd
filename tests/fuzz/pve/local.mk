# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/fuzz/pve/fuzz_answer
TESTS += tests/fuzz/pve/fuzz_answer
tests_fuzz_pve_fuzz_answer_SOURCES = tests/fuzz/pve/fuzz_answer.c $(FUZZ_DRIVER)
tests_fuzz_pve_fuzz_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pve_fuzz_answer_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
