# SPDX-License-Identifier: Apache-2.0
SIM_TESTS = tests/unit/sim/test_network tests/unit/sim/test_sim
check_PROGRAMS += $(SIM_TESTS)
TESTS += $(SIM_TESTS)
tests_unit_sim_test_network_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_sim_test_sim_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
