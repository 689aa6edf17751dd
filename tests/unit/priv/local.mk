# SPDX-License-Identifier: Apache-2.0
priv_unit = \
	tests/unit/priv/test_msg \
	tests/unit/priv/test_request \
	tests/unit/priv/test_policy \
	tests/unit/priv/test_journal \
	tests/unit/priv/test_witness \
	tests/unit/priv/test_snap_cmd \
	tests/unit/priv/test_join
check_PROGRAMS += $(priv_unit)
TESTS += $(priv_unit)
tests_unit_priv_test_msg_LDADD = libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_request_LDADD = libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_policy_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_journal_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_witness_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_snap_cmd_LDADD = libact.a liborder.a libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
tests_unit_priv_test_join_SOURCES = tests/unit/priv/test_join.c pveagentd/ctl/deny.c \
	pveagentd/ctl/enrol.c
tests_unit_priv_test_journal_SOURCES = tests/unit/priv/test_journal.c pveagentd/ctl/enrol.c
tests_unit_priv_test_join_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS) $(CHECK_LIBS)
EXTRA_DIST += tests/unit/priv/suite.h
