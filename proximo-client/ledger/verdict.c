/* SPDX-License-Identifier: Apache-2.0 */
/* Counting witnesses: each by the largest checkpoint that it cosigned. */
#include "proximo-client/ledger/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/ledger/audit.h"

struct verdict {
    js *report;
    const struct verify_keys *keys;
    const struct good_head *head;
    size_t n_heads;
    struct note *note; /* of each head, parsed */
    js *ages;
    uint64_t *size; /* what each witness that signed anything has seen; the largest first */
    size_t n, signers;
};

struct best {
    uint64_t size, time;
    bool wrong;
};

static void ask_key(const struct verdict *v, const struct vkey *key, struct best *b) {
    for (size_t i = 0; i < v->n_heads; i++) {
        uint64_t time = 0;
        int r = note_check(&v->note[i], key, &time);

        b->wrong = b->wrong || r == -EBADMSG;
        if (r == 0 &&
            (v->head[i].size > b->size || (v->head[i].size == b->size && time > b->time))) {
            b->size = v->head[i].size;
            b->time = time;
        }
    }
}

static void count(struct verdict *v, const char *name, const struct best *b, int64_t now) {
    js *o;

    v->n++;
    if (b->wrong) {
        defect(v->report, NO_ENTRY, "bad_cosignature", "a cosignature of %s is wrong", name);
    }
    if (!b->size) {
        return;
    }
    v->size[v->signers++] = b->size;
    o = js_object();
    js_add(o, "name", js_str(name));
    js_add(o, "size", js_int((int64_t)b->size));
    js_add(o, "time", js_int((int64_t)b->time));
    js_add(o, "age", js_int(now - (int64_t)b->time));
    js_push(v->ages, o);
}

/* A node is one witness, however many keys it has had. */
static bool is_first_of_trusted(const struct verify_keys *k, size_t i) {
    if (!k->node[i].trusted || !k->node[i].witness.name[0]) {
        return false;
    }
    for (size_t j = 0; j < i; j++) {
        if (k->node[j].trusted && k->node[j].witness.name[0] &&
            strcmp(k->node[j].name, k->node[i].name) == 0) {
            return false;
        }
    }
    return true;
}

static void ask_node(struct verdict *v, size_t i, int64_t now) {
    struct best b = {0};

    for (size_t j = 0; j < v->keys->n_nodes; j++) {
        const struct verify_node *n = &v->keys->node[j];

        if (n->witness.name[0] && strcmp(n->name, v->keys->node[i].name) == 0) {
            ask_key(v, &n->witness, &b);
        }
    }
    count(v, v->keys->node[i].name, &b, now);
}

static int larger_first(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

static void conclude(struct verdict *v, uint64_t entries) {
    size_t need = v->n / 2 + 1;
    bool is_quorum = v->n && v->signers >= need;
    uint64_t upto = is_quorum ? v->size[need - 1] : v->signers ? v->size[0] : 0;
    char words[64], since[96] = "";
    size_t k = 0;
    js *o = js_object();

    while (k < v->signers && v->size[k] >= upto) {
        k++;
    }
    if (v->n >= 2 && is_quorum) {
        (void)snprintf(words, sizeof(words), "proved");
    } else if (v->n == 1 && k == 1) {
        (void)snprintf(words, sizeof(words), "witnessed (single)");
    } else {
        (void)snprintf(words, sizeof(words), "witnessed %zu/%zu", k, v->n);
    }
    if (k && upto < entries) {
        (void)snprintf(since, sizeof(since), " up to size %llu, %llu entries since are not",
                       (unsigned long long)upto, (unsigned long long)(entries - upto));
    }
    js_addf(o, "verdict", "%s%s", words, since);
    js_add(o, "k", js_int((int64_t)k));
    js_add(o, "n", js_int((int64_t)v->n));
    js_add(o, "quorum", js_int(v->n ? (int64_t)need : 0));
    js_add(o, "size", js_int((int64_t)upto));
    js_add(o, "since", js_int((int64_t)(entries - (upto < entries ? upto : entries))));
    js_add(o, "ages", js_ref(v->ages));
    js_add(v->report, "witness", o);
}

void verdict_add(js *report, const struct verify_keys *keys, const struct good_head *head,
                 size_t n_heads, uint64_t entries, int64_t now) {
    CLEANUP(freep) struct note *note = calloc(n_heads + 1, sizeof(*note));
    CLEANUP(freep) uint64_t *size = calloc(keys->n_nodes + keys->n_witness + 1, sizeof(*size));
    CLEANUP(js_freep) js *ages = js_array();
    struct verdict v = {.report = report,
                        .keys = keys,
                        .head = head,
                        .n_heads = n_heads,
                        .note = note,
                        .ages = ages,
                        .size = size};

    if (!note || !size) {
        abort();
    }
    for (size_t i = 0; i < n_heads; i++) {
        (void)note_parse(head[i].note, head[i].len, &note[i], NULL); /* it was parsed before */
    }
    for (size_t i = 0; i < keys->n_nodes; i++) {
        if (is_first_of_trusted(keys, i)) {
            ask_node(&v, i, now);
        }
    }
    for (size_t i = 0; i < keys->n_witness; i++) {
        struct best b = {0};

        ask_key(&v, &keys->witness[i], &b);
        count(&v, keys->witness[i].name, &b, now);
    }
    qsort(size, v.signers, sizeof(*size), larger_first);
    conclude(&v, entries);
}
