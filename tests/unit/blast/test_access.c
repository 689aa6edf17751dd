/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the access plane, each on a cluster in which only one thing matters; and the
 * privileges computed from a real cluster's user.cfg against what its API answered for every user
 * and token. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pve/pvetree.h"
#include "tests/unit/blast/world.h"

#define SEES                                                                                       \
    "\"/access/permissions\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1,\"Pool.Audit\":1,"             \
    "\"Datastore.Audit\":1,\"User.Modify\":1}}"
#define ROLES                                                                                      \
    "\"/access/roles\":[{\"roleid\":\"NoAccess\",\"privs\":\"\"},"                                 \
    "{\"roleid\":\"Administrator\",\"privs\":\"Permissions.Modify,VM.Audit,VM.PowerMgmt\"},"       \
    "{\"roleid\":\"See\",\"privs\":\"VM.Audit\"},{\"roleid\":\"Run\",\"privs\":\"VM.PowerMgmt\"}]"
#define REALMS  "\"/access/domains\":[{\"realm\":\"pam\"},{\"realm\":\"pve\"}]"
#define ROOT    "{\"userid\":\"root@pam\",\"enable\":1}"
#define USER(u) "{\"userid\":\"" u "\",\"enable\":1,\"expire\":0}"
#define WITH_TOKEN(u, privsep)                                                                     \
    "{\"userid\":\"" u "\",\"enable\":1,\"tokens\":[{\"tokenid\":\"t\",\"privsep\":" privsep "}]}"
#define ENTRY(path, type, who, role, below)                                                        \
    "{\"path\":\"" path "\",\"type\":\"" type "\",\"ugid\":\"" who "\",\"roleid\":\"" role         \
    "\",\"propagate\":" below "}"
#define WORLD(users, groups, acl, more)                                                            \
    "{" SEES "," ROLES "," REALMS ",\"/access/users?full=1\":[" ROOT users                         \
    "],\"/access/groups\":[" groups "],\"/access/acl\":[" acl "]" more "}"
#define GROUP(g, users) "{\"groupid\":\"" g "\",\"users\":\"" users "\"}"
#define POOL(id, members)                                                                          \
    ",\"/pools\":[{\"poolid\":\"" id "\"}],\"/pools?poolid=" id "\":[{\"poolid\":\"" id            \
    "\",\"members\":[" members "]}]"

