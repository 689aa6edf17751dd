# SPDX-License-Identifier: Apache-2.0
# libproximo.a: everything of the client but its main(). Each folder adds its files.
noinst_LIBRARIES += libproximo.a
libproximo_a_SOURCES = \
	proximo-client/app.c proximo-client/app.h \
	proximo-client/config.c proximo-client/config.h \
	proximo-client/agent_rules.c proximo-client/agent_rules.h \
	proximo-client/policy_rules.c proximo-client/policy_rules.h

bin_PROGRAMS += proximo-client/proximo-client
proximo_client_proximo_client_SOURCES = proximo-client/main.c
proximo_client_proximo_client_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)

include proximo-client/cli/local.mk
include proximo-client/mcp/local.mk
include proximo-client/tools/local.mk
include proximo-client/pipeline/local.mk
include proximo-client/blast/local.mk
include proximo-client/undo/local.mk
include proximo-client/diagnose/local.mk
include proximo-client/ledger/local.mk
include proximo-client/pve/local.mk
include proximo-client/nodes/local.mk
include proximo-client/sim/local.mk
