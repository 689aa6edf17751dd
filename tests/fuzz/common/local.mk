# SPDX-License-Identifier: Apache-2.0
COMMON_FUZZ = \
	tests/fuzz/common/fuzz_lines \
	tests/fuzz/common/fuzz_note \
	tests/fuzz/common/fuzz_checkpoint \
	tests/fuzz/common/fuzz_conf \
	tests/fuzz/common/fuzz_argv_rule \
	tests/fuzz/common/fuzz_js \
	tests/fuzz/common/fuzz_canon \
	tests/fuzz/common/fuzz_b64 \
	tests/fuzz/common/fuzz_entry \
	tests/fuzz/common/fuzz_approval \
	tests/fuzz/common/fuzz_receipt \
	tests/fuzz/common/fuzz_roster \
	tests/fuzz/common/fuzz_submission \
	tests/fuzz/common/fuzz_inventory
check_PROGRAMS += $(COMMON_FUZZ)
TESTS += $(COMMON_FUZZ)
tests_fuzz_common_fuzz_lines_SOURCES = tests/fuzz/common/fuzz_lines.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_lines_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_lines_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_note_SOURCES = tests/fuzz/common/fuzz_note.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_note_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_note_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_checkpoint_SOURCES = tests/fuzz/common/fuzz_checkpoint.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_checkpoint_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_checkpoint_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_conf_SOURCES = tests/fuzz/common/fuzz_conf.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_conf_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_conf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_argv_rule_SOURCES = tests/fuzz/common/fuzz_argv_rule.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_argv_rule_LDADD = libcore.a $(ROOT_LIBS)
tests_fuzz_common_fuzz_argv_rule_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_js_SOURCES = tests/fuzz/common/fuzz_js.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_js_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_js_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_canon_SOURCES = tests/fuzz/common/fuzz_canon.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_canon_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_canon_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_b64_SOURCES = tests/fuzz/common/fuzz_b64.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_b64_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_b64_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_entry_SOURCES = tests/fuzz/common/fuzz_entry.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_entry_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_entry_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_approval_SOURCES = tests/fuzz/common/fuzz_approval.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_approval_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_approval_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_receipt_SOURCES = tests/fuzz/common/fuzz_receipt.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_receipt_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_receipt_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_submission_SOURCES = tests/fuzz/common/fuzz_submission.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_submission_LDADD = libcore.a $(ROOT_LIBS)
tests_fuzz_common_fuzz_submission_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_inventory_SOURCES = tests/fuzz/common/fuzz_inventory.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_inventory_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_inventory_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_common_fuzz_roster_SOURCES = tests/fuzz/common/fuzz_roster.c $(FUZZ_DRIVER)
tests_fuzz_common_fuzz_roster_LDADD = libnet.a libcore.a $(NET_LIBS)
tests_fuzz_common_fuzz_roster_LDFLAGS = $(FUZZ_LINK)
