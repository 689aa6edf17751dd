# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/undo/undo.h
