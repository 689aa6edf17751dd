# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/blast/archive.c \
	proximo-client/blast/backup_int.h \
	proximo-client/blast/blast.h \
	proximo-client/blast/blast_int.h \
	proximo-client/blast/config.c \
	proximo-client/blast/config_cross.c \
	proximo-client/blast/config_int.h \
	proximo-client/blast/exec.c \
	proximo-client/blast/part_access.c \
	proximo-client/blast/part_guest.c \
	proximo-client/blast/part_lists.c \
	proximo-client/blast/part_resources.c \
	proximo-client/blast/part_storage.c \
	proximo-client/blast/parts.c \
	proximo-client/blast/perms.c \
	proximo-client/blast/picture.c \
	proximo-client/blast/picture.h \
	proximo-client/blast/picture_int.h \
	proximo-client/blast/power.c \
	proximo-client/blast/prune.c \
	proximo-client/blast/refs.c \
	proximo-client/blast/refs.h \
	proximo-client/blast/roles.c \
	proximo-client/blast/retention.c \
	proximo-client/blast/retention.h \
	proximo-client/blast/rollback.c \
	proximo-client/blast/storage.c \
	proximo-client/blast/storage_int.h \
	proximo-client/blast/storage_refs.c \
	proximo-client/blast/unread.c \
	proximo-client/blast/volume.c \
	proximo-client/blast/volume_delete.c
