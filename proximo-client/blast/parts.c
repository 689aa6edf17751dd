/* SPDX-License-Identifier: Apache-2.0 */
/* Hands each answer to the part of the picture that reads it, and keeps the answers that no struct
 * holds under their paths. A read that was refused or failed stays visible as such. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

/* Order is the order of the first reads: permissions come first, they say which lists are whole. */
static const struct pic_part *const parts[] = {
    &part_resources, &part_guest,    &part_storage, &part_lists, &part_access,  &part_target,
    &part_owned,     &part_firewall, &part_ha,      &part_node,  &part_network,
};

void part_fail(struct picture *p, struct part *part, const struct pic_answer *a,
               const char *privilege) {
    bool is_denied = a->result == -EACCES;

    part->state = is_denied ? PART_DENIED : PART_FAILED;
    part->why = picture_str(p, a->why && a->why->msg[0] ? a->why->msg : "could not be read");
    part->privilege = is_denied ? privilege : NULL;
}

void part_read(const struct picture *p, struct part *part) {
    *part = p->doubt ? (struct part){PART_PARTIAL, p->doubt, NULL}
                     : (struct part){.state = PART_READ, .why = ""};
}

void part_list(struct picture *p, struct part *part, const char *path, const char *privs,
               const char *privilege) {
    part_read(p, part);
    if (p->perms_part.state != PART_READ) {
        *part = (struct part){PART_PARTIAL, "what the token may see could not be read", privilege};
    } else if (!perms_cover(p->perms, path, privs, NULL)) {
        *part = (struct part){PART_PARTIAL, "the token may see only some of them", privilege};
    }
}

static bool is_asked(const struct picture *p, const struct pic_part *part) {
    return part->bits == 0 || (p->ask.what & part->bits);
}

void parts_start(struct picture *p) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (is_asked(p, parts[i]) && parts[i]->start) {
            parts[i]->start(p);
        }
    }
}

void parts_node(struct picture *p, const struct node *n) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (is_asked(p, parts[i]) && parts[i]->node) {
            parts[i]->node(p, n);
        }
    }
}

void parts_guest(struct picture *p, const struct guest *g) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (is_asked(p, parts[i]) && parts[i]->guest) {
            parts[i]->guest(p, g);
        }
    }
}

static void settle(struct picture *p) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (is_asked(p, parts[i]) && parts[i]->settle) {
            parts[i]->settle(p);
        }
    }
}

/* Cuts text, a copy of the path, at its slashes; what follows the eighth stays in the last piece.
 */
static void cut_path(char *text, struct pic_answer *a) {
    char *s = text;

    while (*s == '/' && a->n < ARRAY_LEN(a->v)) {
        *s++ = 0;
        a->v[a->n++] = s;
        s += strcspn(s, "/");
    }
}

static bool put_named(struct picture *p, const struct pic_answer *a) {
    int64_t i = -1;
    struct want *w;

    if (!js_get_int(p->by_path, a->path, &i)) {
        return false;
    }
    w = &p->want[i];
    if (a->result == 0) {
        part_read(p, &w->part);
        if (w->as.seen_on) {
            part_list(p, &w->part, w->as.seen_on, w->as.seen_with, w->as.privilege);
        }
        w->data = a->data;
    } else if (a->why && ((w->as.optional && a->why->http_status == w->as.optional) ||
                          (w->as.absent && strstr(a->why->msg, w->as.absent)))) {
        part_read(p, &w->part); /* read, and there is none */
    } else {
        part_fail(p, &w->part, a, w->as.privilege);
    }
    return true;
}

void picture_put(struct picture *p, const char *path, js *data, int result, const struct err *why) {
    struct pic_answer a = {.path = path, .data = data, .result = result, .why = why};
    char text[512];
    bool is_put;

    if (data) {
        js_push(p->keep, js_ref(data));
    }
    p->doubt = result == 0 && why && why->msg[0] ? picture_str(p, why->msg) : NULL;
    (void)snprintf(text, sizeof(text), "%s", path);
    cut_path(text, &a);
    is_put = put_named(p, &a);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        /* a part may follow up on a named answer (pools lead to their members) */
        is_put = (parts[i]->put && parts[i]->put(p, &a)) || is_put;
    }
    if (is_put && (a.n == 0 || strcmp(a.v[0], "nodes") != 0)) {
        settle(p);
    }
}
