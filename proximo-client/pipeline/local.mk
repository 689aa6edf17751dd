# SPDX-License-Identifier: Apache-2.0
libproximo_a_SOURCES += \
	proximo-client/pipeline/left.c proximo-client/pipeline/left.h \
	proximo-client/pipeline/agent_gate.c proximo-client/pipeline/agent_gate.h \
	proximo-client/pipeline/agent_run.c proximo-client/pipeline/agent_run.h \
	proximo-client/pipeline/approval_make.c proximo-client/pipeline/approval_make.h \
	proximo-client/pipeline/approve.c \
	proximo-client/pipeline/capture.c proximo-client/pipeline/capture.h \
	proximo-client/pipeline/capture_scrub.c \
	proximo-client/pipeline/change.c proximo-client/pipeline/change.h \
	proximo-client/pipeline/draft.c proximo-client/pipeline/draft_steps.c \
	proximo-client/pipeline/draft_then.c proximo-client/pipeline/draft.h \
	proximo-client/pipeline/draft_int.h \
	proximo-client/pipeline/enrol.c proximo-client/pipeline/enrol.h \
	proximo-client/pipeline/begun.c proximo-client/pipeline/begun.h \
	proximo-client/pipeline/execute.c \
	proximo-client/pipeline/freeze.c proximo-client/pipeline/freeze.h \
	proximo-client/pipeline/grant.c proximo-client/pipeline/grant.h \
	proximo-client/pipeline/grant_int.h \
	proximo-client/pipeline/intent.c \
	proximo-client/pipeline/job.c proximo-client/pipeline/job.h \
	proximo-client/pipeline/late.c proximo-client/pipeline/late.h \
	proximo-client/pipeline/late_find.c \
	proximo-client/pipeline/ledger_care.c proximo-client/pipeline/ledger_care.h \
	proximo-client/pipeline/service_jobs.c \
	proximo-client/pipeline/ledger_foreign.c proximo-client/pipeline/ledger_foreign.h \
	proximo-client/pipeline/ledger_query.c \
	proximo-client/pipeline/look.c proximo-client/pipeline/look.h \
	proximo-client/pipeline/names.c \
	proximo-client/pipeline/op_close.c proximo-client/pipeline/op_close.h \
	proximo-client/pipeline/ops.c proximo-client/pipeline/ops.h \
	proximo-client/pipeline/ops_resolve.c \
	proximo-client/pipeline/outcome.c proximo-client/pipeline/outcome.h \
	proximo-client/pipeline/output.c proximo-client/pipeline/output.h \
	proximo-client/pipeline/plan.c proximo-client/pipeline/plan.h \
	proximo-client/pipeline/planner.c proximo-client/pipeline/planner.h \
	proximo-client/pipeline/policy_entry.c proximo-client/pipeline/policy_entry.h \
	proximo-client/pipeline/prepared.c \
	proximo-client/pipeline/receipts_before.c \
	proximo-client/pipeline/recheck.c \
	proximo-client/pipeline/reduce.c proximo-client/pipeline/reduce_then.c \
	proximo-client/pipeline/render.c proximo-client/pipeline/render.h \
	proximo-client/pipeline/secret_result.c \
	proximo-client/pipeline/secret_result.h \
	proximo-client/pipeline/secrets.c proximo-client/pipeline/secrets.h \
	proximo-client/pipeline/service.c proximo-client/pipeline/service.h \
	proximo-client/pipeline/service_doctor.c \
	proximo-client/pipeline/service_int.h \
	proximo-client/pipeline/service_ledger.c \
	proximo-client/pipeline/service_list.c \
	proximo-client/pipeline/service_meta.c \
	proximo-client/pipeline/service_read.c \
	proximo-client/pipeline/since.c proximo-client/pipeline/since.h \
	proximo-client/pipeline/undo_check.c proximo-client/pipeline/undo_check.h \
	proximo-client/pipeline/session.c proximo-client/pipeline/session.h \
	proximo-client/pipeline/witness_show.c proximo-client/pipeline/witness_show.h \
	proximo-client/pipeline/recompute.c proximo-client/pipeline/recompute.h \
	proximo-client/pipeline/stdin_data.c proximo-client/pipeline/stdin_data.h \
	proximo-client/pipeline/switches.c proximo-client/pipeline/switches.h \
	proximo-client/pipeline/taint.c proximo-client/pipeline/taint.h
