# SPDX-License-Identifier: Apache-2.0
# What later steps of a plan read, against what a simulated cluster answers once the steps before are done
check_PROGRAMS += tests/model/then_case
tests_model_then_case_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
TESTS += tests/model/then.py tests/model/then_planes.py
EXTRA_DIST += tests/model/then.py tests/model/then_planes.py tests/model/then_chains.py
