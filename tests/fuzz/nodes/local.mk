# SPDX-License-Identifier: Apache-2.0
nodes_fuzz = tests/fuzz/nodes/fuzz_node_frames tests/fuzz/nodes/fuzz_node_invite
check_PROGRAMS += $(nodes_fuzz)
TESTS += $(nodes_fuzz)
tests_fuzz_nodes_fuzz_node_frames_SOURCES = tests/fuzz/nodes/fuzz_node_frames.c $(FUZZ_DRIVER)
tests_fuzz_nodes_fuzz_node_frames_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_nodes_fuzz_node_frames_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_nodes_fuzz_node_invite_SOURCES = tests/fuzz/nodes/fuzz_node_invite.c $(FUZZ_DRIVER)
tests_fuzz_nodes_fuzz_node_invite_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_nodes_fuzz_node_invite_LDADD = libproximo.a libnet.a libcore.a $(CLIENT_LIBS)
