/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/task.h - reading tasks by their UPID: the same on a cluster and on a backup
 * server. Not seen outside tools/. */
#pragma once
#include "common/js.h"

struct err;
struct session;

#define TASK_RESULT                                                                                \
    "upid:string node:string type:string id:string status:string succeeded:boolean "               \
    "warnings?:boolean exitstatus?:string"

/* args: upid, and of the log limit, of the wait timeout (seconds). */
int task_status_read(struct session *s, const js *args, js **ret, struct err *e);
int task_log_read(struct session *s, const js *args, js **ret, struct err *e);
int task_wait_read(struct session *s, const js *args, js **ret, struct err *e);
