# SPDX-License-Identifier: Apache-2.0
FUZZ_TOOLS = tests/fuzz/tools/fuzz_schema_args
check_PROGRAMS += $(FUZZ_TOOLS)
TESTS += $(FUZZ_TOOLS)
tests_fuzz_tools_fuzz_schema_args_SOURCES = tests/fuzz/tools/fuzz_schema_args.c $(FUZZ_DRIVER)
tests_fuzz_tools_fuzz_schema_args_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_tools_fuzz_schema_args_LDFLAGS = $(FUZZ_LINK)
