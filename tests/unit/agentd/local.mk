# SPDX-License-Identifier: Apache-2.0
agentd_unit = \
	tests/unit/agentd/test_route \
	tests/unit/agentd/test_answer
check_PROGRAMS += $(agentd_unit)
TESTS += $(agentd_unit)
tests_unit_agentd_test_route_LDADD = libagent.a libnet.a libcore.a $(AGENT_LIBS) $(CHECK_LIBS)
tests_unit_agentd_test_answer_LDADD = libagent.a libnet.a libcore.a $(AGENT_LIBS) $(CHECK_LIBS)
