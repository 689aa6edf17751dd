# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/blast/fill.c \
	proximo-client/blast/perms.c \
	proximo-client/blast/picture.c \
	proximo-client/blast/picture.h \
	proximo-client/blast/picture_int.h \
	proximo-client/blast/volume.c
