# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/undo/backup.c \
	proximo-client/undo/backup.h \
	proximo-client/undo/backup_again.c \
	proximo-client/undo/backup_verify.c \
	proximo-client/undo/guest_snapshot.c \
	proximo-client/undo/inverse.c \
	proximo-client/undo/kinds.h \
	proximo-client/undo/made.c proximo-client/undo/made_guest.c \
	proximo-client/undo/made_volume.c \
	proximo-client/undo/node_snapshot.c \
	proximo-client/undo/restore_object.c \
	proximo-client/undo/revert_timer.c \
	proximo-client/undo/since.c \
	proximo-client/undo/row.c \
	proximo-client/undo/steps.c \
	proximo-client/undo/undo.c \
	proximo-client/undo/undo.h
