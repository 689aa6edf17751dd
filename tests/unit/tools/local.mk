# SPDX-License-Identifier: Apache-2.0
# Rows against a world of tables: the world's objects come before the library, so its reading side of
# the API, of nodes and of drafts is what the rows see.
TOOLS_WORLD = tests/unit/tools/world.c tests/unit/tools/record.c tests/unit/tools/world.h
TOOLS_LAB = $(TOOLS_WORLD) tests/unit/tools/lab.c tests/unit/tools/lab.h
TOOLS_API = tests/unit/tools/api.c tests/unit/tools/api_pbs.c tests/unit/tools/api.h
TOOLS_LIBS = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
TOOLS_TESTS = tests/unit/tools/test_validate tests/unit/tools/test_rows tests/unit/tools/test_plans \
	tests/unit/tools/test_reads tests/unit/tools/test_undo \
	tests/unit/tools/test_walk tests/unit/tools/test_send \
	tests/unit/tools/test_api
check_PROGRAMS += $(TOOLS_TESTS)
TESTS += $(TOOLS_TESTS)
tests_unit_tools_test_validate_SOURCES = tests/unit/tools/test_validate.c $(TOOLS_WORLD)
tests_unit_tools_test_validate_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_rows_SOURCES = tests/unit/tools/test_rows.c $(TOOLS_WORLD) $(TOOLS_API)
tests_unit_tools_test_rows_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_plans_SOURCES = tests/unit/tools/test_plans.c $(TOOLS_LAB)
tests_unit_tools_test_plans_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_reads_SOURCES = tests/unit/tools/test_reads.c $(TOOLS_LAB)
tests_unit_tools_test_reads_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_undo_SOURCES = tests/unit/tools/test_undo.c $(TOOLS_LAB)
tests_unit_tools_test_undo_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_walk_SOURCES = tests/unit/tools/test_walk.c $(TOOLS_WORLD) $(TOOLS_API) \
	tests/unit/tools/endpoints.h tests/unit/tools/exceptions.h
tests_unit_tools_test_walk_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_send_SOURCES = tests/unit/tools/test_send.c $(TOOLS_LAB) \
	tests/unit/tools/samples.h
tests_unit_tools_test_send_LDADD = $(TOOLS_LIBS)
tests_unit_tools_test_api_SOURCES = tests/unit/tools/test_api.c $(TOOLS_LAB) $(TOOLS_API) \
	tests/unit/tools/endpoints.h
tests_unit_tools_test_api_LDADD = $(TOOLS_LIBS)
