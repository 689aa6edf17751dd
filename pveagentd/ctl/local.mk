# SPDX-License-Identifier: Apache-2.0
sbin_PROGRAMS += pveagentctl
pveagentctl_SOURCES = pveagentd/ctl/main.c pveagentd/ctl/policy.c \
	pveagentd/ctl/deny.c pveagentd/ctl/enrol.c pveagentd/ctl/cluster.c \
	pveagentd/ctl/rotate.c pveagentd/ctl/ctl.h
pveagentctl_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
