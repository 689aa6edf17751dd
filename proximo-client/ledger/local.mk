# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/ledger/ledger.h proximo-client/ledger/verify.h \
	proximo-client/ledger/genesis.h proximo-client/ledger/impl.h \
	proximo-client/ledger/seg.c proximo-client/ledger/seg.h \
	proximo-client/ledger/lock.c \
	proximo-client/ledger/tree.c \
	proximo-client/ledger/recover.c \
	proximo-client/ledger/append.c \
	proximo-client/ledger/create.c \
	proximo-client/ledger/read.c \
	proximo-client/ledger/store.c proximo-client/ledger/body.h \
	proximo-client/ledger/run.c proximo-client/ledger/run.h \
	proximo-client/ledger/index.c proximo-client/ledger/index.h \
	proximo-client/ledger/find.c \
	proximo-client/ledger/hashmap.c proximo-client/ledger/hashmap.h \
	proximo-client/ledger/closing.c proximo-client/ledger/closing.h \
	proximo-client/ledger/audit.c proximo-client/ledger/audit.h \
	proximo-client/ledger/chain.c proximo-client/ledger/chain.h \
	proximo-client/ledger/tiles.c proximo-client/ledger/tiles.h \
	proximo-client/ledger/source.c proximo-client/ledger/source.h \
	proximo-client/ledger/care.c proximo-client/ledger/care.h \
	proximo-client/ledger/ahead.c \
	proximo-client/ledger/cosign.c \
	proximo-client/ledger/witnessed.c proximo-client/ledger/witnessed.h \
	proximo-client/ledger/rebuild.c \
	proximo-client/ledger/restart.c \
	proximo-client/ledger/export.c proximo-client/ledger/export.h \
	proximo-client/ledger/verdict.c proximo-client/ledger/verdict.h \
	proximo-client/ledger/verify.c

bin_PROGRAMS += proximo-verify
proximo_verify_SOURCES = proximo-client/ledger/verify_main.c
proximo_verify_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
