/* SPDX-License-Identifier: Apache-2.0 */
/* operator new|list|show: approval keys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/cli/operator_key.h"

static int print_key(struct cli *c, const char *name, const struct vkey *k, const char *say) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(512);
    js *o = js_object();

    (void)vkey_text(k, &b);
    js_add(o, "operator", js_str(name));
    js_add(o, "key", js_str(buf_str(&b)));
    return cli_said(c, o, "%s[operator %s]\nkey = %s\n", say, name, buf_str(&b));
}

static int list_keys(struct cli *c, const struct config *conf) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    js *list = js_array();
    js *o = js_object();

    for (size_t i = 0; i < conf->n_operators; i++) {
        js *one = js_object();

        js_add(one, "operator", js_str(conf->operator[i].name));
        js_add(one, "origin", js_str(conf->operator[i].origin));
        js_push(list, one);
        (void)buf_addf(&b, "%-20s %s\n", conf->operator[i].name, conf->operator[i].origin);
    }
    js_add(o, "operators", list);
    return cli_said(c, o, "%s",
                    b.len ? buf_str(&b)
                          : "none; make one with: proximo-client operator new NAME\n");
}

static int make(struct cli *c, const char *name) {
    CLEANUP(freep) char *path = NULL;
    CLEANUP(tty_passphrasep) char *pass = NULL;
    CLEANUP(tty_passphrasep) char *again = NULL;
    const struct config *conf;
    struct err e = {0};
    struct vkey k;

    if (!ident_is_client(name)) {
        return cli_usage(c, &cmd_operator, "NAME: letters, digits, . _ -");
    }
    if (app_config(c->app, &conf, &e) < 0) {
        return cli_fail(c, &e);
    }
    path = app_operator_file(c->app, name);
    if (!path || tty_passphrase("new passphrase (8 characters or more): ", &pass, &e) < 0 ||
        tty_passphrase("once more: ", &again, &e) < 0) {
        return cli_fail(c, &e);
    }
    if (strlen(pass) < 8 || strcmp(pass, again) != 0) {
        (void)err_tag(&e, -EINVAL, "bad_argument",
                      strlen(pass) < 8 ? "the passphrase is too short" : "the two differ");
        return cli_fail(c, &e);
    }
    if (operator_key_new(path, name, pass, &k, &e) < 0) {
        return cli_fail(c, &e);
    }
    return print_key(
        c, name, &k,
        "; put this into proximo.ini, and as the same section into a node's policy.ini\n");
}

static int run_operator(struct cli *c) {
    const struct config *conf;
    struct err e = {0};

    if (!cli_words(c, &cmd_operator, 1, 2)) {
        return EXIT_USAGE;
    }
    if (strcmp(c->argv[0], "new") == 0 && c->argc == 2) {
        return make(c, c->argv[1]);
    }
    if (app_config(c->app, &conf, &e) < 0) {
        return cli_fail(c, &e);
    }
    if (strcmp(c->argv[0], "list") == 0 && c->argc == 1) {
        return list_keys(c, conf);
    }
    if (strcmp(c->argv[0], "show") == 0 && c->argc == 2) {
        const struct operator_conf *o = config_operator(conf, c->argv[1]);

        if (!o) {
            (void)err_tag(&e, -ENOENT, "bad_argument", "no operator of that name is configured");
            return cli_fail(c, &e);
        }
        return print_key(c, o->name, &o->key, "");
    }
    return cli_usage(c, &cmd_operator, "new NAME, list or show NAME");
}

const struct command cmd_operator = {"operator", "new NAME | list | show NAME",
                                     "approval keys of operators", NULL, run_operator};
