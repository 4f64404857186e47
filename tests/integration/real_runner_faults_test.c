/* What befalls the real runners from outside: memory that is limited or taken, and a library that
 * is not what it was built with. Others than these are played by fault_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

static struct process p;

/* Live data of more than 300 MB. */
#define GLUTTON "deep_list:length=20000000,items=0,rounds=1"

static bool has_sanitizer(void)
{
    const char *sanitizers = getenv("GCMETER_SAN");
    return sanitizers && (strstr(sanitizers, "address") || strstr(sanitizers, "thread"));
}

/* The path of a file of the build, until the next call. */
static const char *built(const char *name)
{
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%.*s%s",
             (int)(strrchr(process_program, '/') + 1 - process_program), process_program, name);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Every invocation of the workload on the backend has the status, and a detail with `part`. */
static void assert_status(const struct run_data *run, const char *workload, const char *backend,
                          enum run_status status, const char *part)
{
    size_t found = 0;
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[i];
        const struct run_cell *cell = &run->cells[invocation->cell];
        if (strcmp(cell->workload, workload) != 0 || strcmp(cell->backend, backend) != 0)
            continue;
        found++;
        if (invocation->status != status || !strstr(invocation->status_detail, part))
            fail_msg("%s on %s: %s (%s), not %s (%s)", workload, backend,
                     run_status_word(invocation->status), invocation->status_detail,
                     run_status_word(status), part);
    }
    assert_int_equal(found, 1);
}

static bool limit_address_space(void *data)
{
    const rlim_t *bytes = data;
    return setrlimit(RLIMIT_AS, &(struct rlimit){*bytes, *bytes}) == 0;
}

static void a_limit_on_address_space_ends_as_oom(void **state)
{
    (void)state;
    if (has_sanitizer())
        skip_because("sanitizers reserve terabytes of addresses, which cannot be limited");
    process_run_prepared(&p,
                         "run --quiet --workload " GLUTTON
                         " --workload nothing:operations=1000 --backend malloc "
                         "--backend marksweep --invocations 1 --out @/addresses",
                         limit_address_space, &(rlim_t){200 << 20});
    assert_exit_code(&p, CMD_FAILED);
    struct run_data *run = loaded_run("addresses");
    assert_int_equal(run->invocation_count, 4);
    static const char *const backends[] = {"malloc", "marksweep"};
    for (size_t i = 0; i < 2; i++) {
        /* The limit that held, not the one that gcmeter would have set. */
        assert_status(run, "deep_list", backends[i], RUN_OOM,
                      " bytes within 209715200 bytes of addresses");
        assert_status(run, "nothing", backends[i], RUN_OK, "");
    }
    run_data_free(run);
}

/* A group of processes whose memory the kernel limits; made by the test, which removes it. */
static char group[PATH_MAX];

enum { GROUP_BYTES = 128 << 20 };

static bool make_group(void)
{
    char line[PATH_MAX], limit[PATH_MAX + 32], bytes[32];
    bool made = false;
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && !made && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        bool unified = !strncmp(line, "0:", 2);
        if (!path || (!unified && strncmp(controllers, ":memory:", 8) != 0))
            continue;
        snprintf(group, sizeof group, "/sys/fs/cgroup%s%s/gcmeter-test-%d",
                 unified ? "" : "/memory", path + 1, (int)getpid());
        if (mkdir(group, 0777))
            continue;
        snprintf(limit, sizeof limit, "%s/%s", group,
                 unified ? "memory.max" : "memory.limit_in_bytes");
        snprintf(bytes, sizeof bytes, "%d", GROUP_BYTES);
        file = freopen(limit, "r+", file);
        made = file && fputs(bytes, file) >= 0 && fflush(file) == 0;
        if (!made)
            rmdir(group);
        break;
    }
    if (file)
        fclose(file);
    return made;
}

static void remove_group(void)
{
    /* What was killed may take a moment to leave it. */
    for (int tries = 0; rmdir(group) && errno == EBUSY && tries < 1000; tries++)
        poll(NULL, 0, 10);
}

static bool join_group(void *data)
{
    char path[PATH_MAX + 32];
    (void)data;
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    FILE *file = fopen(path, "w");
    return file && fputs("0", file) >= 0 && fclose(file) == 0;
}

