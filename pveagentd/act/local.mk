# SPDX-License-Identifier: Apache-2.0
# The program that acts: liborder.a is what it and the one that decides know of each other; libact.a
# is all of it but main().
noinst_LIBRARIES += liborder.a libact.a
liborder_a_SOURCES = pveagentd/act/order.c pveagentd/act/order.h
libact_a_SOURCES = \
	pveagentd/act/act.h pveagentd/act/obey.c \
	pveagentd/act/ct.c pveagentd/act/exec.c \
	pveagentd/act/revert.c \
	pveagentd/act/snap.c pveagentd/act/snap_btrfs.c pveagentd/act/snap_cmd.c \
	pveagentd/act/snap.h \
	pveagentd/act/undo.c

pkglibexec_PROGRAMS += pveagentd-act
pveagentd_act_SOURCES = pveagentd/act/main.c
pveagentd_act_LDADD = libact.a liborder.a libcore.a $(ROOT_LIBS)