static const struct access_case {
    const char *name, *world, *method, *path, *form, *affects, *says;
    int risk;
} cases[] = {
    {"who gains", WORLD("," USER("a@pve"), "", "", ""), "PUT", "/access/acl",
     "{\"path\":\"/vms/100\",\"users\":\"a@pve\",\"roles\":\"See\"}",
     "user/a@pve gains-access 2 /vms/100\n", "gains VM.Audit on /vms/100", 2},
    {"who loses",
     WORLD(
         "," USER("a@pve"), "",
         ENTRY("/vms", "user", "a@pve", "See", "1") "," ENTRY("/vms", "user", "a@pve", "Run", "1"),
         ""),
     "PUT", "/access/acl", "{\"path\":\"/vms\",\"users\":\"a@pve\",\"roles\":\"Run\",\"delete\":1}",
     "user/a@pve loses-access 2 /vms\n", "loses VM.PowerMgmt on /vms", 2},
    {"who is locked out",
     WORLD("," USER("a@pve"), "", ENTRY("/vms", "user", "a@pve", "See", "1"), ""), "PUT",
     "/access/users/a%40pve", "{\"enable\":0}", "user/a@pve lockout 3 /vms\n",
     "can do nothing any more", 3},
    /* an entry that gives something takes away what came from above */
    {"nearest path wins", WORLD("," USER("a@pve"), "", ENTRY("/", "user", "a@pve", "See", "1"), ""),
     "PUT", "/access/acl", "{\"path\":\"/vms/100\",\"users\":\"a@pve\",\"roles\":\"Run\"}",
     "user/a@pve loses-access 2 /vms/100\nuser/a@pve gains-access 2 /vms/100\n", NULL, 2},
    {"user before group",
     WORLD("," USER("a@pve"), GROUP("g", "a@pve"), ENTRY("/vms", "group", "g", "See", "1"), ""),
     "PUT", "/access/acl", "{\"path\":\"/vms\",\"users\":\"a@pve\",\"roles\":\"Run\"}",
     "user/a@pve loses-access 2 /vms\nuser/a@pve gains-access 2 /vms\n", NULL, 2},
    {"NoAccess",
     WORLD("," USER("a@pve"), GROUP("g", "a@pve"), ENTRY("/", "group", "g", "See", "1"), ""), "PUT",
     "/access/acl", "{\"path\":\"/vms/100\",\"groups\":\"g\",\"roles\":\"NoAccess\"}",
     "user/a@pve loses-access 2 /vms/100\n", "loses VM.Audit on /vms/100", 2},
    {"what no longer propagates",
     WORLD("," USER("a@pve"), "", ENTRY("/vms", "user", "a@pve", "See", "1"), ""), "PUT",
     "/access/acl", "{\"path\":\"/vms\",\"users\":\"a@pve\",\"roles\":\"See\",\"propagate\":0}",
     "user/a@pve loses-access 2 /vms/*\n", "on what is below /vms", 2},
    {"out of a pool",
     WORLD("," USER("a@pve"), "", ENTRY("/pool/p", "user", "a@pve", "See", "1"),
           POOL("p", "{\"vmid\":100},{\"storage\":\"st\"}")),
     "PUT", "/pools", "{\"poolid\":\"p\",\"vms\":\"100\",\"delete\":1}",
     "user/a@pve loses-access 2 /vms/100\n", NULL, 2},
    {"into a nested pool",
     WORLD("," USER("a@pve"), "", ENTRY("/pool/p", "user", "a@pve", "See", "1"), POOL("p/q", "")),
     "PUT", "/pools", "{\"poolid\":\"p/q\",\"vms\":100}", "user/a@pve gains-access 2 /vms/100\n",
     NULL, 2},
    {"a role is emptied",
     WORLD("," USER("a@pve") "," USER("b@pve"), GROUP("g", "b@pve"),
           ENTRY("/", "user", "a@pve", "See", "1") "," ENTRY("/vms", "group", "g", "See", "1"), ""),
     "PUT", "/access/roles/See", "{\"privs\":\"\"}",
     "user/a@pve lockout 3 /\nuser/b@pve lockout 3 /vms\n", NULL, 3},
    /* its entries go with it, and what they covered shows again */
    {"a role is deleted",
     WORLD("," USER("a@pve"), "",
           ENTRY("/", "user", "a@pve", "Run", "1") "," ENTRY("/vms", "user", "a@pve", "See", "1"),
           ""),
     "DELETE", "/access/roles/See", "{}",
     "user/a@pve loses-access 2 /vms\nuser/a@pve gains-access 2 /vms\n", NULL, 2},
    {"a group is deleted",
     WORLD("," USER("a@pve"), GROUP("g", "a@pve"), ENTRY("/vms", "group", "g", "See", "1"), ""),
     "DELETE", "/access/groups/g", "{}", "user/a@pve lockout 3 /vms\n", NULL, 3},
    {"a user with a token is deleted",
     WORLD("," WITH_TOKEN("a@pve", "0"), "", ENTRY("/vms", "user", "a@pve", "See", "1"), ""),
     "DELETE", "/access/users/a@pve", "{}",
     "user/a@pve lockout 3 /vms\ntoken/a@pve!t lockout 3 /vms\n", NULL, 3},
    {"a token is separated",
     WORLD("," WITH_TOKEN("a@pve", "0"), "", ENTRY("/vms", "user", "a@pve", "See", "1"), ""), "PUT",
     "/access/users/a@pve/token/t", "{\"privsep\":1}", "token/a@pve!t lockout 3 /vms\n", NULL, 3},
    {"a token has what both have",
     WORLD("," WITH_TOKEN("a@pve", "1"), "",
           ENTRY("/vms", "user", "a@pve", "See", "1") "," ENTRY("/vms", "token", "a@pve!t",
                                                                "Administrator", "1"),
           ""),
     "PUT", "/access/acl", "{\"path\":\"/vms\",\"users\":\"a@pve\",\"roles\":\"Run\"}",
     "user/a@pve gains-access 2 /vms\ntoken/a@pve!t gains-access 2 /vms\n",
     "gains VM.PowerMgmt on /vms", 2},
    /* nobody logs in with a token: it outlives the realm */
    {"a realm is deleted",
     WORLD("," WITH_TOKEN("a@pve", "0"), "", ENTRY("/vms", "user", "a@pve", "See", "1"), ""),
     "DELETE", "/access/domains/pve", "{}", "user/a@pve lockout 3 /vms\n", NULL, 3},
    {"already expired", WORLD(",{\"userid\":\"a@pve\",\"enable\":1,\"expire\":5}", "", "", ""),
     "PUT", "/access/acl", "{\"path\":\"/\",\"users\":\"a@pve\",\"roles\":\"See\"}", "", NULL, 0},
    {"the last administrator",
     WORLD("," USER("a@pve"), "", ENTRY("/", "user", "a@pve", "Administrator", "1"), ""), "PUT",
     "/access/acl", "{\"path\":\"/\",\"users\":\"a@pve\",\"roles\":\"Administrator\",\"delete\":1}",
     "user/a@pve lockout 3 /\n", "the last administrator", 3},
    {"not the last administrator",
     WORLD("," USER("a@pve") "," USER("b@pve"), "",
           ENTRY("/", "user", "a@pve", "Administrator", "1") "," ENTRY("/", "user", "b@pve",
                                                                       "Administrator", "1"),
           ""),
     "PUT", "/access/users/a@pve", "{\"enable\":\"0\"}", "user/a@pve lockout 3 /\n", NULL, 3},
    {"nobody is left",
     "{" SEES "," ROLES "," REALMS
     ",\"/access/users?full=1\":[{\"userid\":\"root@pam\",\"enable\":0}," USER(
         "a@pve") "],\"/access/acl\":[" ENTRY("/", "user", "a@pve", "Administrator", "1") "]}",
     "DELETE", "/access/users/a@pve", "{}", "user/a@pve lockout 3 /\n", "nobody is left", 3},
    {"our own token",
     WORLD(
         "," WITH_TOKEN("own@pve", "0"), "",
         ENTRY("/", "user", "own@pve", "See", "1") "," ENTRY("/vms", "user", "own@pve", "Run", "1"),
         ""),
     "PUT", "/access/acl",
     "{\"path\":\"/vms\",\"users\":\"own@pve\",\"roles\":\"Run\",\"delete\":1}",
     "user/own@pve loses-access 2 /vms\nuser/own@pve gains-access 2 /vms\n"
     "token/own@pve!t loses-access 3 /vms\ntoken/own@pve!t gains-access 2 /vms\n",
     "which this client itself uses", 3},
    {"strong rights", WORLD("," USER("a@pve"), "", "", ""), "PUT", "/access/acl",
     "{\"path\":\"/\",\"users\":\"a@pve\",\"roles\":\"Administrator\"}",
     "user/a@pve gains-access 3 /\n", NULL, 3},
    {"a comment", WORLD("," USER("a@pve"), GROUP("g", "a@pve"), "", ""), "PUT", "/access/groups/g",
     "{\"comment\":\"x\"}", "", NULL, 0},
    /* never a verdict that sounds complete */
    {"a request of a new kind", WORLD("", "", "", ""), "POST", "/access/newthing", "{}", "",
     "unread what the request does to privileges", 3},
    {"the ACL is cut",
     "{\"/access/permissions\":{\"/vms\":{\"VM.Audit\":1}}," ROLES "," REALMS
     ",\"/access/users?full=1\":[" ROOT "]}",
     "PUT", "/access/acl", "{}", "", "unread access lists", 3},
    {"the ACL cannot be read", "{" SEES "," ROLES ",\"/access/acl\":{\"!\":403}}", "PUT",
     "/access/acl", "{}", "", "unread access lists | refused by the test | Sys.Audit on /access",
     3},
};

