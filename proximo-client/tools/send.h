/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/send.h - changes that are data. A row with a `struct send` has no plan
 * function: its method, path and fields become the request, the object it works on is observed
 * before, and the way back comes from the object as it was. docs/adding-a-row.md shows how to write
 * one. Not seen outside tools/ and undo/. */
#pragma once
#include "proximo-client/tools/plans.h"

/* What a family of rows works on: a pool, a user, a firewall rule. */
struct thing {
    const char *kind; /* "pool": the target's kind, and the word in sentences */
    const char *id;   /* the fields that name one, outermost first: "realm", "node iface" */
    /* GET template of one. NULL: it is looked up in `list`. */
    const char *read;
    const char *query; /* fields that go into the query of `read`, or of `list` without one */
    const char *list;  /* GET template of the collection; NULL: whether there is one is not asked */
    const char *match; /* members that name an item of `list`: "poolid" or "member=field …" */
    /* Reducers of the two reads (pipeline/draft.h); NULL: "whole". */
    const char *reduce, *list_reduce;
    bool beside;      /* the digest stands beside the answer of `read`, not in it */
    const char *drop; /* members of the object that are no settings: "members tokens" */
    /* The object as its settings, when that takes more than dropping members. New value. */
    js *(*shape)(const js *answer, const js *args);
    const char *made_by, *deleted_by; /* rows; NULL: there is none */
    /* Where one is made under another name ("10.0.0.0/24") than it is addressed by afterwards
     * ("z1-10.0.0.0-24"): turns the members of `names` into those of the address, and back. What
     * is so already stays. listed: d or s. */
    int (*listed)(struct draft *d, struct session *s, js *names, struct err *e);
    void (*made)(js *names);
    /* Addressed by position (the last field of `id`): a new one lands at 0, and one that is made
     * again is moved back to where it was. */
    bool ordered;
};

enum send_does {
    SEND_CREATE, /* way back: the row `deleted_by` */
    SEND_UPDATE, /* way back: prior values, keys that were not there are deleted */
    SEND_DELETE, /* way back: the row `made_by`, with the whole object */
    SEND_ACTION, /* way back: the row `inverse`, or the row's undo_none */
};

/* What an analyser is told. */
struct assess {
    const struct row *row;
    const js *args;
    const js *before;          /* the object's settings, NULL when there is none yet */
    const js *after;           /* as they will be, NULL when it will be gone */
    const char *method, *path; /* the request as it will be sent */
    const js *form;
    bool plans;                    /* a row is planned, not an undo */
    const struct guest_ref *guest; /* NULL when the row is not about one */
    /* What is sent, in order: [{method, path, form}]. Of an undo several requests may be needed,
     * and args then only name the object. */
    const js *sent;
};
/* Reads the picture it needs (assess.h's assess_look) and hands it to an analyser of blast/. */
typedef int assess_fn(struct draft *d, const struct assess *a, struct err *e);

struct send {
    enum send_does does;
    const struct thing *on; /* NULL for actions that are about no object of their own */
    const char *method;
    const char *path;  /* template; {names} are fields; {node} and {kind} of a guest are resolved */
    const char *fixed; /* parameters that are always sent: "restore=1 force=0" */
    const char *say;   /* the change in one sentence, with {field}s */
    /* SEND_UPDATE: the object is written anew, what is not given is gone. */
    bool replaces;
    /* SEND_UPDATE: what the API does besides to an object over which `form` was merged. */
    void (*settle)(js *object, const js *form);
    bool digest; /* the API takes the digest of what was observed */
    /* Observed besides: "TEMPLATE reducer|TEMPLATE reducer". */
    const char *reads;
    bool guest;          /* it is about the guest `vmid`, although the path does not say so */
    const char *kind;    /* the row is for "lxc" or "qemu" alone */
    const char *inverse; /* SEND_ACTION: the row that takes it back with the same arguments */
    /* SEND_ACTION that the same row takes back with other arguments, SEND_DELETE of more than its
     * object, and rows that make what is looked at before it is taken away (made_back.h): adds the
     * undo's requests, says the undo (draft_undo), and may refuse what changes nothing. */
    int (*back)(struct draft *d, const struct assess *a, struct err *e);
    enum risk floor; /* risk is never below this, because … */
    const char *floor_why;
    const char *operator_why; /* not NULL: an operator must approve, because … */
    bool timed; /* … unless `more` finds a node that reverts it by itself; of an undo always */
    /* Exactly one: the analyser; or why nothing but the object named is concerned. Neither: none
     * yet, and every plan is incomplete and says so. */
    assess_fn *assess;
    const char *alone;
    const char *limits; /* what the way back does not bring back */
    /* Anything that is not data: adds to the draft after the rest. */
    int (*more)(struct draft *d, const struct assess *a, struct err *e);
};

