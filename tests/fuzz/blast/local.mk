# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/fuzz/blast/fuzz_picture tests/fuzz/blast/fuzz_volume
TESTS += tests/fuzz/blast/fuzz_picture tests/fuzz/blast/fuzz_volume
check_PROGRAMS += tests/fuzz/blast/fuzz_archive
TESTS += tests/fuzz/blast/fuzz_archive
tests_fuzz_blast_fuzz_archive_SOURCES = tests/fuzz/blast/fuzz_archive.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_archive_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_archive_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_blast_fuzz_picture_SOURCES = tests/fuzz/blast/fuzz_picture.c tests/fuzz/blast/draft.c \
	tests/fuzz/blast/draft.h $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_picture_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_picture_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_blast_fuzz_volume_SOURCES = tests/fuzz/blast/fuzz_volume.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_volume_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_volume_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
check_PROGRAMS += tests/fuzz/blast/fuzz_archive_config
TESTS += tests/fuzz/blast/fuzz_archive_config
tests_fuzz_blast_fuzz_archive_config_SOURCES = tests/fuzz/blast/fuzz_archive_config.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_archive_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_archive_config_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
check_PROGRAMS += tests/fuzz/blast/fuzz_firewall
TESTS += tests/fuzz/blast/fuzz_firewall
tests_fuzz_blast_fuzz_firewall_SOURCES = tests/fuzz/blast/fuzz_firewall.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_firewall_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_firewall_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
check_PROGRAMS += tests/fuzz/blast/fuzz_network
TESTS += tests/fuzz/blast/fuzz_network
tests_fuzz_blast_fuzz_network_SOURCES = tests/fuzz/blast/fuzz_network.c tests/fuzz/blast/draft.c \
	tests/fuzz/blast/draft.h $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_network_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_network_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
check_PROGRAMS += tests/fuzz/blast/fuzz_pbs
TESTS += tests/fuzz/blast/fuzz_pbs
tests_fuzz_blast_fuzz_pbs_SOURCES = tests/fuzz/blast/fuzz_pbs.c tests/fuzz/blast/draft.c \
	tests/fuzz/blast/draft.h tests/model/pbs_ask.h $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_pbs_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_pbs_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
