# SPDX-License-Identifier: Apache-2.0
PIPELINE_TESTS = \
	tests/unit/pipeline/test_agent_rules \
	tests/unit/pipeline/test_draft \
	tests/unit/pipeline/test_grant \
	tests/unit/pipeline/test_policy \
	tests/unit/pipeline/test_reduce \
	tests/unit/pipeline/test_render
check_PROGRAMS += $(PIPELINE_TESTS)
TESTS += $(PIPELINE_TESTS)
tests_unit_pipeline_test_agent_rules_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pipeline_test_draft_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pipeline_test_grant_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pipeline_test_policy_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pipeline_test_reduce_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
tests_unit_pipeline_test_render_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS) $(CHECK_LIBS)
