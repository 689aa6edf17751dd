# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/fuzz/mcp/fuzz_mcp_line tests/fuzz/mcp/fuzz_mcp_wire
TESTS += tests/fuzz/mcp/fuzz_mcp_line tests/fuzz/mcp/fuzz_mcp_wire
tests_fuzz_mcp_fuzz_mcp_line_SOURCES = tests/fuzz/mcp/fuzz_mcp_line.c $(FUZZ_DRIVER)
tests_fuzz_mcp_fuzz_mcp_line_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_mcp_fuzz_mcp_line_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_mcp_fuzz_mcp_wire_SOURCES = tests/fuzz/mcp/fuzz_mcp_wire.c $(FUZZ_DRIVER)
tests_fuzz_mcp_fuzz_mcp_wire_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_mcp_fuzz_mcp_wire_LDFLAGS = $(FUZZ_LINK)
