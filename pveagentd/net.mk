# SPDX-License-Identifier: Apache-2.0
# The network half. Everything but its main() is in libagent.a, for its tests.
sbin_PROGRAMS += pveagentd/pveagentd
noinst_LIBRARIES += libagent.a
libagent_a_SOURCES = \
	pveagentd/agent.h \
	pveagentd/limits.c pveagentd/limits.h \
	pveagentd/log.c \
	pveagentd/listen.c \
	pveagentd/conn.c pveagentd/conn.h \
	pveagentd/http.c pveagentd/http.h \
	pveagentd/route.c pveagentd/route.h \
	pveagentd/ask.c pveagentd/ask.h \
	pveagentd/ops.c pveagentd/op_act.c pveagentd/op_inventory.c \
	pveagentd/answer.c pveagentd/answer.h pveagentd/body.c \
	pveagentd/frame.c pveagentd/frame.h \
	pveagentd/privcall.c pveagentd/privcall.h \
	pveagentd/gatekeep.c
pveagentd_pveagentd_SOURCES = pveagentd/main.c
pveagentd_pveagentd_LDADD = libagent.a libnet.a libcore.a $(AGENT_LIBS)
