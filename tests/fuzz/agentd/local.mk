# SPDX-License-Identifier: Apache-2.0
agentd_fuzz = tests/fuzz/agentd/fuzz_agent_body tests/fuzz/agentd/fuzz_agent_answer
check_PROGRAMS += $(agentd_fuzz)
TESTS += $(agentd_fuzz)
tests_fuzz_agentd_fuzz_agent_body_SOURCES = tests/fuzz/agentd/fuzz_agent_body.c $(FUZZ_DRIVER)
tests_fuzz_agentd_fuzz_agent_body_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_agentd_fuzz_agent_body_LDADD = libagent.a libnet.a libcore.a $(AGENT_LIBS)
tests_fuzz_agentd_fuzz_agent_answer_SOURCES = tests/fuzz/agentd/fuzz_agent_answer.c $(FUZZ_DRIVER)
tests_fuzz_agentd_fuzz_agent_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_agentd_fuzz_agent_answer_LDADD = libagent.a libnet.a libcore.a $(AGENT_LIBS)
