# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/nodes/nodes.c proximo-client/nodes/nodes.h proximo-client/nodes/nodes_int.h \
	proximo-client/nodes/state.c \
	proximo-client/nodes/heads.c \
	proximo-client/nodes/identity.c \
	proximo-client/nodes/call.c \
	proximo-client/nodes/frames.c proximo-client/nodes/frames.h \
	proximo-client/nodes/inventory.c \
	proximo-client/nodes/act.c proximo-client/nodes/act.h \
	proximo-client/nodes/witness.c \
	proximo-client/nodes/outside.c \
	proximo-client/nodes/acknowledge.c \
	proximo-client/nodes/invite.c proximo-client/nodes/invite.h \
	proximo-client/nodes/roster.c \
	proximo-client/nodes/rotate.c \
	proximo-client/nodes/join.c
