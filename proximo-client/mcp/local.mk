# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/mcp/mcp.h \
	proximo-client/mcp/jsonrpc.c proximo-client/mcp/jsonrpc.h \
	proximo-client/mcp/era.c proximo-client/mcp/era.h \
	proximo-client/mcp/content.c proximo-client/mcp/content.h \
	proximo-client/mcp/wire.c proximo-client/mcp/wire.h \
	proximo-client/mcp/peer.c proximo-client/mcp/peer.h proximo-client/mcp/peer_int.h \
	proximo-client/mcp/methods.c \
	proximo-client/mcp/linein.c proximo-client/mcp/linein.h \
	proximo-client/mcp/outq.c proximo-client/mcp/outq.h \
	proximo-client/mcp/worker.c proximo-client/mcp/worker.h \
	proximo-client/mcp/pool.c proximo-client/mcp/pool.h \
	proximo-client/mcp/stdio.c \
	proximo-client/mcp/serve.c proximo-client/mcp/serve.h