START_TEST(change) {
    const struct access_case *c = &cases[_i];
    const struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);
    CLEANUP(js_freep) js *form = NULL;

    ck_assert_int_eq(js_parse(c->form, strlen(c->form), &form, NULL), 0);
    ck_assert_int_eq(blast_access(p, c->method, c->path, form, "own@pve!t", 1000, record_reset()),
                     0);
    ck_assert_msg(strcmp(buf_str(&record_affects), c->affects) == 0, "%s:\n%s%s", c->name,
                  buf_str(&record_affects), buf_str(&record_rest));
    ck_assert_msg(c->says ? strstr(buf_str(&record_rest), c->says) != NULL
                          : !strstr(buf_str(&record_rest), "unread") &&
                                !strstr(buf_str(&record_rest), "administrator"),
                  "%s:\n%s", c->name, buf_str(&record_rest));
    ck_assert_msg(record_risk == c->risk, "%s: risk %d\n%s", c->name, record_risk,
                  buf_str(&record_rest));
}
END_TEST

/* ---- the real cluster ---- */

static js *calls_of_capture(const char *dir) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_PVE_ANSWER);
    char path[512];
    js *v = NULL;

    (void)snprintf(path, sizeof(path), "%s/pve-9.1-cluster/reads.json", dir);
    if (file_read(AT_FDCWD, path, &text, NULL) < 0) {
        return NULL;
    }
    ck_assert_int_eq(js_parse(buf_str(&text), text.len, &v, NULL), 0);
    return v;
}

