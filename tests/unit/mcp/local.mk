# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/mcp/test_protocol tests/unit/mcp/test_streams
TESTS += tests/unit/mcp/test_protocol tests/unit/mcp/test_streams
tests_unit_mcp_test_protocol_SOURCES = tests/unit/mcp/test_protocol.c
tests_unit_mcp_test_protocol_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_mcp_test_streams_SOURCES = tests/unit/mcp/test_streams.c
tests_unit_mcp_test_streams_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
