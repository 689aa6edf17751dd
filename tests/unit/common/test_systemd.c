/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to the service manager: state to the socket that it names, an event as one escaped
 * line, and nothing taken from variables that were meant for another process. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/own.h"
#include "common/put.h"
#include "common/systemd.h"

START_TEST(state_goes_to_the_named_socket) {
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char got[64] = "";
    char name[64];
    int n = snprintf(name, sizeof(name), "@proximo-test-notify-%d", (int)getpid());

    memcpy(sa.sun_path + 1, name + 1, (size_t)n - 1);
    ck_assert_int_eq(bind(sock, (struct sockaddr *)&sa,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
                     0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_send("READY=1");
    ck_assert_int_gt(recv(sock, got, sizeof(got) - 1, MSG_DONTWAIT), 0);
    ck_assert_str_eq(got, "READY=1");
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "somewhere", 1), 0);
    notify_send("READY=1"); /* no address: nothing is sent and nothing breaks */
    ck_assert_int_lt(recv(sock, got, sizeof(got) - 1, MSG_DONTWAIT), 0);
}
END_TEST

/* What log_event writes on stderr. */
static void logged(char *ret, size_t size) {
    int pipes[2];
    int old = dup(STDERR_FILENO);
    ssize_t n;

    ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
    ck_assert_int_ge(dup2(pipes[1], STDERR_FILENO), 0);
    log_event(LOG_L_NOTE, "a thing\nhappened", "VMID", "101", "REASON", "a \\ and \"\xc3\"",
              "NOTHING", NULL, NULL);
    ck_assert_int_ge(dup2(old, STDERR_FILENO), 0);
    n = read(pipes[0], ret, size - 1);
    ck_assert_int_gt(n, 0);
    ret[n] = '\0';
    closep(&pipes[0]);
    closep(&pipes[1]);
    closep(&old);
}

START_TEST(event_is_one_escaped_line) {
    char line[512];

    ck_assert_int_eq(setenv("JOURNAL_STREAM", "1:1", 1), 0); /* stderr was redirected since */
    logged(line, sizeof(line));
    ck_assert_ptr_nonnull(strchr(line, ':'));
    ck_assert_str_eq(strchr(line, ':'),
                     ": a thing\\x0ahappened VMID=\"101\" REASON=\"a \\x5c and \"\\xc3\"\" "
                     "NOTHING=\"-\"\n");
}
END_TEST

START_TEST(only_own_variables_count) {
    int kept = fcntl(LISTEN_FDS_START, F_DUPFD_CLOEXEC, 10); /* the test library's */

    ck_assert_int_eq(watchdog_ms(), 0);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    ck_assert_int_eq(watchdog_ms(), 1500);
    ck_assert_int_eq(setenv("WATCHDOG_PID", "1", 1), 0);
    ck_assert_int_eq(watchdog_ms(), 0);
    ck_assert_int_eq(setenv("WATCHDOG_PID", NUM_STR(getpid()), 1), 0);
    ck_assert_int_eq(watchdog_ms(), 1500);

    ck_assert_int_eq(setenv("LISTEN_FDS", "1", 1), 0);
    ck_assert_int_eq(listen_fds(), 0); /* nobody says for whom */
    ck_assert_int_eq(setenv("LISTEN_PID", "1", 1), 0);
    ck_assert_int_eq(listen_fds(), 0);
    ck_assert_int_eq(setenv("LISTEN_PID", NUM_STR(getpid()), 1), 0);
    ck_assert_int_ge(dup2(STDIN_FILENO, LISTEN_FDS_START), 0);
    ck_assert_int_eq(listen_fds(), 1);
    ck_assert_int_eq(fcntl(LISTEN_FDS_START, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(close(LISTEN_FDS_START), 0);
    ck_assert_int_lt(listen_fds(), 0); /* promised, not there */
    ck_assert_int_eq(setenv("LISTEN_FDS", "100000", 1), 0);
    ck_assert_int_lt(listen_fds(), 0);
    ck_assert_int_ge(dup2(kept, LISTEN_FDS_START), 0);
    closep(&kept);
}
END_TEST

int main(void) {
    Suite *s = suite_create("systemd");
    TCase *t = tcase_create("systemd");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, state_goes_to_the_named_socket);
    tcase_add_test(t, event_is_one_escaped_line);
    tcase_add_test(t, only_own_variables_count);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