/* --- send_plan.c --- */
int send_plan(const struct row *r, struct draft *d, const js *args, struct err *e);
/* The analyser's verdict, the floor of risk and who must approve. */
int send_verdict(struct draft *d, const struct assess *a, struct err *e);
/* Puts every undo request of a recorded plan into the execute phase. */
void send_undo_copy(struct draft *d, const js *plan);
/* --- send_check.c --- */
int send_check(const struct row *r, struct session *s, const js *args, bool *ret_ok,
               char **ret_text, struct err *e);

/* --- send_object.c: what a row works on, as it is --- */
struct sending {
    struct draft *d; /* NULL in a post-check */
    struct session *s;
    const struct row *row;
    js *args;               /* the caller's, and node and kind of a guest; owned */
    struct guest_ref guest; /* vmid 0: none */
    struct buf read;        /* the path that is observed; "" = none */
    js *now;                /* the object's settings, NULL = not there; owned */
    char id[200];           /* "web", "pve1 vmbr0" */
};
void sending_done(struct sending *c);
/* Names resolved and checked: guest, node. d or s. */
int sending_open(struct sending *c, const struct row *r, struct draft *d, struct session *s,
                 const js *args, struct err *e);
/* Whether the row is about a guest whose node and kind are resolved. */
bool sending_is_guest(const struct row *r);
/* Reads the object (a precondition when there is a draft). Not there: 0 and now == NULL. */
int sending_look(struct sending *c, struct err *e);
/* "a=b c=d" and "a b c" lists: the next word, its value ("" without one). false at the end. */
bool next_word(const char **list, char *ret_word, size_t word_size, char *ret_value,
               size_t value_size);
bool next_key(const char **list, char *ret, size_t size); /* of "a,b,c" */
bool template_has(const char *template, const char *name);
/* Of args what names the object (and the guest's node and kind), for its other rows. New value. A
 * new ordered one is at position 0. */
js *sending_names(const struct thing *t, const js *args, bool fresh);
/* A template with the values of `args`, as text for people. */
void say(const char *template, const js *args, struct buf *ret);
/* Whether an error of the API says that there is no such object. */
bool says_absent(const struct err *e);

/* --- send_form.c: forms --- */
const char *field_param(const struct field *f);
const struct field *row_field_of(const struct row *r, const char *param);
/* What the row sends for args. secrets: through the draft, or (d NULL) left out. */
int send_form(const struct row *r, struct draft *d, const js *args, const char *kind, js **ret,
              struct err *e);
/* Adds what an update must repeat: the fields that are `kept` and not in the form. */
void send_keep(const struct row *r, const js *now, js *form);
/* The settings after r's `form` was sent over `now` (NULL: nothing was there). New value. */
js *send_after(const struct row *r, const js *now, const js *form);
/* The members of `now` that r's `form` takes away without naming them in `delete`. New object. */
js *send_dropped(const struct row *r, const js *now, const js *form);
/* The form that puts `now` back over what `form` does to it; NULL when there is nothing to put
 * back. What it cannot bring back is added to limits as sentences. */
js *send_prior(const struct row *r, const js *now, const js *form, struct buf *limits);
/* The form with which `maker` makes the object again. */
js *send_again(const struct row *maker, const struct thing *t, const js *args, const js *object,
               struct buf *limits);
/* A list as the one text with commas that PVE takes. */
js *send_joined(const js *list);
/* value_same, and an array is its items as one text. */
bool send_same(const js *now, const js *want);
bool send_is_control(const char *key); /* delete, digest */
/* The keys that a form deletes, "a,b": borrowed from it, or (an array) in store. */
const char *send_deletes(const js *form, struct buf *store);
void add_limit(struct buf *limits, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts a request of `r` into the draft; form consumed (NULL: none). */
int send_request(struct draft *d, enum phase phase, const struct row *r, const js *args, js *form,
                 struct err *e);
/* The requests that make a deleted object again, or that delete a new one. */
int send_make(struct draft *d, enum phase phase, const struct thing *t, const js *args,
              const js *object, struct buf *limits, struct err *e);
int send_unmake(struct draft *d, enum phase phase, const struct thing *t, const js *args,
                bool fresh, struct err *e);
/* "not as asked" keys of a form against an object, as words; nothing when all hold. */
void send_differences(const js *now, const js *form, const struct row *r, struct buf *ret);
