# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/fuzz/pve/fuzz_answer tests/fuzz/pve/fuzz_apidoc
TESTS += tests/fuzz/pve/fuzz_answer tests/fuzz/pve/fuzz_apidoc
tests_fuzz_pve_fuzz_answer_SOURCES = tests/fuzz/pve/fuzz_answer.c $(FUZZ_DRIVER)
tests_fuzz_pve_fuzz_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pve_fuzz_answer_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
PVEFILE_FUZZ = tests/fuzz/pve/fuzz_pvefile tests/fuzz/pve/fuzz_pvetree
check_PROGRAMS += $(PVEFILE_FUZZ)
TESTS += $(PVEFILE_FUZZ)
tests_fuzz_pve_fuzz_pvefile_SOURCES = tests/fuzz/pve/fuzz_pvefile.c $(FUZZ_DRIVER)
tests_fuzz_pve_fuzz_pvefile_LDADD = libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_pve_fuzz_pvefile_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pve_fuzz_pvetree_SOURCES = tests/fuzz/pve/fuzz_pvetree.c $(FUZZ_DRIVER)
tests_fuzz_pve_fuzz_pvetree_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_pve_fuzz_pvetree_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pve_fuzz_apidoc_SOURCES = tests/fuzz/pve/fuzz_apidoc.c $(FUZZ_DRIVER)
tests_fuzz_pve_fuzz_apidoc_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pve_fuzz_apidoc_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
