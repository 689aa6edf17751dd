/* SPDX-License-Identifier: Apache-2.0 */
/* How fresh backups are: one guest, one thing that matters. Read as "state last covered jobs". */
#include <check.h>
#include <string.h>

#include "common/own.h"
#include "world.h"

#define G       "\"/cluster/resources?type=vm\":[{\"type\":\"qemu\",\"vmid\":100,\"node\":\"c1\"}]"
#define STORE   "\"/storage\":[{\"storage\":\"bk\",\"type\":\"nfs\",\"content\":\"backup\"}]"
#define SEES(x) "\"/access/permissions\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1," x "}}"
#define ALL     SEES("\"Datastore.Audit\":1,\"Datastore.Allocate\":1,\"Pool.Audit\":1")
#define ARCHIVE(day, ctime)                                                                        \
    "{\"volid\":\"bk:backup/vzdump-qemu-100-2026_11_" day                                          \
    "-02_00_00.vma\",\"content\":\"backup\","                                                      \
    "\"vmid\":100,\"ctime\":" ctime "}"
#define HAS(list) ",\"/nodes/c1/storage/bk/content?content=backup\":[" list "]"
#define JOBS(l)   ",\"/cluster/backup\":[" l "]"
#define W(x)      "{" G "," STORE "," ALL x "}"

static const struct {
    const char *name, *world, *want;
} cases[] = {
    {"fresh", W(HAS(ARCHIVE("01", "950"))), "fresh 950 no [ ]"},
    {"the newest counts", W(HAS(ARCHIVE("01", "10") "," ARCHIVE("02", "990"))), "fresh 990 no [ ]"},
    {"old", W(HAS(ARCHIVE("01", "800"))), "old 800 no [ ]"},
    {"never", W(HAS("")), "never 0 no [ ]"},
    {"a blind token", "{" G "," STORE "," SEES("\"Datastore.Audit\":1") HAS("") "}",
     "unknown 0 no [ ]"},
    {"refused", W(",\"/nodes/c1/storage/bk/content?content=backup\":{\"!\":403}"),
     "unknown 0 no [ ]"},
    {"fresh, however much is unseen",
     "{" G "," STORE "," SEES("\"Datastore.Audit\":1") HAS(ARCHIVE("01", "950")) "}",
     "fresh 950 no [ ]"},
    {"old, and a newer one may be unseen",
     "{" G "," STORE "," SEES("\"Datastore.Audit\":1") HAS(ARCHIVE("01", "10")) "}",
     "unknown 10 no [ ]"},
    {"a storage that is off may hold one",
     "{" G "," ALL ",\"/storage\":[{\"storage\":\"bk\",\"type\":\"nfs\",\"content\":\"backup\","
     "\"disable\":1}]}",
     "unknown 0 no [ ]"},
    {"storages are not all seen", "{" G ",\"/storage\":[]," SEES("\"Datastore.Allocate\":1") "}",
     "unknown 0 no [ ]"},
    {"a schedule takes it",
     W(HAS("") JOBS("{\"id\":\"j\",\"all\":1},{\"id\":\"k\",\"vmid\":\"7\"}")),
     "never 0 yes [ \"j\" ]"},
    {"a schedule that is off",
     W(HAS("") JOBS("{\"id\":\"j\",\"all\":1,\"enabled\":0},{\"id\":\"k\",\"all\":1,\"exclude\":"
                    "\"100\"}")),
     "never 0 no [ ]"},
    {"its pool",
     W(HAS("") JOBS("{\"id\":\"j\",\"pool\":\"p\"}") ",\"/pools\":[{\"poolid\":\"p\"}],\"/"
                                                     "pools?poolid=p\":[{\"poolid\":\"p\","
                                                     "\"members\":[{\"vmid\":100}]}]"),
     "never 0 yes [ \"j\" ]"},
    {"a pool that is not seen",
     W(HAS("") JOBS("{\"id\":\"j\",\"pool\":\"p\"}") ",\"/pools\":[{\"poolid\":\"p\"}],\"/"
                                                     "pools?poolid=p\":{\"!\":403}"),
     "never 0 unknown [ ]"},
    {"schedules are not seen", W(HAS("") ",\"/cluster/backup\":{\"!\":403}"),
     "never 0 unknown [ ]"},
};

START_TEST(fresh) {
    struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture(cases[_i].world, &ask);
    CLEANUP(js_freep) js *list = blast_freshness(p, 1000, 100);
    const js *o = js_at(list, 0);
    char got[200];

    ck_assert_uint_eq(js_len(list), 1);
    (void)snprintf(got, sizeof(got), "%s %lld %s %s", js_str_or(o, "state", "?"),
                   (long long)js_int_or(o, "last", 0), js_str_or(o, "covered", "?"),
                   json_object_get_string(js_get(o, "jobs")));
    ck_assert_str_eq(got, cases[_i].want);
}
END_TEST

START_TEST(worst_first) {
    struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    CLEANUP(picture_freep)
    struct picture *p = world_picture(
        "{\"/cluster/resources?type=vm\":[{\"type\":\"qemu\",\"vmid\":100,\"node\":\"c1\"},"
        "{\"type\":\"lxc\",\"vmid\":101,\"node\":\"c1\"}]," STORE
        "," ALL HAS(ARCHIVE("01", "950")) "}",
        &ask);
    CLEANUP(js_freep) js *list = blast_freshness(p, 1000, 100);

    ck_assert_int_eq(js_int_or(js_at(list, 0), "vmid", 0), 101);
    ck_assert_str_eq(js_str_or(js_at(list, 0), "state", ""), "never");
}
END_TEST

/* A template is told to be one, and no other guest is: nobody misses a nightly backup of it. */
START_TEST(templates) {
    struct picture_ask ask = {.what = BLAST_BACKUP_NEEDS};
    CLEANUP(picture_freep)
    struct picture *p = world_picture(
        "{\"/cluster/"
        "resources?type=vm\":[{\"type\":\"qemu\",\"vmid\":100,\"node\":\"c1\",\"template\":"
        "1},{\"type\":\"lxc\",\"vmid\":101,\"node\":\"c1\",\"template\":0},{\"type\":\"lxc\","
        "\"vmid\":"
        "102,\"node\":\"c1\"}]," STORE "," ALL "}",
        &ask);
    CLEANUP(js_freep) js *list = blast_freshness(p, 1000, 100);

    ck_assert(js_bool_or(js_at(list, 0), "template", false));
    ck_assert(!js_get(js_at(list, 1), "template"));
    ck_assert(!js_get(js_at(list, 2), "template"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("freshness");
    TCase *t = tcase_create("backups");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, fresh, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(t, worst_first);
    tcase_add_test(t, templates);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
