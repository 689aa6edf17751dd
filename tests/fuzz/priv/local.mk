# SPDX-License-Identifier: Apache-2.0
priv_fuzz = \
	tests/fuzz/priv/fuzz_priv_msg \
	tests/fuzz/priv/fuzz_order \
	tests/fuzz/priv/fuzz_order_answer \
	tests/fuzz/priv/fuzz_node_policy \
	tests/fuzz/priv/fuzz_request
check_PROGRAMS += $(priv_fuzz)
TESTS += $(priv_fuzz)
tests_fuzz_priv_fuzz_priv_msg_SOURCES = tests/fuzz/priv/fuzz_priv_msg.c $(FUZZ_DRIVER)
tests_fuzz_priv_fuzz_priv_msg_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
tests_fuzz_priv_fuzz_priv_msg_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_priv_fuzz_node_policy_SOURCES = tests/fuzz/priv/fuzz_node_policy.c $(FUZZ_DRIVER)
tests_fuzz_priv_fuzz_node_policy_LDADD = libpriv.a liborder.a libcore.a $(ROOT_LIBS)
tests_fuzz_priv_fuzz_node_policy_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_priv_fuzz_request_SOURCES = tests/fuzz/priv/fuzz_request.c $(FUZZ_DRIVER)
tests_fuzz_priv_fuzz_request_LDADD = libcore.a $(ROOT_LIBS)
tests_fuzz_priv_fuzz_request_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_priv_fuzz_order_SOURCES = tests/fuzz/priv/fuzz_order.c $(FUZZ_DRIVER)
tests_fuzz_priv_fuzz_order_LDADD = liborder.a libcore.a $(ROOT_LIBS)
tests_fuzz_priv_fuzz_order_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_priv_fuzz_order_answer_SOURCES = tests/fuzz/priv/fuzz_order_answer.c $(FUZZ_DRIVER)
tests_fuzz_priv_fuzz_order_answer_LDADD = liborder.a libcore.a $(ROOT_LIBS)
tests_fuzz_priv_fuzz_order_answer_LDFLAGS = $(FUZZ_LINK)
