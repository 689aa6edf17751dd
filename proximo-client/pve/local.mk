# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/pve/agent.c \
	proximo-client/pve/agent.h \
	proximo-client/pve/answer.c \
	proximo-client/pve/apidoc.c \
	proximo-client/pve/batch.c \
	proximo-client/pve/change.c \
	proximo-client/pve/change.h \
	proximo-client/pve/endpoint.c \
	proximo-client/pve/inventory.c \
	proximo-client/pve/inventory.h \
	proximo-client/pve/path.c \
	proximo-client/pve/path_part.c \
	proximo-client/pve/pve.c \
	proximo-client/pve/pve.h \
	proximo-client/pve/schema.c \
	proximo-client/pve/schema.h \
	proximo-client/pve/schema_match.c \
	proximo-client/pve/task.c \
	proximo-client/pve/token.c \
	proximo-client/pve/wire.h \
	proximo-client/pve/worker.c \
	proximo-client/pve/worker.h \
	proximo-client/pve/xfer.c \
	proximo-client/pve/pvetree.c \
	proximo-client/pve/pvetree.h \
	proximo-client/pve/pvetree_access.c \
	proximo-client/pve/pvetree_dir.c \
	proximo-client/pve/pvetree_fw.c \
	proximo-client/pve/pvetree_guest.c \
	proximo-client/pve/pvetree_int.h \
	proximo-client/pve/pvetree_lists.c \
	proximo-client/pve/pvetree_net.c \
	proximo-client/pve/pvetree_picture.c