static void a_limit_on_a_group_ends_as_oom_and_spares_gcmeter(void **state)
{
    (void)state;
    if (has_sanitizer())
        skip_because("sanitizers take more memory than the group has");
    if (!make_group())
        skip_because("no group of processes with limited memory can be made (cgroups)");
    /* gcmeter and its runner together: whichever of both notices first, gcmeter goes on. */
    process_run_prepared(&p,
                         "run --quiet --workload " GLUTTON
                         " --workload nothing:operations=1000 --backend malloc --invocations 1 "
                         "--out @/group",
                         join_group, NULL);
    int together = p.exit_code;
    /* The runner alone: nothing but the kernel stops it. */
    char script[3 * PATH_MAX];
    assert_int_equal(mkdir(process_path("grouped"), 0777), 0);
    snprintf(script, sizeof script, "#!/bin/sh\necho 0 >'%s/cgroup.procs' && exec '%s' \"$@\"\n",
             group, built("gcmeter-run-malloc"));
    write_file(process_path("grouped/gcmeter-run-malloc"), script);
    assert_int_equal(chmod(process_path("grouped/gcmeter-run-malloc"), 0755), 0);
    /* Its own folder comes first wherever gcmeter looks for runners. */
    char program[sizeof process_program];
    snprintf(program, sizeof program, "%s", process_program);
    snprintf(process_program, sizeof process_program, "%s", process_path("grouped/gcmeter"));
    snprintf(script, sizeof script, "cp '%s' '%s'", program, process_program);
    assert_int_equal(system(script), 0);
    process_run(&p, "run --quiet --workload " GLUTTON
                    " --workload nothing:operations=1000 --backend malloc --invocations 1 "
                    "--out @/alone");
    snprintf(process_program, sizeof process_program, "%s", program);
    remove_group();
    assert_int_equal(together, CMD_FAILED);
    assert_exit_code(&p, CMD_FAILED);
    struct run_data *run = loaded_run("group");
    assert_status(run, "deep_list", "malloc", RUN_OOM, "");
    assert_status(run, "nothing", "malloc", RUN_OK, "");
    run_data_free(run);
    run = loaded_run("alone");
    assert_status(run, "deep_list", "malloc", RUN_OOM, "ended by the kernel for want of memory");
    assert_status(run, "nothing", "malloc", RUN_OK, "");
    run_data_free(run);
}

/* With it the cell is skipped and the rest measured; where nothing is left, one line says so. */
static void assert_library_is_refused(const char *folder, const char *part)
{
    char arguments[256];
    assert_int_equal(setenv("LD_LIBRARY_PATH", process_path(folder), 1), 0);
    process_run(&p, "list backends");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, part);
    snprintf(arguments, sizeof arguments,
             "run --workload nothing --backend boehm --invocations 1 --out @/none");
    assert_refused(arguments, CMD_MISSING, part);
    assert_refused(arguments, CMD_MISSING, "(apt-get install libgc-dev)");
    snprintf(arguments, sizeof arguments,
             "run --quiet --workload nothing:operations=1000 --backend boehm --backend malloc "
             "--invocations 1 --out @/with_%s",
             folder);
    process_run(&p, arguments);
    unsetenv("LD_LIBRARY_PATH");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run(strrchr(arguments, '/') + 1);
    assert_status(run, "nothing", "boehm", RUN_SKIPPED, part);
    assert_status(run, "nothing", "malloc", RUN_OK, "");
    run_data_free(run);
}

static void a_library_that_does_not_load_is_named(void **state)
{
    (void)state;
    if (access(built("gcmeter-run-boehm"), X_OK))
        skip_because("the runner of boehm is not built: apt-get install libgc-dev");
    assert_int_equal(mkdir(process_path("torn"), 0777), 0);
    write_file(process_path("torn/libgc.so.1"), "");
    assert_library_is_refused("torn", "torn/libgc.so.1: file too short");
    assert_int_equal(mkdir(process_path("another"), 0777), 0);
    char command[1024];
    const char *compiler = getenv("GCMETER_CC");
    snprintf(command, sizeof command,
             "echo 'int nothing_of_libgc;' | %s -shared -fPIC -Wl,-soname,libgc.so.1 -xc - -o '%s'",
             compiler ? compiler : "cc", process_path("another/libgc.so.1"));
    assert_int_equal(system(command), 0);
    assert_library_is_refused("another", "undefined symbol: GC_");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_on_address_space_ends_as_oom),
        cmocka_unit_test(a_limit_on_a_group_ends_as_oom_and_spares_gcmeter),
        cmocka_unit_test(a_library_that_does_not_load_is_named),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
