/* SPDX-License-Identifier: Apache-2.0 */
/* What witnesses said, kept beyond the checkpoint that they said it of. One file, replaced as a
 * whole, because 32 small ones would cost 32 syncs at the end of each change. */
#include "proximo-client/ledger/witnessed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/lines.h"
#include "common/own.h"

#define HEAD "proximo-witnessed/v1"

static const struct line_key keys[] = {{"note", true, false}};

void witnessed_done(struct witnessed *w) {
    for (size_t i = 0; i < w->n; i++) {
        free(w->v[i].text);
    }
    free(w->v);
    *w = (struct witnessed){0};
}

static int take(struct witnessed *w, const char *text, size_t len, const struct vkey *log,
                struct err *e) {
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct kept_note *k = &w->v[w->n];
    int r = n ? checkpoint_open(text, len, log, n, &k->c, e) : err_set(e, -ENOMEM, "out of memory");

    if (r < 0) {
        return r == -ENOMEM ? r : err_set(e, -EBADMSG, "a note that the log did not sign");
    }
    k->text = strndup(text, len);
    if (!k->text) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    w->n++;
    return 0;
}

static int larger_first(const void *a, const void *b) {
    const struct kept_note *x = a;
    const struct kept_note *y = b;

    return x->c.size < y->c.size ? 1 : x->c.size > y->c.size ? -1 : 0;
}

int witnessed_parse(const char *bytes, size_t len, const struct vkey *log, struct witnessed *ret,
                    struct err *e) {
    CLEANUP(witnessed_done) struct witnessed w = {0};
    CLEANUP(lines_done) struct lines l = {0};
    int r = lines_parse(bytes, len, HEAD, keys, ARRAY_LEN(keys), &l, e);

    if (r < 0) {
        return r;
    }
    w.v = calloc(l.n + 1, sizeof(*w.v));
    if (!w.v) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < l.n; i++) {
        r = take(&w, l.v[i].value, l.v[i].len, log, e);
    }
    if (r < 0) {
        return r;
    }
    qsort(w.v, w.n, sizeof(*w.v), larger_first);
    *ret = w;
    w = (struct witnessed){0};
    return 0;
}

int witnessed_read(int dirfd, const struct vkey *log, struct witnessed *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    int r = file_read(dirfd, WITNESSED_FILE, &b, e);

    *ret = (struct witnessed){0};
    if (r == -ENOENT) {
        return 0;
    }
    r = r < 0 ? r : witnessed_parse(buf_str(&b), b.len, log, ret, e);
    return r < 0 ? err_wrap(e, WITNESSED_FILE) : 0;
}

static bool is_of(const struct note_sig *a, const char *name, const uint8_t id[static 4]) {
    return strcmp(a->name, name) == 0 && memcmp(a->id, id, sizeof(a->id)) == 0;
}

static bool has_sig(const struct note *n, const struct note_sig *s) {
    for (size_t i = 0; n && i < n->n_sigs; i++) {
        if (is_of(&n->sig[i], s->name, s->id)) {
            return true;
        }
    }
    return false;
}

/* One note of the file while it is put together. */
struct putting {
    const struct vkey *log;
    struct note *cut;       /* signatures of these keys are left out */
    struct buf text;        /* the note */
    unsigned int witnesses; /* cosignatures in it */
};

static int put_sigs(struct putting *p, const struct note *from) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < from->n_sigs; i++) {
        const struct note_sig *s = &from->sig[i];

        if (!is_of(s, p->log->name, p->log->id) && !has_sig(p->cut, s)) {
            r = buf_add(&p->text, s->line, s->line_len);
            p->witnesses++;
        }
    }
    return r;
}

/* The text and the log's own signature. */
static int put_head(struct putting *p, const struct note *n) {
    int r = buf_add(&p->text, n->text, n->text_len);

    r = r < 0 ? r : buf_addc(&p->text, '\n');
    for (size_t i = 0; r == 0 && i < n->n_sigs; i++) {
        if (is_of(&n->sig[i], p->log->name, p->log->id)) {
            r = buf_add(&p->text, n->sig[i].line, n->sig[i].line_len);
        }
    }
    return r;
}

