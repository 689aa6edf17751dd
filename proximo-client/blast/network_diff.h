/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/network_diff.h - inside of net_running(): lines of the staged difference,
 * whose each of them is, and taking them back. */
#pragma once
#include "proximo-client/blast/network.h"

/* A line, and whose it is in the file as it runs and in the staged one: a line that both have may
 * belong to another interface in each, when the difference is cut where two are alike. */
struct line {
    char sign; /* ' ', '-', '+' */
    char text[400];
    const char *was, *now; /* interfaces; "" = nobody's, or not known. Borrowed */
    bool six_was, six_now;
};

/* What is taken back so far. */
struct taking {
    const js *staged;
    js *running; /* {name: settings} */
    js *heads;   /* {name: {"-": n, "+": n}}: how many of its head lines went and came */
    js *names;   /* keeps the names */
    js *tails;   /* [{was, now, key, value}]: settings past the ends of hunks that moved */
    js *doubts;
};

/* An item of a list of families as text; "" when it is none. Borrowed. */
static inline const char *family_text(const js *families, size_t i) {
    js *v = js_at(families, i);

    return js_is_str(v) ? json_object_get_string(v) : "";
}

/* network_line.c: what one line says. split: the first word into key, the rest. */
void netline_split(const char *text, char *key, size_t size, const char **ret_value);
/* Nothing that counts stands there. */
bool netline_is_remark(const char *text);
/* A setting in the API's shape. */
void netline_setting(const char *text, bool six, char *key, size_t size, char *value,
                     size_t value_size);
/* "iface NAME inet static": where the lines of an interface begin. */
bool netline_is_head(const char *text, char *name, size_t size, char *family, size_t family_size,
                     char *method, size_t method_size);
bool netline_is_other_head(const char *text); /* auto, source … */
bool netline_ends_before(const char *text);   /* either of the two */

/* network_take.c. First what came is taken away, then (back) what went is put back: a line that
 * only moved stays. Of each line it must be known whose it is. */
void net_take_lines(struct taking *t, const struct line *l, size_t n, bool back);
void net_take_tails(struct taking *t, bool back);
/* The interfaces that run, as the API would list them. New reference. */
js *net_taken(const struct taking *t);
