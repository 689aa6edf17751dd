# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/fuzz/blast/fuzz_picture tests/fuzz/blast/fuzz_volume
TESTS += tests/fuzz/blast/fuzz_picture tests/fuzz/blast/fuzz_volume
check_PROGRAMS += tests/fuzz/blast/fuzz_archive
TESTS += tests/fuzz/blast/fuzz_archive
tests_fuzz_blast_fuzz_archive_SOURCES = tests/fuzz/blast/fuzz_archive.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_archive_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_archive_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_blast_fuzz_picture_SOURCES = tests/fuzz/blast/fuzz_picture.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_picture_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_picture_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_blast_fuzz_volume_SOURCES = tests/fuzz/blast/fuzz_volume.c $(FUZZ_DRIVER)
tests_fuzz_blast_fuzz_volume_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_blast_fuzz_volume_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