static int put_end(const struct putting *p, struct buf *ret) {
    return p->witnesses ? lines_put_n(ret, "note", buf_str(&p->text), p->text.len) : 0;
}

/* A kept note of another size, without what a key said of the larger of the two. */
static int put_other(const struct kept_note *k, const struct vkey *log, struct note *added,
                     uint64_t size, struct note *scratch, struct buf *ret) {
    struct putting p = {.log = log, .text = BUF_INIT(LIM_NOTE)};
    int r = note_parse(k->text, strlen(k->text), scratch, NULL);

    p.cut = k->c.size < size ? added : NULL;
    r = r < 0 ? r : put_head(&p, scratch);
    r = r < 0 ? r : put_sigs(&p, scratch);
    r = r < 0 ? r : put_end(&p, ret);
    buf_done(&p.text);
    return r;
}

/* The note that the lines are over, with what is kept of the very same text. */
static int put_this(const struct witnessed *w, const struct note *head, struct note *added,
                    const struct vkey *log, struct note *scratch, struct buf *ret) {
    struct putting p = {.log = log, .text = BUF_INIT(LIM_NOTE)};
    int r = put_head(&p, head);

    for (size_t i = 0; r == 0 && i < w->n; i++) {
        r = note_parse(w->v[i].text, strlen(w->v[i].text), scratch, NULL);
        p.cut = added;
        if (r == 0 && scratch->text_len == head->text_len &&
            memcmp(scratch->text, head->text, head->text_len) == 0) {
            r = put_sigs(&p, scratch);
        }
    }
    p.cut = NULL;
    r = r < 0 ? r : put_sigs(&p, added);
    r = r < 0 ? r : put_end(&p, ret);
    buf_done(&p.text);
    return r;
}

static bool is_same(const struct kept_note *k, const struct note *head) {
    return strncmp(k->text, head->text, head->text_len) == 0 && k->text[head->text_len] == '\n';
}

/* Lines of keys of which something larger is kept say nothing new. */
static void drop_older(const struct witnessed *w, uint64_t size, struct note *added,
                       struct note *scratch) {
    for (size_t i = 0; i < w->n && w->v[i].c.size > size; i++) {
        size_t left = 0;

        if (note_parse(w->v[i].text, strlen(w->v[i].text), scratch, NULL) < 0) {
            continue;
        }
        for (size_t k = 0; k < added->n_sigs; k++) {
            if (!has_sig(scratch, &added->sig[k])) {
                added->sig[left++] = added->sig[k];
            }
        }
        added->n_sigs = left;
    }
}

int witnessed_add(const struct witnessed *w, const struct vkey *log, const char *note, size_t len,
                  const char *lines, struct buf *ret, struct err *e) {
    CLEANUP(freep) struct note *n = calloc(3, sizeof(*n)); /* the head, the lines, scratch */
    CLEANUP(buf_done) struct buf only = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    int r =
        n ? checkpoint_open(note, len, log, &n[0], &c, e) : err_set(e, -ENOMEM, "out of memory");

    if (r < 0) {
        return r;
    }
    if (buf_addf(&only, "x\n\n%s", lines) < 0 || !*lines ||
        note_parse(buf_str(&only), only.len, &n[1], NULL) < 0) {
        return err_set(e, -EBADMSG, "not signature lines");
    }
    drop_older(w, c.size, &n[1], &n[2]);
    r = buf_adds(ret, HEAD "\n");
    r = r < 0 ? r : put_this(w, &n[0], &n[1], log, &n[2], ret);
    for (size_t i = 0; r == 0 && i < w->n; i++) {
        r = is_same(&w->v[i], &n[0]) ? 0 : put_other(&w->v[i], log, &n[1], c.size, &n[2], ret);
    }
    return r < 0 ? err_set(e, r, WITNESSED_FILE ": too many cosignatures") : 0;
}
