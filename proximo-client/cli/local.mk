# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/cli/cli.c proximo-client/cli/cli.h \
	proximo-client/cli/cmd_apply.c \
	proximo-client/cli/cmd_approve.c \
	proximo-client/cli/cmd_capture.c \
	proximo-client/cli/cmd_job.c \
	proximo-client/cli/cmd_ledger.c \
	proximo-client/cli/cmd_mcp.c \
	proximo-client/cli/cmd_misc.c \
	proximo-client/cli/cmd_node.c \
	proximo-client/cli/cmd_op.c \
	proximo-client/cli/cmd_operator.c \
	proximo-client/cli/cmd_row.c \
	proximo-client/cli/operator_key.c proximo-client/cli/operator_key.h \
	proximo-client/cli/operator_sign.c \
	proximo-client/cli/tty.c
