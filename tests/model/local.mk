# SPDX-License-Identifier: Apache-2.0
# Differential tests: an analyser in C against a model in Python that shares nothing with it.
# MODEL_RUNS (default: a few hundred), MODEL_SEED (default: random, printed) and MODEL_FIRST (the number
# of the first case) may be set. many.py runs 10,000 and more a class in parts, on all processors.
EXTRA_DIST += tests/model/many.py
include tests/model/access.mk
include tests/model/firewall.mk
include tests/model/guest.mk
include tests/model/network.mk
include tests/model/pbs.mk
include tests/model/then.mk
