# SPDX-License-Identifier: Apache-2.0
# The reader of the cluster file system: libreader.a is all of it but main().
noinst_LIBRARIES += libreader.a
libreader_a_SOURCES = \
	pveagentd/reader/list.c pveagentd/reader/emit.c \
	pveagentd/reader/reader.h

pkglibexec_PROGRAMS += pveagentd-reader
pveagentd_reader_SOURCES = pveagentd/reader/main.c
pveagentd_reader_LDADD = libreader.a libcore.a $(ROOT_LIBS)
