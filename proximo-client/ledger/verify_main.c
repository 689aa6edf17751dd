/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-verify: checks a copy of a ledger on any machine, without network and without keys that
 * could sign. What it cannot know (is this the only history?) it says by the witnesses' verdict. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/verify.h"

enum { EXIT_SOUND = 0, EXIT_UNREADABLE = 1, EXIT_USAGE = 2, EXIT_DEFECT = 7 };

struct args {
    const char *dir;
    bool json;
    struct verify_keys keys;
    struct verify_node node[LIM_NODES];
    struct vkey witness[LIM_NODES];
    char *head[LIM_NODES];
};

static const char usage[] =
    "Usage: proximo-verify [OPTIONS] DIR\n"
    "Checks a ledger directory, a copy or an export of one: entries, tree, signatures, receipts.\n"
    "\n"
    "  --log VKEY                     the log's verifier key (default: the directory's own)\n"
    "  --node NAME:WITNESS:RECEIPT    a trusted node and its two verifier keys (may repeat;\n"
    "                                 WITNESS may be empty: an older receipt key of that node)\n"
    "  --witness VKEY                 an external witness (may repeat)\n"
    "  --head FILE                    a signed checkpoint from elsewhere, e.g. fetched from a\n"
    "                                 node, that this ledger must contain (may repeat)\n"
    "  --json                         the report as JSON\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 sound, 7 a defect was found, 1 not readable, 2 usage.\n";

static int bad(const char *option, const char *why) {
    (void)fprintf(stderr, "proximo-verify: %s: %s\n", option, why);
    return -EINVAL;
}

static int parse_key(const char *option, const char *text, uint8_t type, struct vkey *ret) {
    struct err e;

    if (vkey_parse(text, ret, &e) < 0) {
        return bad(option, e.msg);
    }
    return ret->type == type ? 0 : bad(option, "a key of another kind");
}

static int parse_node(struct args *a, const char *text) {
    CLEANUP(freep) char *copy = strdup(text);
    char *first = copy ? strchr(copy, ':') : NULL;
    char *second = first ? strchr(first + 1, ':') : NULL;
    struct verify_node *n = &a->node[a->keys.n_nodes];

    if (!second || a->keys.n_nodes == LIM_NODES) {
        return bad("--node", "expected NAME:WITNESS:RECEIPT, at most 32 times");
    }
    *first = '\0';
    *second = '\0';
    if (!ident_is_node(copy) || strlen(copy) >= sizeof(n->name)) {
        return bad("--node", "not a node's name");
    }
    memcpy(n->name, copy, strlen(copy) + 1);
    n->trusted = true;
    if ((first[1] && parse_key("--node", first + 1, NOTE_COSIGN, &n->witness) < 0) ||
        (second[1] && parse_key("--node", second + 1, NOTE_ED25519, &n->receipt) < 0)) {
        return -EINVAL;
    }
    a->keys.n_nodes++;
    return 0;
}

static int parse_head(struct args *a, const char *path) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    struct err e;

    if (a->keys.n_heads == LIM_NODES) {
        return bad("--head", "more than 32");
    }
    if (file_read(AT_FDCWD, path, &b, &e) < 0) {
        return bad("--head", e.msg);
    }
    a->head[a->keys.n_heads] = buf_take(&b);
    if (!a->head[a->keys.n_heads]) {
        return bad("--head", "out of memory");
    }
    a->keys.n_heads++;
    return 0;
}

static int parse_witness(struct args *a, const char *text) {
    if (a->keys.n_witness == LIM_NODES) {
        return bad("--witness", "more than 32");
    }
    return parse_key("--witness", text, NOTE_COSIGN, &a->witness[a->keys.n_witness++]);
}

/* 1: help or version was printed. */
static int parse_args(int argc, char **argv, struct args *a) {
    static const struct option options[] = {
        {"log", required_argument, NULL, 'l'},     {"node", required_argument, NULL, 'n'},
        {"witness", required_argument, NULL, 'w'}, {"head", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0},
    };
    int r = 0;
    int o;

    while (r == 0 && (o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'l') {
            r = parse_key("--log", optarg, NOTE_ED25519, &a->keys.log);
        } else if (o == 'n') {
            r = parse_node(a, optarg);
        } else if (o == 'w') {
            r = parse_witness(a, optarg);
        } else if (o == 'c') {
            r = parse_head(a, optarg);
        } else if (o == 'j') {
            a->json = true;
        } else if (o == 'h' || o == 'v') {
            (void)fputs(o == 'h' ? usage : "proximo-verify " PACKAGE_VERSION "\n", stdout);
            return 1;
        } else {
            return -EINVAL; /* getopt_long has said it */
        }
    }
    if (r == 0 && optind + 1 != argc) {
        r = bad("DIR", "exactly one directory is needed (see --help)");
    }
    a->dir = r == 0 ? argv[optind] : NULL;
    return r;
}

