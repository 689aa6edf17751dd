# SPDX-License-Identifier: Apache-2.0

# mcp: start to first answer, beside a program that only loads the same libraries
check_PROGRAMS += tests/bench/empty_program
tests_bench_empty_program_SOURCES = tests/bench/empty_program.c
tests_bench_empty_program_LDFLAGS = $(AM_LDFLAGS) -Wl,--no-as-needed
tests_bench_empty_program_LDADD = $(CLIENT_LIBS)
EXTRA_DIST += tests/bench/bench_mcp.py
check_PROGRAMS += tests/bench/bench_ledger
tests_bench_bench_ledger_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
check_PROGRAMS += tests/bench/bench_access
tests_bench_bench_access_LDADD = libproximo.a libnet.a libcore.a $(NET_LIBS)
EXTRA_DIST += tests/bench/bench_plan.py tests/bench/bench_whole.py
