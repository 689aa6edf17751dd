/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/app.h - the configuration and the handles of each cluster, opened when first
 * needed and kept. Starting costs nothing: an MCP client may start the program twice and ask
 * nothing. */
#pragma once
#include <stdbool.h>

#include "proximo-client/config.h"
#include "proximo-client/pipeline/session.h"

struct app;

int app_new(struct app **ret, struct err *e); /* does not even read the configuration */
void app_free(struct app *a);
static inline void app_freep(struct app **a) {
    app_free(*a);
    *a = NULL;
}

/* Read on first use. */
int app_config(struct app *a, const struct config **ret, struct err *e);

enum app_need {
    APP_PVE = 1,    /* REST client (connects on the first request) */
    APP_LEDGER = 2, /* opened, made when it does not exist; asks the nodes before it signs */
    APP_NODES = 4,
    APP_LEDGER_READ = 8, /* opened; "no_ledger" when there is none */
    /* What the target must be; neither: any. */
    APP_IS_PVE = 16, /* a cluster */
    APP_IS_PBS = 32, /* a backup server */
};

/* Fills s->cluster and the handles asked for. `name` NULL: the only configured target of the kind,
 * else "which_cluster"; one of the other kind is "wrong_target". Without any: "not_configured" with
 * what to write. */
int app_session(struct app *a, const char *name, unsigned int need, struct session *s,
                struct err *e);

/* The n-th configured cluster's name, NULL past the end. */
const char *app_cluster_at(struct app *a, size_t i);
/* "<state>/ledger/<cluster>" and the like; malloc'ed. */
char *app_ledger_dir(struct app *a, const char *cluster);
char *app_nodes_file(struct app *a, const char *cluster);
char *app_key_file(struct app *a, const char *cluster);
char *app_operator_file(struct app *a, const char *operator);
/* Where a secret that an operation made is kept: "<state>/results/<op_id>". */
char *app_result_file(struct app *a, const char *op_id);
/* Client-wide brake: "<state>/freeze". */
char *app_freeze_file(struct app *a);
