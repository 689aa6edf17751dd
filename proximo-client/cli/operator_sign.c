/* SPDX-License-Identifier: Apache-2.0 */
/* An operator signs: whose key, the passphrase from the terminal, a note. */
#include <errno.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/cli/operator_key.h"

int operator_choose(struct cli *c, const char *name, const char **ret, struct err *e) {
    const struct config *conf;
    int r = app_config(c->app, &conf, e);

    if (r < 0 || name) {
        *ret = name;
        return r;
    }
    if (conf->n_operators != 1) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%zu operators are configured",
                      conf->n_operators);
        return conf->n_operators
                   ? err_hint(e, "name one with --operator NAME (proximo-client operator list)")
                   : err_hint(e, "make a key with: proximo-client operator new NAME; then put the "
                                 "[operator NAME] section that it prints into proximo.ini");
    }
    *ret = conf->operator[0].name;
    return 0;
}

int operator_sign(struct cli *c, const char *who, const char *what, const struct buf *text,
                  struct buf *ret, struct err *e) {
    CLEANUP(freep) char *path = app_operator_file(c->app, who);
    CLEANUP(tty_passphrasep) char *pass = NULL;
    char prompt[160];
    struct skey key;
    int r;

    (void)snprintf(prompt, sizeof(prompt), "passphrase of %.60s to %.70s: ", who, what);
    r = path ? tty_passphrase(prompt, &pass, e) : err_set(e, -ENOMEM, "out of memory");
    r = r < 0 ? r : operator_key_open(path, who, pass, &key, e);
    if (r == 0) {
        r = note_sign(buf_str(text), text->len, &key, ret, e);
        skey_done(&key);
    }
    return r;
}