/* Users, groups, ACL and pools from user.cfg; the roles, most of which no file holds, from the API.
 */
static js *world_of_files(const char *dir, const js *calls) {
    static const char *const lists[][2] = {{"users", "/access/users?full=1"},
                                           {"groups", "/access/groups"},
                                           {"acl", "/access/acl"},
                                           {"domains", "/access/domains"}};
    CLEANUP(pvetree_freep) struct pvetree *t = NULL;
    CLEANUP(js_freep) js *names = NULL;
    js *w = js_object(), *pools = js_array();
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/pve-9.1-cluster/tree", dir);
    ck_assert_int_eq(pvetree_read_dir(path, &t, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        js *v = NULL;

        ck_assert_int_eq(pvetree_answer(t, lists[i][1], &v, NULL), 0);
        js_add(w, lists[i][0], v);
    }
    ck_assert_int_eq(pvetree_answer(t, "/pools", &names, NULL), 0);
    for (size_t i = 0; i < js_len(names); i++) {
        CLEANUP(js_freep) js *one = NULL;

        (void)snprintf(path, sizeof(path), "/pools?poolid=%s",
                       js_str_or(js_at(names, i), "poolid", ""));
        ck_assert_int_eq(pvetree_answer(t, path, &one, NULL), 0);
        js_push(pools, js_ref(js_at(one, 0)));
    }
    js_add(w, "pools", pools);
    for (size_t i = 0; i < js_len(calls); i++) {
        if (strcmp(js_str_or(js_at(calls, i), "path", ""), "/access/roles") == 0) {
            js_add(w, "roles", js_ref(js_get(js_get(js_at(calls, i), "body"), "data")));
        }
    }
    return w;
}

static size_t compare_answer(const struct access *a, const char *who, const js *answer) {
    size_t n = 0;

    JS_FOREACH(answer, path, privs) {
        CLEANUP(access_path_freep) struct access_path *at = access_path_new(a, path);
        size_t i = access_find(a, who);
        struct privs p;
        CLEANUP(js_freep) js *mine = NULL;

        ck_assert_msg(i != SIZE_MAX, "%s is not in the files", who);
        p = access_privs(a, i, at);
        mine = access_object(a, &p);
        ck_assert_msg(js_eq(mine, privs), "%s on %s:\n%s\n%s", who, path,
                      json_object_get_string(mine), json_object_get_string(privs));
        n++;
    }
    return n;
}

/* A guest 100, a storage ss, a pool p, node c1, and what else WORLD has; the ACL is the case. */
#define PLACE                                                                                      \
    ",\"/cluster/resources?type=vm\":[{\"type\":\"qemu\",\"vmid\":100,\"node\":\"c1\"}],"          \
    "\"/storage\":[{\"storage\":\"ss\",\"type\":\"nfs\"}]" POOL("p", "")
#define DANGLES(acl) WORLD("," WITH_TOKEN("a@pve", "1"), GROUP("g", "a@pve"), acl, PLACE)
#define SEE_ON(path) ENTRY(path, "user", "a@pve", "See", "1")

static const struct {
    const char *name, *world;
    size_t n;         /* entries that are called gone */
    const char *why;  /* of the first */
    const char *says; /* NULL: nothing was unread */
} dangles[] = {
    {"all is there",
     DANGLES(
         SEE_ON("/") "," SEE_ON("/vms") "," SEE_ON("/vms/100") "," SEE_ON("/storage/ss") "," SEE_ON("/pool/p") "," SEE_ON(
             "/nodes/c1") "," SEE_ON("/access/realm/pve") "," ENTRY("/", "group", "g", "See",
                                                                    "1") "," ENTRY("/", "token",
                                                                                   "a@pve!t", "See",
                                                                                   "1")),
     0, NULL, NULL},
    {"a guest", DANGLES(SEE_ON("/vms/101")), 1, "no /vms/101", NULL},
    {"a storage", DANGLES(SEE_ON("/storage/tt")), 1, "no /storage/tt", NULL},
    {"a pool", DANGLES(SEE_ON("/pool/p/q")), 1, "no /pool/p/q", NULL},
    {"a node", DANGLES(SEE_ON("/nodes/c9")), 1, "no /nodes/c9", NULL},
    {"a realm", DANGLES(SEE_ON("/access/realm/ld")), 1, "no /access/realm/ld", NULL},
    {"a user", DANGLES(ENTRY("/", "user", "b@pve", "See", "1")), 1, "no user b@pve", NULL},
    {"a group", DANGLES(ENTRY("/", "group", "h", "See", "1")), 1, "no group h", NULL},
    {"a token", DANGLES(ENTRY("/", "token", "a@pve!u", "See", "1")), 1, "no token a@pve!u", NULL},
    {"a role", DANGLES(ENTRY("/", "user", "a@pve", "Gone", "1")), 1, "no role Gone", NULL},
    {"what nobody here knows", DANGLES(SEE_ON("/sdn/zones/z") "," SEE_ON("/vms/100/x")), 0, NULL,
     NULL},
    {"an entry without a name, and one that is none",
     DANGLES("{\"path\":\"/vms/101\"},\"x\"," SEE_ON("/vms/101")), 1, "no /vms/101",
     "unread some ACL entries"},
    {"guests are not all seen",
     "{\"/access/permissions\":{\"/\":{\"Sys.Audit\":1,\"User.Modify\":1,\"Pool.Audit\":1}},"
     "\"/access/users?full=1\":[" ROOT
     "," USER("a@pve") "],\"/access/groups\":[]," ROLES "," REALMS
                       ",\"/access/acl\":[" SEE_ON("/vms/101") "," SEE_ON("/nodes/c9") "]}",
     1, "no /nodes/c9", "whether the guests of 1 ACL entries are still there"},
    {"users are not seen",
     "{" SEES ",\"/access/users?full=1\":{\"!\":403},\"/access/groups\":[]," ROLES "," REALMS
     ",\"/access/acl\":[" SEE_ON("/") "," ENTRY("/", "token", "x@pve!t", "See", "1") "]}",
     0, NULL, "whether the users of 2 ACL entries are still there"},
};

START_TEST(dangling) {
    const struct picture_ask ask = {.what = BLAST_DANGLING_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture(dangles[_i].world, &ask);
    CLEANUP(js_freep) js *list = blast_access_dangling(p, record_reset());

    ck_assert_msg(js_len(list) == dangles[_i].n, "%s: %zu\n%s", dangles[_i].name, js_len(list),
                  buf_str(&record_rest));
    ck_assert_msg(!dangles[_i].why || strstr(js_str_or(js_at(list, 0), "why", ""), dangles[_i].why),
                  "%s: %s", dangles[_i].name, js_str_or(js_at(list, 0), "why", ""));
    ck_assert_msg(dangles[_i].says ? strstr(buf_str(&record_rest), dangles[_i].says) != NULL
                                   : !strstr(buf_str(&record_rest), "unread"),
                  "%s:\n%s", dangles[_i].name, buf_str(&record_rest));
}
END_TEST

/* Whoever calls it: an answer may hold anything in the place of a row. */
static const char *const no_rows[] = {"7", "\"x\"", "null", "[{\"userid\":\"a@pve\"}]", "true"};

static js *world_with(const char *part, const char *below, const char *row) {
    char text[400];
    js *w = NULL;

    if (below) {
        (void)snprintf(text, sizeof(text), "{\"%s\":[{\"%s\":[%s]}]}", part, below, row);
    } else {
        (void)snprintf(text, sizeof(text), "{\"%s\":[%s]}", part, row);
    }
    ck_assert_int_eq(js_parse(text, strlen(text), &w, NULL), 0);
    return w;
}

START_TEST(rows_that_are_none) {
    static const char *const parts[][2] = {
        {"users", NULL}, {"groups", NULL},  {"roles", NULL},     {"acl", NULL},
        {"pools", NULL}, {"domains", NULL}, {"users", "tokens"}, {"pools", "members"}};
    static const struct blast_request requests[] = {{"PUT", "/access/acl", NULL},
                                                    {"POST", "/access/users", NULL},
                                                    {"PUT", "/access/users/a@pve", NULL},
                                                    {"DELETE", "/access/users/a@pve", NULL},
                                                    {"POST", "/access/users/a@pve/token/t", NULL},
                                                    {"PUT", "/access/users/a@pve/token/t", NULL},
                                                    {"DELETE", "/access/users/a@pve/token/t", NULL},
                                                    {"DELETE", "/access/groups/g", NULL},
                                                    {"PUT", "/access/roles/R", NULL},
                                                    {"DELETE", "/access/roles/R", NULL},
                                                    {"DELETE", "/access/domains/x", NULL},
                                                    {"PUT", "/pools", NULL},
                                                    {"PUT", "/pools/p", NULL},
                                                    {"DELETE", "/pools", NULL},
                                                    {"DELETE", "/pools/p", NULL}};
    static const char form[] = "{\"groups\":[\"g\",null,4],\"privs\":[null],\"vms\":[7,null],"
                               "\"users\":[null,\"a@pve\"],\"roles\":[{}]}";
    CLEANUP(js_freep) js *odd = NULL;
    CLEANUP(js_freep) js *none = js_array();

    ck_assert_int_eq(js_parse(form, sizeof(form) - 1, &odd, NULL), 0);
    for (size_t q = 0; q < ARRAY_LEN(requests); q++) {
        for (size_t i = 0; i < ARRAY_LEN(parts) * ARRAY_LEN(no_rows); i++) {
            const char *const *part = parts[i % ARRAY_LEN(parts)];
            CLEANUP(js_freep)
            js *w = world_with(part[0], part[1], no_rows[i / ARRAY_LEN(parts)]);
            CLEANUP(js_freep)
            js *then = access_after(w, requests[q].method, requests[q].path, odd);

            ck_assert_msg(!then, "%s %s on %s", requests[q].method, requests[q].path,
                          json_object_to_json_string(w));
        }
        ck_assert_ptr_null(access_after(none, requests[q].method, requests[q].path, odd));
        ck_assert_ptr_null(access_after(NULL, requests[q].method, requests[q].path, odd));
    }
}
END_TEST

/* Where the rows are rows, lists in them and in the form may still hold anything. */
START_TEST(words_that_are_none) {
    static const char world[] =
        "{\"groups\":[{\"groupid\":\"g\",\"users\":[null,3,\"b@pve\"]}],"
        "\"roles\":[{\"roleid\":\"R\",\"privs\":[null]}],\"users\":[{\"userid\":\"a@pve\"}]}";
    CLEANUP(js_freep) js *w = NULL;
    CLEANUP(js_freep) js *form = js_object();
    CLEANUP(js_freep) js *then = NULL;
    js *words = js_array();

    js_push(words, NULL);
    js_push(words, js_str("g"));
    js_add(form, "groups", words);
    js_add(form, "privs", js_ref(words));
    js_add(form, "append", js_int(1));
    ck_assert_int_eq(js_parse(world, sizeof(world) - 1, &w, NULL), 0);
    then = access_after(w, "PUT", "/access/users/a@pve", form);
    ck_assert_str_eq(js_str_or(js_at(js_get(then, "groups"), 0), "users", ""), "3,b@pve,a@pve");
    js_freep(&then);
    then = access_after(w, "PUT", "/access/roles/R", form);
    ck_assert_str_eq(js_str_or(js_at(js_get(then, "roles"), 0), "privs", ""), "g");
}
END_TEST

START_TEST(a_real_cluster_answers_the_same) {
    static const char head[] = "/access/permissions?userid=";
    const char *dir = getenv("SHARED_DATA");
    CLEANUP(js_freep) js *all = dir ? calls_of_capture(dir) : NULL;
    const js *calls = js_get(all, "calls");
    CLEANUP(js_freep) js *world = all ? world_of_files(dir, calls) : NULL;
    CLEANUP(access_freep) struct access *a = all ? access_new(world, NULL) : NULL;
    size_t answers = 0, paths = 0;

    if (!all) {
        printf("SKIP: no captured cluster at $SHARED_DATA\n");
        return;
    }
    for (size_t i = 0; i < js_len(calls); i++) {
        const char *path = js_str_or(js_at(calls, i), "path", "");
        char who[100];

        if (strncmp(path, head, sizeof(head) - 1) == 0) {
            path += sizeof(head) - 1;
            (void)snprintf(who, sizeof(who), "%.*s", (int)strcspn(path, "&"), path);
            paths += compare_answer(a, who, js_get(js_get(js_at(calls, i), "body"), "data"));
            answers++;
        }
    }
    printf("%zu answers about privileges, %zu paths: all equal\n", answers, paths);
    ck_assert_uint_ge(answers, 28);
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast access");
    TCase *t = tcase_create("access");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, change, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(t, dangling, 0, (int)ARRAY_LEN(dangles));
    tcase_add_test(t, rows_that_are_none);
    tcase_add_test(t, words_that_are_none);
    tcase_add_test(t, a_real_cluster_answers_the_same);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
