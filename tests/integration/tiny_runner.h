/* tiny_runner.h: a runner that does next to nothing, so that tests may start it a thousand times.
 * The test program itself is the runner, where it is called as gcmeter-run-tiny. Include after
 * gcmeter_process.h. */
#ifndef TESTS_TINY_RUNNER_H
#define TESTS_TINY_RUNNER_H

#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"

/* Its one workload is `chore`, which takes a moment, or with size=9 long enough to be sampled. */

/* Rows that an invocation has in iterations.csv, and as many in pauses.csv; latency.csv and
 * metrics.csv have one each. */
enum { TINY_ITERATIONS = 40 };

static inline bool tiny_runner_is_meant(char *const *argv)
{
    const char *slash = strrchr(argv[0], '/');
    return !strcmp(slash ? slash + 1 : argv[0], "gcmeter-run-tiny");
}

static inline int tiny_runner_act(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--describe")) {
        puts("protocol,1\nname,tiny\nsummary,a runner\nversion,1\nreclaim,tracing\n"
             "workload,chore,one chore,,a little work\n"
             "param,chore,size,bytes,1,1,9,how much");
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--live-bytes")) {
        puts("1000");
        return 0;
    }
    dprintf(3, "hello,1\nbegin,%" PRId64 "\n", clock_now_ns());
    /* In pieces, so that reading it may end between any two. */
    for (int i = 0; i < TINY_ITERATIONS; i++)
        dprintf(3, "iteration,%d,5000,5000\npause,-1,full,%d,1,\n", i, i * 10);
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "size=9"))
            poll(NULL, 0, 30);
    dprintf(3,
            "end,%" PRId64 "\nmetric,wall_ns,5000\nmetric,checksum,42\nlatency,simple,10,20,3\n"
            "extra,share,ratio,lower,0.25\nstatus,ok,\ndone\n",
            clock_now_ns());
    return 0;
}

/* A group setup: gcmeter's own folder becomes one that has this runner only, so that starting is
 * quick. */
static inline int tiny_runner_setup(void **state)
{
    char self[PATH_MAX] = "";
    char command[3 * PATH_MAX];
    if (process_setup(state) || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return -1;
    snprintf(command, sizeof command,
             "chmod 755 '%s' && mkdir '%s/bin' && cp '%s' '%s/bin/gcmeter'", process_folder,
             process_folder, process_program, process_folder);
    if (system(command) || symlink(self, process_path("bin/gcmeter-run-tiny")))
        return -1;
    snprintf(process_program, sizeof process_program, "%s", process_path("bin/gcmeter"));
    return 0;
}

#endif
