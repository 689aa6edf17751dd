# SPDX-License-Identifier: Apache-2.0

# mcp: start to first answer, beside a program that only loads the same libraries
check_PROGRAMS += tests/bench/bench_empty
tests_bench_bench_empty_SOURCES = tests/bench/bench_empty.c
tests_bench_bench_empty_LDFLAGS = $(AM_LDFLAGS) -Wl,--no-as-needed
tests_bench_bench_empty_LDADD = $(CLIENT_LIBS)
EXTRA_DIST += tests/bench/bench_mcp.py
