/* SPDX-License-Identifier: Apache-2.0 */
/* Value forms of the line grammar. One parser each, so that the entry, the approval and the receipt
 * cannot disagree about what a node and a hash look like. */
#include "common/form.h"

#include <errno.h>
#include <string.h>

#include "common/digest.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/lines.h"

int form_time(const char *s, int64_t *ret) {
    uint64_t v;

    if (ident_u64(s, &v) < 0 || v > INT64_MAX) {
        return -EINVAL;
    }
    *ret = (int64_t)v;
    return 0;
}

int form_time_or_dash(const char *s, int64_t *ret) {
    if (strcmp(s, "-") == 0) {
        *ret = -1;
        return 0;
    }
    return form_time(s, ret);
}

bool form_is_code(const char *s) {
    return ident_is_tool(s) && strlen(s) <= 31;
}

int form_word(const char *s, char *word, size_t size, const char **rest) {
    const char *blank = strchr(s, ' ');

    if (!blank || blank == s || (size_t)(blank - s) >= size || !blank[1]) {
        return -EINVAL;
    }
    memcpy(word, s, (size_t)(blank - s));
    word[blank - s] = '\0';
    *rest = blank + 1;
    return 0;
}

int form_node_hash(const char *s, char node[static FORM_NODE_MAX + 1], struct hash *h) {
    char word[FORM_NODE_MAX + 1];
    const char *rest = NULL;

    if (form_word(s, word, sizeof(word), &rest) < 0 || !ident_is_node(word) ||
        hash_parse(rest, h) < 0) {
        return -EINVAL;
    }
    memcpy(node, word, sizeof(word));
    return 0;
}

int form_ordinal(const char *s, uint64_t *ret, const char **rest) {
    char word[21];

    return form_word(s, word, sizeof(word), rest) < 0 ? -EINVAL : ident_u64(word, ret);
}

int form_no_nul(const struct lines *l, const struct line_key *keys, struct err *e) {
    for (size_t i = 0; i < l->n; i++) {
        if (strlen(l->v[i].value) != l->v[i].len) {
            return err_set(e, -EBADMSG, "%s holds a NUL byte", keys[l->v[i].key].name);
        }
    }
    return 0;
}
