# SPDX-License-Identifier: Apache-2.0
COMMON_TESTS = \
	tests/unit/common/test_argv_rule \
	tests/unit/common/test_base \
	tests/unit/common/test_fields \
	tests/unit/common/test_inventory \
	tests/unit/common/test_lean \
	tests/unit/common/test_pvefile \
	tests/unit/common/test_systemd \
	tests/unit/common/test_text \
	tests/unit/common/test_tlog \
	tests/unit/common/test_volfeature
check_PROGRAMS += $(COMMON_TESTS)
TESTS += $(COMMON_TESTS)
tests_unit_common_test_argv_rule_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_base_LDADD = libnet.a libcore.a $(NET_LIBS) $(CHECK_LIBS)
tests_unit_common_test_fields_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_inventory_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_lean_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_pvefile_LDADD = libnet.a libcore.a $(NET_LIBS) $(CHECK_LIBS)
tests_unit_common_test_systemd_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_text_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_tlog_LDADD = libcore.a $(CRYPTO_LIBS) $(CHECK_LIBS)
tests_unit_common_test_volfeature_LDADD = libnet.a libcore.a $(NET_LIBS) $(CHECK_LIBS)
