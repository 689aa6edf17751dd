# SPDX-License-Identifier: Apache-2.0
priv_unit = \
	tests/unit/priv/test_msg \
	tests/unit/priv/test_request
check_PROGRAMS += $(priv_unit)
TESTS += $(priv_unit)
tests_unit_priv_test_msg_LDADD = libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_request_LDADD = libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
EXTRA_DIST += tests/unit/priv/suite.h
