# SPDX-License-Identifier: Apache-2.0
# A fuzz target is one file with LLVMFuzzerTestOneInput. Configured with --enable-fuzzing (clang) it
# links libFuzzer; else the driver replays tests/fuzz/corpus/<program>/ in `make check`.
if FUZZING
FUZZ_DRIVER =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_DRIVER = tests/fuzz/driver.c
FUZZ_LINK = $(AM_LDFLAGS)
endif
EXTRA_DIST += tests/fuzz/corpus
include tests/fuzz/common/local.mk
include tests/fuzz/ledger/local.mk
include tests/fuzz/pve/local.mk
include tests/fuzz/sim/local.mk
include tests/fuzz/mcp/local.mk
include tests/fuzz/pipeline/local.mk
include tests/fuzz/tools/local.mk
include tests/fuzz/blast/local.mk
include tests/fuzz/nodes/local.mk
include tests/fuzz/agentd/local.mk
include tests/fuzz/priv/local.mk
