# SPDX-License-Identifier: Apache-2.0
# libcore.a: what the root half may link (libc, libcrypto).
# libnet.a: json-c and libssl on top; never linked by the root half.
noinst_LIBRARIES += libcore.a libnet.a
libcore_a_SOURCES = \
	common/own.h common/limits.h \
	common/err.c common/err.h \
	common/buf.c common/buf.h \
	common/fd.c common/fd.h \
	common/clock.c common/clock.h \
	common/ident.c common/ident.h \
	common/lines.c common/lines.h \
	common/digest.c common/digest.h \
	common/lean.c common/lean.h \
	common/b64.c common/b64.h \
	common/merkle.c common/merkle.h \
	common/note.c common/note.h \
	common/checkpoint.c common/checkpoint.h \
	common/conf.c common/conf.h \
	common/argv_rule.c common/argv_rule.h \
	common/form.c common/form.h \
	common/entry.c common/entry.h \
	common/approval.c common/approval.h \
	common/receipt.c common/receipt.h \
	common/roster.c common/roster.h \
	common/request.c common/request.h \
	common/msg.c common/msg.h \
	common/dir.h \
	common/put.c common/put.h \
	common/fields.c common/fields.h \
	common/run.c common/reap.c common/run.h \
	common/ctconf.c common/ctconf.h \
	common/enrol.c common/enrol.h \
	common/records.c common/records.h \
	common/peer.c common/peer.h \
	common/systemd.c common/systemd.h \
	common/submission.c common/submission.h \
	common/pvepath.c common/pvepath.h \
	common/inventory.c common/inventory.h
libnet_a_SOURCES = \
	common/js.c common/js.h \
	common/js_scan.c common/js_scan.h \
	common/canon.c common/canon.h \
	common/guestkeys.c common/guestkeys.h \
	common/unseen.c common/unseen.h \
	common/volfeature.c common/volfeature.h \
	common/pvefile.h common/pvefile_int.h \
	common/pvefile_fw.c common/pvefile_guest.c common/pvefile_net.c common/pvefile_section.c \
	common/pvefile_text.c common/pvefile_users.c \
	common/tls.c common/tls.h
