/* SPDX-License-Identifier: Apache-2.0 */
/* The program that acts is started with nothing in its environment. For tests that want something
 * in it, this is put in its place: it becomes the program that the first line of the file beside
 * it, <its own path>.env, names, with the other lines (NAME=value) as environment. With a line
 * LINGER=<file> it stays for half a minute after that program, its own id in the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was started acts and answers in a child; this process is the one that does not go. */
static void linger(const char *file) {
    FILE *f = fopen(file, "we");

    if (f) {
        (void)fprintf(f, "%d", (int)getpid());
        (void)fclose(f);
    }
    if (fork() != 0) {
        (void)close(STDIN_FILENO);
        (void)sleep(30);
        exit(0);
    }
}

int main(int argc, char **argv) {
    static char line[64][4096];
    static char name[] = "pveagentd-act";
    char *args[] = {name, NULL};
    char *env[64] = {NULL};
    char path[4096] = "";
    size_t n = 0;
    FILE *f;

    (void)argv;
    if (argc > 1 || readlink("/proc/self/exe", path, sizeof(path) - 8) < 0) {
        return 2;
    }
    strcat(path, ".env");
    f = fopen(path, "re");
    if (!f) {
        perror(path);
        return 2;
    }
    for (; n < 63 && fgets(line[n], sizeof(line[n]), f); n++) {
        line[n][strcspn(line[n], "\n")] = '\0';
    }
    (void)fclose(f);
    for (size_t i = 1; i < n; i++) {
        env[i - 1] = line[i];
        if (strncmp(line[i], "LINGER=", 7) == 0) {
            linger(line[i] + 7);
        }
    }
    if (n) {
        (void)execve(line[0], args, env);
    }
    perror(line[0]);
    return 2;
}