static long long count(const js *report, const char *key) {
    return (long long)js_int_or(report, key, 0);
}

static void print_list(const js *report, const char *key, const char *text) {
    const js *list = js_get(report, key);

    for (size_t i = 0; i < js_len(list); i++) {
        (void)printf("%-12s%s\n", text, json_object_get_string(js_at(list, i)));
    }
}

static void print_defects(const js *report) {
    const js *list = js_get(report, "defects");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *d = js_at(list, i);
        int64_t entry;

        if (js_get_int(d, "entry", &entry)) {
            (void)printf("DEFECT      entry %lld: %s: %s\n", (long long)entry,
                         js_str_or(d, "code", "?"), js_str_or(d, "reason", "?"));
        } else {
            (void)printf("DEFECT      %s: %s\n", js_str_or(d, "code", "?"),
                         js_str_or(d, "reason", "?"));
        }
    }
}

static void print_text(const js *report) {
    const js *w = js_get(report, "witness");
    const js *restarted = js_get(report, "restarted");

    (void)printf("log         %s%s\n", js_str_or(report, "origin", "?"),
                 js_bool_or(report, "key_given", false) ? "" : " (key taken from the directory)");
    (void)printf("entries     %lld, %lld under the checkpoint%s\n", count(report, "entries"),
                 count(report, "covered"),
                 strcmp(js_str_or(report, "tail", ""), "torn") == 0 ? ", a torn tail after it"
                                                                    : "");
    (void)printf("root        %s\n", js_str_or(report, "root", "?"));
    (void)printf("policy      %s since entry %lld (%lld recorded)\n",
                 js_str_or(js_get(report, "policy"), "digest", "?"),
                 count(js_get(report, "policy"), "entry"),
                 count(js_get(report, "policy"), "recorded"));
    (void)printf(
        "operations  %lld intents, %lld outcomes, %lld receipts (%lld not checked: no key)\n",
        count(report, "intents"), count(report, "outcomes"), count(report, "receipts"),
        count(report, "receipts_unchecked"));
    (void)printf("witnesses   %s\n", js_str_or(w, "verdict", "?"));
    if (count(w, "n") == 1 && count(w, "k") == 1) { /* it signed: else it shows nothing */
        (void)printf(
            "            one witness shows that history was not rewritten since it signed;\n"
            "            it cannot show that no other history was shown elsewhere\n");
    }
    for (size_t i = 0; i < js_len(js_get(w, "ages")); i++) {
        const js *age = js_at(js_get(w, "ages"), i);

        (void)printf("            %s: size %lld, %lld s ago\n", js_str_or(age, "name", "?"),
                     count(age, "size"), count(age, "age"));
    }
    for (size_t i = 0; i < js_len(restarted); i++) {
        const js *confirmed = js_get(js_at(restarted, i), "confirmed");

        (void)printf("restarted   history of %s ends at %lld; restarted by root on ",
                     js_str_or(js_at(restarted, i), "origin", "?"),
                     count(js_at(restarted, i), "size"));
        for (size_t k = 0; k < js_len(confirmed); k++) {
            (void)printf("%s%s", k ? ", " : "", json_object_get_string(js_at(confirmed, k)));
        }
        (void)printf("%s\n", js_len(confirmed) ? "" : "no node (none given has cosigned this log)");
    }
    print_list(report, "unresolved", "unresolved");
    print_list(report, "unreceipted", "unreceipted");
    print_list(report, "closed", "closed by an operator's word: ");
    print_defects(report);
    (void)printf("%s\n", js_bool_or(report, "ok", false) ? "sound" : "DEFECTIVE");
}

static int run(const struct args *a) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(js_freep) js *report = NULL;
    struct err e = {0};
    bool ok;

    if (verify_dir(a->dir, &a->keys, clock_unix(), &report, &e) < 0) {
        (void)fprintf(stderr, "proximo-verify: %s\n", e.msg);
        return EXIT_UNREADABLE;
    }
    ok = js_bool_or(report, "ok", false);
    if (a->json) {
        (void)js_print(report, &b);
        (void)printf("%s\n", buf_str(&b));
    } else {
        print_text(report);
    }
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "proximo-verify: write: %s\n", strerror(errno));
        return EXIT_UNREADABLE;
    }
    return ok ? EXIT_SOUND : EXIT_DEFECT;
}

int main(int argc, char **argv) {
    static struct args a;
    int r;

    a.keys.node = a.node;
    a.keys.witness = a.witness;
    a.keys.head = (const char *const *)a.head;
    r = parse_args(argc, argv, &a);
    r = r < 0 ? EXIT_USAGE : r == 1 ? EXIT_SOUND : run(&a);
    for (size_t i = 0; i < a.keys.n_heads; i++) {
        free(a.head[i]);
    }
    return r;
}
