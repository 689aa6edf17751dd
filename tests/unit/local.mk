# SPDX-License-Identifier: Apache-2.0
# One folder an area; each area's own local.mk adds its programs to check_PROGRAMS and TESTS.
include tests/unit/common/local.mk
include tests/unit/ledger/local.mk
include tests/unit/pve/local.mk
include tests/unit/sim/local.mk
include tests/unit/mcp/local.mk
include tests/unit/pipeline/local.mk
include tests/unit/tools/local.mk
include tests/unit/blast/local.mk
include tests/unit/nodes/local.mk
include tests/unit/agentd/local.mk
include tests/unit/priv/local.mk
