/* fake_runner.h: a test program that is also a runner: called as gcmeter-run-NAME by a link in some
 * folder, it speaks harness/runner/PROTOCOL.md and behaves as the file `behaviour` beside the link
 * says:
 *   steady   always about 5 ms of wall_ns
 *   slow     about 8 ms
 *   lucky    slow in its first 8 invocations
 *   crash    crashes
 *   noisy    anything from 5 to 10 ms
 *   listed   slow in the invocations whose numbers the file `slow` lists, counted from 0
 *   threads  steady, and can have several threads
 *   elsewhere  says that it has loaded a library of /usr
 *   mismatch   refuses its library
 *   steps      steady, and marks 100000 steps of work for callgrind
 *   more_steps the same with 110000
 *   meets      steady; with several iterations, as when taking turns, tells on how many processors,
 *              and waits until another has come that counts itself in the folder that `meet` names
 *   meets_slow the same, slow
 *   breaks     steady; with several iterations it crashes
 *   hangs      the same, but it tells its process ID in the file `hanging` and sleeps
 * Include after gcmeter_process.h. */
#ifndef TESTS_FAKE_RUNNER_H
#define TESTS_FAKE_RUNNER_H

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "runner/instruction_window.h"

/* The path of `name` beside the runner. */
static inline const char *fake_beside(const char *runner, const char *name)
{
    static char path[4096];
    int length = (int)(strrchr(runner, '/') - runner);
    snprintf(path, sizeof path, "%.*s/%s", length, runner, name);
    return path;
}

static inline long fake_count(const char *runner)
{
    FILE *file = fopen(fake_beside(runner, "count"), "a");
    if (!file)
        return -1;
    fseek(file, 0, SEEK_END);
    long count = ftell(file);
    fputc('.', file);
    fclose(file);
    return count;
}

static inline bool fake_is_listed(const char *runner, long number)
{
    FILE *file = fopen(fake_beside(runner, "slow"), "r");
    long listed;
    bool found = false;
    while (file && !found && fscanf(file, "%ld", &listed) == 1)
        found = listed == number;
    if (file)
        fclose(file);
    return found;
}

static inline bool fake_is_taking_turns(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--iterations"))
            return strcmp(argv[i + 1], "1") != 0;
    return false;
}

/* Returns when as many have come as make pairs; false: none came. */
static inline bool fake_meet(const char *runner)
{
    char place[4096] = "";
    FILE *named = fopen(fake_beside(runner, "meet"), "r");
    if (!named || fscanf(named, "%4000s", place) != 1)
        return false;
    fclose(named);
    strcat(place, "/count");
    long number = fake_count(place);
    struct stat met;
    for (int tries = 0; tries < 6000; tries++) {
        if (!stat(place, &met) && met.st_size > (number | 1))
            return true;
        usleep(10000);
    }
    return false;
}

static inline void fake_take_turns(const char *runner, const char *behaviour)
{
    cpu_set_t processors;
    sched_getaffinity(0, sizeof processors, &processors);
    dprintf(3, "flag,processors=%d\n", CPU_COUNT(&processors));
    if (!strcmp(behaviour, "breaks") || (strstr(behaviour, "meets") && !fake_meet(runner)))
        raise(SIGKILL);
    if (!strcmp(behaviour, "hangs")) {
        FILE *file = fopen(fake_beside(runner, "hanging"), "a");
        fprintf(file, "%d\n", getpid());
        fclose(file);
        sleep(1000);
    }
}

static inline int fake_describe(const char *name, const char *behaviour)
{
    printf("protocol,1\r\nname,%s\r\nsummary,\"a runner, for tests\"\r\nversion,1\r\n", name);
    if (!strcmp(behaviour, "elsewhere"))
        puts("library,/usr/lib/libgc.so.1\r");
    if (!strcmp(behaviour, "threads"))
        puts("capability,threads\r");
    if (strstr(behaviour, "steps"))
        puts("callgrind,1\r");
    puts("reclaim,tracing\r\ncapability,heap_limit\r\n"
         "option,speed,number,percent,5,1,9,,how fast\r\n"
         "workload,chore,one chore,threads,a little work\r\n"
         "param,chore,size,bytes,4096,1,1048576,how much\r");
    if (strcmp(behaviour, "mismatch") != 0)
        return 0;
    fflush(stdout);
    fputs("built against the headers of 8.3, but libgc.so is version 8.2\n", stderr);
    return 3;
}

static inline int fake_runner(int argc, char **argv)
{
    char behaviour[32] = "", name[64];
    FILE *file = fopen(fake_beside(argv[0], "behaviour"), "r");
    if (!file || fscanf(file, "%31s", behaviour) != 1)
        return 2;
    fclose(file);
    snprintf(name, sizeof name, "%s", strrchr(argv[0], '/') + 1 + strlen("gcmeter-run-"));
    if (argc > 1 && !strcmp(argv[1], "--describe"))
        return fake_describe(name, behaviour);
    if (argc > 1 && !strcmp(argv[1], "--live-bytes")) {
        puts("1000");
        return 0;
    }
    long number = fake_count(argv[0]);
    dprintf(3, "hello,1\nbegin,%" PRId64 "\n", clock_now_ns());
    if (!strcmp(behaviour, "crash")) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (fake_is_taking_turns(argc, argv))
        fake_take_turns(argv[0], behaviour);
    bool slow = !strcmp(behaviour, "slow") || !strcmp(behaviour, "meets_slow") ||
                (!strcmp(behaviour, "lucky") && number < 8) ||
                (!strcmp(behaviour, "listed") && fake_is_listed(argv[0], number));
    if (strstr(behaviour, "steps")) {
        volatile unsigned left_count = !strcmp(behaviour, "steps") ? 100000 : 110000;
        struct instruction_window window = {false};
        instruction_window_open(&window);
        while (left_count > 0)
            left_count--;
        instruction_window_close(&window);
    }
    uint64_t jitter = rng_mix((uint64_t)number) % 1000;
    uint64_t wall_ns = slow ? 8000000 : 5000000;
    wall_ns += !strcmp(behaviour, "noisy") ? jitter * 5000 : jitter;
    dprintf(3,
            "end,%" PRId64 "\nmetric,wall_ns,%" PRIu64 "\nmetric,cpu_user_ns,%" PRIu64
            "\nmetric,cpu_sys_ns,1000000\nmetric,pause_cpu_total_ns,%" PRIu64
            "\nmetric,checksum,42\niteration,0,5000,5000\nstatus,ok,\ndone\n",
            clock_now_ns(), wall_ns, wall_ns, wall_ns / 2);
    return 0;
}

/* Makes the folder NAME of the test with a runner gcmeter-run-BACKEND that behaves so. */
static inline void fake_folder(const char *name, const char *backend, const char *behaviour)
{
    char self[512] = "", path[1024];
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    assert_int_equal(mkdir(process_path(name), 0777), 0);
    snprintf(path, sizeof path, "%s/gcmeter-run-%s", process_path(name), backend);
    assert_int_equal(symlink(self, path), 0);
    FILE *file = fopen(fake_beside(path, "behaviour"), "w");
    assert_non_null(file);
    fprintf(file, "%s\n", behaviour);
    assert_int_equal(fclose(file), 0);
}

/* Whether the program was called as a runner; to be asked first in main(). */
static inline bool fake_is_called(char **argv)
{
    const char *name = strrchr(argv[0], '/');
    return name && !strncmp(name + 1, "gcmeter-run-", strlen("gcmeter-run-"));
}

#endif
