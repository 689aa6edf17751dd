# SPDX-License-Identifier: Apache-2.0
# The root half: libpriv.a is all of it but main() and the gate's table, which a test replaces.
noinst_LIBRARIES += libpriv.a
libpriv_a_SOURCES = \
	pveagentd/priv/priv.h pveagentd/priv/state.c pveagentd/priv/client.c \
	pveagentd/priv/journal.c pveagentd/priv/journal.h \
	pveagentd/priv/policy.c pveagentd/priv/policy_decide.c \
	pveagentd/priv/policy.h \
	pveagentd/priv/witness.c pveagentd/priv/heads.c pveagentd/priv/witness.h \
	pveagentd/priv/actor.c pveagentd/priv/actor.h \
	pveagentd/priv/gate.c pveagentd/priv/gate_steps.c pveagentd/priv/gate_late.c \
	pveagentd/priv/gate.h \
	pveagentd/priv/receipts.c \
	pveagentd/priv/later.c pveagentd/priv/later.h \
	pveagentd/priv/join.c pveagentd/priv/join.h \
	pveagentd/priv/roster.c pveagentd/priv/share.c pveagentd/priv/share.h \
	pveagentd/priv/answer.c pveagentd/priv/serve.c \
	pveagentd/priv/serve.h

pkglibexec_PROGRAMS += pveagentd-priv
pveagentd_priv_SOURCES = pveagentd/priv/main.c pveagentd/priv/gate_table.c
pveagentd_priv_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
