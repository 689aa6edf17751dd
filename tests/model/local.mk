# SPDX-License-Identifier: Apache-2.0
# Differential tests: an analyser in C against a model in Python that shares nothing with it.
# MODEL_RUNS (default: a few hundred) and MODEL_SEED (default: random, printed) may be set.
include tests/model/access.mk
include tests/model/firewall.mk
include tests/model/guest.mk
include tests/model/network.mk
