/* SPDX-License-Identifier: Apache-2.0 */
/* The state on disk: FILE holds a whole document, FILE.journal what was acknowledged since. A line
 * is written and synced before its change is answered; folding replaces FILE first and empties the
 * journal after, and replaying a line twice changes nothing, so a crash between the two is safe. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/sim/state.h"

int state_commit_line(struct state *s, struct err *e);

int state_commit_line(struct state *s, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(JOURNAL_MAX);
    CLEANUP(js_freep) js *line = js_object();
    int r;

    js_add(line, "ops", js_ref(s->ops));
    if (js_print(line, &b) < 0 || buf_addc(&b, '\n') < 0) {
        return err_set(e, -ENOMEM, "a change is too large for the journal");
    }
    r = fd_pwrite_all(s->journal, b.data, b.len, s->journal_len);
    if (r == 0 && fdatasync(s->journal) < 0) {
        r = -errno;
    }
    if (r < 0) {
        /* Half a line must not be completed by the next one. */
        if (ftruncate(s->journal, (off_t)s->journal_len) < 0) {
            return err_set(e, -errno, "journal of %s: %s", s->file, strerror(errno));
        }
        return err_set(e, r, "journal of %s: %s", s->file, strerror(-r));
    }
    s->journal_len += b.len;
    return 0;
}

int state_fold(struct state *s, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(STATE_MAX);
    int r;

    if (!s->file) {
        return 0;
    }
    if (js_print_pretty(s->root, &b) < 0 || buf_addc(&b, '\n') < 0) {
        return err_set(e, -E2BIG, "state %s: larger than %d bytes", s->file, STATE_MAX);
    }
    r = file_replace(AT_FDCWD, s->file, b.data, b.len, 0600, e);
    if (r < 0) {
        return err_wrap(e, "state");
    }
    if (ftruncate(s->journal, 0) < 0 || fsync(s->journal) < 0) {
        return err_set(e, -errno, "journal of %s: %s", s->file, strerror(errno));
    }
    s->journal_len = 0;
    return 0;
}

static int read_state(struct state *s, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(STATE_MAX);
    js *root = NULL;
    int r = file_read(AT_FDCWD, s->file, &b, e);

    if (r == -ENOENT) {
        return 0;
    }
    if (r < 0 || (r = js_parse(buf_str(&b), b.len, &root, e)) < 0) {
        return err_wrap(e, "state %s", s->file);
    }
    if (!js_is_object(root)) {
        js_freep(&root);
        return err_set(e, -EBADMSG, "state %s: not a JSON object", s->file);
    }
    js_freep(&s->root);
    s->root = root;
    return 0;
}

int state_attach(struct state *s, const char *file, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
    CLEANUP(buf_done) struct buf text = BUF_INIT(JOURNAL_MAX);
    size_t used = 0;
    int r;

    s->file = strdup(file);
    if (!s->file || buf_addf(&path, "%s.journal", file) < 0) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    s->journal = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->journal < 0) {
        return err_set(e, -errno, "open %s: %s", path.data, strerror(errno));
    }
    if (flock(s->journal, LOCK_EX | LOCK_NB) < 0) {
        return err_set(e, -errno, "%s is in use by another pvesim", file);
    }
    r = read_state(s, e);
    if (r < 0) {
        return r;
    }
    r = fd_read_all(s->journal, &text);
    if (r < 0) {
        return err_set(e, r, "read %s: %s", path.data, strerror(-r));
    }
    r = journal_apply(&s->root, buf_str(&text), text.len, &used, e);
    if (r < 0) {
        return err_wrap(e, "%s", path.data);
    }
    return state_fold(s, e);
}
