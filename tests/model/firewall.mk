# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/model/firewall_case
tests_model_firewall_case_SOURCES = tests/model/firewall_case.c
tests_model_firewall_case_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
TESTS += tests/model/firewall.py
EXTRA_DIST += tests/model/firewall.py tests/model/firewall_gen.py
