/* SPDX-License-Identifier: Apache-2.0 */
/* common/argv_rule.h - `run` of a rule: words of literals and slots, matched against an argument
 * vector. Slots: {int a-b} {name} {unit} {path /below} {one-of a|b}, at most one a word; a literal
 * with blanks or braces is quoted. Every argument must match and none may be left over. A slot
 * never takes the empty text, a leading '-', control bytes or more than 255 bytes: what it lets
 * through cannot become an option. {path} is text only: who is root where the path is can make any
 * of it a link. Knows neither policies nor requests. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;

/* Before any of the others: -EBADMSG with the line, unless every word can be read and the first is
 * an absolute path without a slot. */
int argv_rule_check(const char *run, size_t line, struct err *e);
/* `run` has been checked. */
bool argv_rule_matches(const char *run, const char *const *arg, size_t n_args);
void argv_rule_program(const char *run, char *ret, size_t size); /* its first word */

/* One word alone: whether it can be read, and whether it takes the text. */
bool argv_word_check(const char *pattern);
bool argv_word_matches(const char *pattern, const char *s);

/* Whether the n bytes at `word` are one of the words of a list that `sep` separates. */
bool word_in(const char *list, char sep, const char *word, size_t n);
