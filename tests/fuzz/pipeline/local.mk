# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/fuzz/pipeline/fuzz_then
TESTS += tests/fuzz/pipeline/fuzz_then
tests_fuzz_pipeline_fuzz_then_SOURCES = tests/fuzz/pipeline/fuzz_then.c $(FUZZ_DRIVER)
tests_fuzz_pipeline_fuzz_then_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pipeline_fuzz_then_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
check_PROGRAMS += tests/fuzz/pipeline/fuzz_late_log
TESTS += tests/fuzz/pipeline/fuzz_late_log
tests_fuzz_pipeline_fuzz_late_log_SOURCES = tests/fuzz/pipeline/fuzz_late_log.c $(FUZZ_DRIVER)
tests_fuzz_pipeline_fuzz_late_log_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pipeline_fuzz_late_log_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
