# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/sim/test_sim
TESTS += tests/unit/sim/test_sim
tests_unit_sim_test_sim_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
