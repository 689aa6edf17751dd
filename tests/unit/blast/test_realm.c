/* SPDX-License-Identifier: Apache-2.0 */
/* The analyser of realms. Each case is a small cluster in which only one thing matters; the whole
 * list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define U(name) ",{\"userid\":\"" name "\",\"enable\":1}"
#define ADMIN(name)                                                                                \
    "{\"path\":\"/\",\"type\":\"user\",\"ugid\":\"" name                                           \
    "\",\"roleid\":\"Administrator\",\"propagate\":1}"
#define WORLD(users, acl)                                                                          \
    "{\"/access/permissions\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1,\"Pool.Audit\":1,"            \
    "\"User.Modify\":1}},\"/access/roles\":[{\"roleid\":\"Administrator\",\"privs\":"              \
    "\"Permissions.Modify,VM.Audit\"},{\"roleid\":\"NoAccess\"},{\"roleid\":\"See\",\"privs\":"    \
    "\"VM.Audit\"}],"                                                                              \
    "\"/access/domains\":[{\"realm\":\"pam\"},{\"realm\":\"pve\",\"default\":1},{\"realm\":"       \
    "\"ld\",\"type\":\"ldap\"}],\"/access/"                                                        \
    "users?full=1\":[{\"userid\":\"root@pam\",\"enable\":1}" users "],\"/access/"                  \
    "groups\":[{\"groupid\":\"dev-ld\",\"users\":\"\"},{\"groupid\":\"x\",\"users\":\"a@ld\"}],"   \
    "\"/access/acl\":[" acl "]}"
#define LDAP  "{\"type\":\"ldap\",\"server1\":\"a\",\"base_dn\":\"b\""
#define SAFE  LDAP ",\"mode\":\"ldaps\",\"verify\":1}"
#define D_    "/access/domains"
#define QUIET WORLD("", "")

static const struct {
    const char *name, *world, *before, *method, *path, *form, *own, *affects;
    const char *says; /* NULL: nothing was unread */
    int risk;
} cases[] = {
    {"a new realm in the clear", QUIET, NULL, "POST", D_,
     "{\"realm\":\"n\",\"type\":\"ldap\",\"server1\":\"a\"}", NULL, "realm/n exposed 2 mode\n",
     "unencrypted", 2},
    {"a new realm, encrypted, unchecked", QUIET, NULL, "POST", D_,
     "{\"realm\":\"n\",\"type\":\"ad\",\"mode\":\"ldap+starttls\"}", NULL,
     "realm/n exposed 2 verify\n", "not checked", 2},
    {"a new realm that is offered first", QUIET, NULL, "POST", D_,
     "{\"realm\":\"n\",\"type\":\"openid\",\"default\":1}", NULL, "realm/n changed 1 default\n",
     "instead of pve", 1},
    {"whoever comes is made a user", QUIET, NULL, "POST", D_,
     "{\"realm\":\"n\",\"type\":\"openid\",\"autocreate\":1}", NULL,
     "realm/n exposed 2 autocreate\n", NULL, 2},
    {"the provider decides on groups", QUIET, "{\"type\":\"openid\"}", "PUT", D_ "/o",
     "{\"groups-overwrite\":1}", NULL, "realm/o gains-access 3 groups\n", NULL, 3},
    {"another server, and people", WORLD(U("a@ld") U("b@pve"), ""), SAFE, "PUT", D_ "/ld",
     "{\"server1\":\"z\"}", NULL, "realm/ld degraded 2 server1\n", "1 users log in by it (a@ld)",
     2},
    {"the same server", WORLD(U("a@ld"), ""), SAFE, "PUT", D_ "/ld", "{\"server1\":\"a\"}", NULL,
     "", NULL, 0},
    {"a new password", WORLD(U("a@ld"), ""), SAFE, "PUT", D_ "/ld",
     "{\"password\":{\"commitment\":\"x\"}}", NULL, "realm/ld degraded 2 password\n", NULL, 2},
    {"another server, and nobody", QUIET, SAFE, "PUT", D_ "/ld", "{\"server1\":\"z\"}", NULL,
     "realm/ld changed 1 server1\n", NULL, 1},
    {"a key taken away", WORLD(U("a@ld"), ""), SAFE, "PUT", D_ "/ld", "{\"delete\":\"base_dn\"}",
     NULL, "realm/ld degraded 2 base_dn\n", NULL, 2},
    {"every administrator is of it", WORLD(U("a@ld"), ADMIN("a@ld")), SAFE, "PUT", D_ "/ld",
     "{\"server1\":\"z\"}", NULL, "realm/ld degraded 2 server1\n", "every administrator but root",
     3},
    {"one is not", WORLD(U("a@ld") U("b@pve"), ADMIN("a@ld") "," ADMIN("b@pve")), SAFE, "PUT",
     D_ "/ld", "{\"server1\":\"z\"}", NULL, "realm/ld degraded 2 server1\n", NULL, 2},
    {"encryption goes", QUIET, SAFE, "PUT", D_ "/ld", "{\"mode\":\"ldap\"}", NULL,
     "realm/ld changed 1 mode\nrealm/ld exposed 3 mode\n", NULL, 3},
    {"the check goes", QUIET, SAFE, "PUT", D_ "/ld", "{\"delete\":\"verify\"}", NULL,
     "realm/ld changed 1 verify\nrealm/ld exposed 3 verify\n", NULL, 3},
    {"the old word for it", QUIET, LDAP ",\"secure\":1}", "PUT", D_ "/ld", "{\"secure\":0}", NULL,
     "realm/ld changed 1 secure\nrealm/ld exposed 3 mode\n", NULL, 3},
    {"a second factor", WORLD(U("a@ld"), ""), SAFE, "PUT", D_ "/ld", "{\"tfa\":\"type=oath\"}",
     NULL, "realm/ld degraded 2 tfa\n", "1 users need this second factor", 2},
    {"only a comment", WORLD(U("a@ld"), ""), SAFE, "PUT", D_ "/ld", "{\"comment\":\"x\"}", NULL, "",
     NULL, 0},
    {"the next sync will remove", WORLD(U("a@ld") U("b@ld"), ""), SAFE, "PUT", D_ "/ld",
     "{\"sync-defaults-options\":\"scope=users,remove-vanished=acl;entry\"}", NULL,
     "realm/ld lockout 3 remove-vanished\nrealm/ld loses-access 3 remove-vanished\n",
     "at the next sync users and groups that the directory does not list go: up to 2 users, 0 "
     "groups",
     3},
    {"its users cannot log in", WORLD(U("a@ld"), ADMIN("a@ld")), SAFE, "DELETE", D_ "/ld", "{}",
     NULL, "user/a@ld lockout 3 /\n", "only root@pam", 3},
    {"what is built in stays", WORLD(U("a@pve"), ADMIN("a@pve")), "{\"type\":\"pve\"}", "DELETE",
     D_ "/pve", "{}", NULL, "realm/pve changed 1 -\n", "always has this realm", 1},
    {"a sync that only adds", QUIET, SAFE, "POST", D_ "/ld/sync", "{\"scope\":\"both\"}", NULL,
     "realm/ld changed 2 scope\nrealm/ld changed 1 sync\n", "of 1 groups all members may be others",
     3},
    {"an expired account comes back",
     WORLD(",{\"userid\":\"a@ld\",\"enable\":1,\"expire\":500}", ""), SAFE, "POST", D_ "/ld/sync",
     "{\"scope\":\"users\",\"remove-vanished\":\"properties\"}", NULL,
     "realm/ld gains-access 3 remove-vanished\nrealm/ld changed 1 sync\n",
     "up to 1 that have expired can log in again", 3},
    {"who is not let in by an entry comes in by its group",
     WORLD(U("a@ld"), "{\"path\":\"/vms\",\"type\":\"user\",\"ugid\":\"a@ld\",\"roleid\":"
                      "\"NoAccess\",\"propagate\":1},{\"path\":\"/\",\"type\":\"group\",\"ugid\":"
                      "\"x\",\"roleid\":\"See\",\"propagate\":1}"),
     SAFE, "POST", D_ "/ld/sync", "{\"scope\":\"users\",\"remove-vanished\":\"acl\"}", NULL,
     "realm/ld loses-access 3 remove-vanished\nuser/a@ld gains-access 2 /vms\n"
     "realm/ld changed 1 sync\n",
     "now, if the directory does not list it: gains VM.Audit", 3},
    {"a dry run", QUIET, SAFE, "POST", D_ "/ld/sync", "{\"scope\":\"both\",\"dry-run\":1}", NULL,
     "realm/ld none 1 dry-run\n", NULL, 1},
    {"a sync that takes away, us too",
     WORLD(U("a@ld"), ADMIN("a@ld") ",{\"path\":\"/vms\",\"type\":\"group\",\"ugid\":\"dev-ld\","
                                    "\"roleid\":\"See\"}"),
     SAFE, "POST", D_ "/ld/sync", "{\"scope\":\"both\",\"remove-vanished\":\"acl;entry\"}",
     "a@ld!t",
     "realm/ld lockout 3 remove-vanished\nrealm/ld loses-access 3 remove-vanished\n"
     "user/a@ld lockout 3 /\nrealm/ld changed 2 scope\nrealm/ld changed 1 sync\n",
     "this client's own token is of a@ld", 3},
    {"the defaults say so", WORLD(U("a@ld"), ""),
     LDAP ",\"sync-defaults-options\":\"remove-vanished=entry,scope=users\"}", "POST",
     D_ "/ld/sync", "{}", NULL, "realm/ld lockout 3 remove-vanished\nrealm/ld changed 1 sync\n",
     "up to 1 users, 0 groups", 3},
    {"nothing names a scope", QUIET, SAFE, "POST", D_ "/ld/sync", "{}", NULL, "", "name a scope",
     3},
    {"nothing to sync with", QUIET, "{\"type\":\"pve\"}", "POST", D_ "/pve/sync",
     "{\"scope\":\"users\"}", NULL, "", "of type pve cannot be synced", 3},
    {"users are not seen",
     "{\"/access/permissions\":{\"/\":{\"VM.Audit\":1}},\"/access/users?full=1\":{\"!\":403}}",
     SAFE, "PUT", D_ "/ld", "{\"comment\":\"x\"}", NULL, "", "unread users", 3},
    {"users are not seen, and a sync may take entries away",
     "{\"/access/permissions\":{\"/\":{\"VM.Audit\":1}},\"/access/users?full=1\":{\"!\":403}}",
     SAFE, "POST", D_ "/ld/sync", "{\"scope\":\"users\",\"remove-vanished\":\"acl;entry\"}", NULL,
     "realm/ld lockout 3 remove-vanished\nrealm/ld loses-access 3 remove-vanished\n"
     "realm/ld changed 1 sync\n",
     "unread users", 3},
};

START_TEST(realms) {
    struct blast_request q = {cases[_i].method, cases[_i].path, NULL};
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *form = NULL;
    CLEANUP(js_freep) js *before = NULL;
    struct err e = {0};
    struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};

    ck_assert_int_eq(js_parse(cases[_i].form, strlen(cases[_i].form), &form, &e), 0);
    if (cases[_i].before) {
        ck_assert_int_eq(js_parse(cases[_i].before, strlen(cases[_i].before), &before, &e), 0);
    }
    q.form = form;
    p = world_picture(cases[_i].world, &ask);
    (void)blast_realm(p, before, &q, cases[_i].own, 1000, record_reset());
    record_check(cases[_i].name, cases[_i].affects, cases[_i].says, cases[_i].risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("realm");
    TCase *t = tcase_create("realms");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, realms, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
