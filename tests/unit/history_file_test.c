/* Histories: what runs give, in which order, what is refused, and that adding is all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/history_file.h"
#include "data/machine_class.h"
#include "fixtures/history_fixture.h"

static char folder[] = "/tmp/gcmeter-history-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/gcmeter-history-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static int add_with(const char *name, const char *allowed, size_t *added, struct csv_error *error)
{
    struct run_data *run;
    assert_int_equal(run_data_load(&run, path_of(name), error), 0);
    struct history_add_options options = {.allowed = &allowed, .allowed_count = allowed ? 1 : 0};
    const struct run_data *runs[] = {run};
    int result = history_add(path_of("history.csv"), runs, 1, &options, added, error);
    run_data_free(run);
    return result;
}

/* Makes a run in the folder of that name and adds it. */
static int add(const char *name, const struct history_fixture *fixture, struct csv_error *error)
{
    size_t added;
    history_fixture_write(path_of(name), fixture);
    int result = add_with(name, NULL, &added, error);
    assert_int_equal(added, result ? 0 : 1);
    return result;
}

static struct history *load(void)
{
    struct history *history;
    struct csv_error error;
    if (history_load(&history, path_of("history.csv"), &error))
        fail_msg("%s", error.text);
    return history;
}

static const struct history_series *find(const struct history *history, const char *metric)
{
    for (size_t i = 0; i < history->series_count; i++)
        if (!strcmp(history->series[i].metric, metric))
            return &history->series[i];
    return NULL;
}

static void figures_of_runs_by_time(void **state)
{
    (void)state;
    struct csv_error error;
    const struct history_fixture later = {.date = "2026-02-01T00:00:00Z", .wall_ns = 500000};
    const struct history_fixture earlier = {
        .date = "2026-01-01T00:00:00Z", .wall_ns = 400000, .failed = 2};
    assert_int_equal(add("later", &later, &error), 0);
    assert_int_equal(add("earlier", &earlier, &error), 0);
    struct history *history = load();
    assert_int_equal(history->run_count, 2);
    assert_string_equal(history->runs[0].date, "2026-01-01T00:00:00Z");
    assert_string_equal(history->runs[1].commit, "0123456789abcdef");
    assert_string_equal(history->runs[1].keys[HISTORY_CPU_MODEL], "Example CPU, 2.5GHz");
    assert_string_equal(history->runs[1].keys[HISTORY_KERNEL], "6");
    assert_int_equal(history->runs[1].order_seed, 42);
    assert_int_equal(history->newest, 0);
    /* allocated_bytes has no direction, so there is nothing to watch in it. */
    assert_int_equal(history->series_count, 2);
    assert_non_null(find(history, "rss_peak_bytes"));
    const struct history_series *wall = find(history, "wall_ns");
    assert_string_equal(wall->cell, HISTORY_CELL);
    assert_string_equal(wall->unit, "ns");
    assert_int_equal(wall->better, SCHEMA_LOWER);
    assert_string_equal(wall->workload_params, "depth=16,size=8");
    assert_int_equal(wall->point_count, 2);
    const struct history_point *first = &wall->points[0], *last = &wall->points[1];
    assert_int_equal(first->run, 0);
    assert_int_equal(first->ok_count, 5);
    assert_int_equal(first->all_count, 7);
    assert_true(first->median == 402000);
    assert_true(isnan(first->low) && isnan(first->high));
    assert_int_equal(last->ok_count, 7);
    assert_true(last->median == 503000);
    assert_true(last->low == 500000 && last->high == 506000);
    history_free(history);
}

static void a_cell_that_always_fails_leaves_a_mark(void **state)
{
    (void)state;
    struct csv_error error;
    const struct history_fixture failing = {.date = "2026-01-01T00:00:00Z", .failed = 7};
    assert_int_equal(add("a", &failing, &error), 0);
    struct history *history = load();
    assert_int_equal(history->series_count, 1);
    const struct history_series *wall = find(history, "wall_ns");
    assert_int_equal(wall->points[0].ok_count, 0);
    assert_int_equal(wall->points[0].all_count, 7);
    assert_true(isnan(wall->points[0].median));
    history_free(history);
}

static void the_same_run_is_added_once(void **state)
{
    (void)state;
    struct csv_error error;
    size_t added = 7;
    const struct history_fixture run = {.date = "2026-01-01T00:00:00Z", .wall_ns = 1000};
    assert_int_equal(add("a", &run, &error), 0);
    assert_int_equal(add_with("a", NULL, &added, &error), 0);
    assert_int_equal(added, 0);
    struct history *history = load();
    assert_int_equal(history->run_count, 1);
    assert_int_equal(find(history, "wall_ns")->point_count, 1);
    history_free(history);
}

static void read_all(const char *name, char *text, size_t bytes)
{
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    size_t length = fread(text, 1, bytes - 1, file);
    text[length] = '\0';
    fclose(file);
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *entries = opendir(folder);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count;
}

static void other_machines_and_methods_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct history_fixture run;
        const char *key;
        const char *part;
    } cases[] = {
        {{.cpu_model = "Other CPU"}, "cpu_model", "in cpu_model: 'Other CPU' and 'Example CPU, "},
        {{.kernel = "5.10.0-1-amd64"}, "kernel", "in kernel: '5' and '6'"},
        {{.iterations = "3"}, "iterations", "in iterations: '3' and '1'"},
        {{.params = "depth=17,size=8"}, "workload_params", "in workload_params of " HISTORY_CELL},
    };
    struct csv_error error;
    static char before[8192], after[8192];
    struct history_fixture run = {.date = "2026-01-01T00:00:00Z", .wall_ns = 1000};
    assert_int_equal(add("first", &run, &error), 0);
    read_all("history.csv", before, sizeof before);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        snprintf(name, sizeof name, "other%zu", i);
        run = cases[i].run;
        run.date = "2026-01-02T00:00:00Z";
        size_t files = count_files();
        assert_int_equal(add(name, &run, &error), -EINVAL);
        assert_int_equal(count_files(), files + 1);
        if (!strstr(error.text, cases[i].part) || !strstr(error.text, cases[i].key))
            fail_msg("'%s' is not in: %s", cases[i].part, error.text);
        read_all("history.csv", after, sizeof after);
        assert_string_equal(after, before);
    }
    /* A newer kernel of the same major version, and an option that only one knows, are the same. */
    run = (struct history_fixture){.date = "2026-01-03T00:00:00Z",
                                   .wall_ns = 1000,
                                   .kernel = "6.8.0",
                                   .params = "depth=16,size=8,width=3"};
    assert_int_equal(add("newer", &run, &error), 0);
    run = (struct history_fixture){.wall_ns = 1000};
    assert_int_equal(add("undated", &run, &error), -EINVAL);
    assert_non_null(strstr(error.text, "run.csv has no date"));
}

static void who_insists_does_so_once(void **state)
{
    (void)state;
    struct csv_error error;
    size_t added;
    struct history_fixture run = {.date = "2026-01-01T00:00:00Z", .wall_ns = 1000};
    assert_int_equal(add("a", &run, &error), 0);
    run.date = "2026-01-02T00:00:00Z";
    run.cpu_model = "Other CPU";
    history_fixture_write(path_of("b"), &run);
    assert_int_equal(add_with("b", "cores", &added, &error), -EINVAL);
    assert_int_equal(add_with("b", "cpu_model", &added, &error), 0);
    run.date = "2026-01-03T00:00:00Z";
    assert_int_equal(add("c", &run, &error), 0);
}

static void several_runs_are_added_or_none(void **state)
{
    (void)state;
    struct csv_error error;
    struct run_data *loaded[3];
    size_t added;
    static const char *const names[] = {"a", "b", "c"};
    static const char *const dates[] = {"2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z",
                                        "2026-01-01T00:00:00Z"};
    for (size_t i = 0; i < 3; i++) {
        struct history_fixture run = {.date = dates[i], .wall_ns = 1000};
        run.iterations = i == 2 ? "5" : NULL;
        history_fixture_write(path_of(names[i]), &run);
        assert_int_equal(run_data_load(&loaded[i], path_of(names[i]), &error), 0);
    }
    const struct run_data *const runs[] = {loaded[0], loaded[1], loaded[2], loaded[0]};
    const struct history_add_options options = {0};
    const char *path = path_of("history.csv");
    assert_int_equal(history_add(path, runs, 3, &options, &added, &error), -EINVAL);
    assert_int_equal(access(path, F_OK), -1);
    const struct run_data *const good[] = {loaded[0], loaded[1], loaded[0]};
    const struct history_add_options named = {.commit = "v1.2"};
    assert_int_equal(history_add(path, good, 3, &named, &added, &error), 0);
    assert_int_equal(added, 2);
    struct history *history = load();
    assert_int_equal(history->run_count, 2);
    assert_string_equal(history->runs[1].commit, "v1.2");
    history_free(history);
    for (size_t i = 0; i < 3; i++)
        run_data_free(loaded[i]);
}

static void processes_take_turns(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        char name[16], date[32];
        snprintf(name, sizeof name, "run%d", i);
        snprintf(date, sizeof date, "2026-01-0%dT00:00:00Z", i + 1);
        const struct history_fixture run = {.date = date, .wall_ns = 1000 * (i + 1)};
        history_fixture_write(path_of(name), &run);
    }
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            char name[16];
            struct csv_error error;
            size_t added = 0;
            snprintf(name, sizeof name, "run%d", i);
            _exit(add_with(name, NULL, &added, &error) || added != 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    struct history *history = load();
    assert_int_equal(history->run_count, PROCESSES);
    const struct history_series *wall = find(history, "wall_ns");
    assert_int_equal(wall->point_count, PROCESSES);
    for (int i = 0; i < PROCESSES; i++)
        assert_true(wall->points[i].median == 1000 * (i + 1) + 3000);
    history_free(history);
}

/* A limit on the size of files stands for a full disk. */
static void a_full_disk_leaves_what_was_there(void **state)
{
    (void)state;
    struct csv_error error;
    static char before[8192], after[8192];
    struct history_fixture run = {.date = "2026-01-01T00:00:00Z", .wall_ns = 1000};
    assert_int_equal(add("a", &run, &error), 0);
    read_all("history.csv", before, sizeof before);
    run.date = "2026-01-02T00:00:00Z";
    history_fixture_write(path_of("b"), &run);
    size_t files = count_files();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        size_t added;
        signal(SIGXFSZ, SIG_IGN);
        const struct rlimit limit = {strlen(before) + 100, strlen(before) + 100};
        bool limited = setrlimit(RLIMIT_FSIZE, &limit) == 0;
        _exit(!limited || add_with("b", NULL, &added, &error) != -EFBIG);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    read_all("history.csv", after, sizeof after);
    assert_string_equal(after, before);
    assert_int_equal(count_files(), files);
}

#define HEADER                                                                                     \
    "date,order_seed,commit,cpu_model,cores,kernel,seed,warmup,iterations,cell,workload_params,"   \
    "backend_options,metric,unit,better,n,of,median,low,high\n"
#define GOOD "2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,wall_ns,ns,lower,3,3,10,,\n"

static void malformed_files_are_refused_by_place(void **state)
{
    (void)state;
    static const struct {
        const char *rows;
        const char *part;
    } cases[] = {
        {",1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,wall_ns,ns,lower,3,3,10,,\n", ":2:1: date is"},
        {"2026-01-01,,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,,lower,3,3,10,,\n",
         ":2:2: order_seed is empty"},
        {"2026-01-01,1,,c,2,6,1,1,1,w,,,wall_ns,ns,lower,3,3,10,,\n", ":2:10: the cell does not"},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,,ns,lower,3,3,10,,\n",
         ":2:13: metric is empty"},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,ns,none,3,3,10,,\n",
         ":2:15: better is lower or higher"},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,ns,lower,4,3,10,,\n",
         ":2:16: n is more than of"},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,ns,lower,,3,10,,\n",
         ":2:16: n is no count"},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,ns,lower,3,3,,,\n",
         ":2:18: median is there where n is not 0"},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,ns,lower,3,3,nan,,\n", ":2:18: "},
        {"2026-01-01,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,m,ns,lower,3,3,10,11,12\n",
         ":2:19: low to high is no interval"},
        {GOOD GOOD, ":3:1: a second row of the same run, cell and metric"},
        {GOOD "2026-01-01,1,,d,2,6,1,1,1,w/b/heap=none/threads=1,,,m,,lower,3,3,10,,\n",
         ":3:4: cpu_model differs from that of an earlier row"},
        {GOOD "2026-01-02,1,,c,2,6,1,1,1,w/b/heap=none/threads=1,,,wall_ns,ns,higher,3,3,10,,\n",
         ":3:15: better differs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct csv_error error;
        struct history *history;
        FILE *file = fopen(path_of("history.csv"), "w");
        fprintf(file, "%s%s", HEADER, cases[i].rows);
        fclose(file);
        assert_int_equal(history_load(&history, path_of("history.csv"), &error), -EBADMSG);
        if (!strstr(error.text, cases[i].part))
            fail_msg("'%s' is not in: %s", cases[i].part, error.text);
    }
}

static void what_was_edited_is_not_appended_to(void **state)
{
    (void)state;
    struct csv_error error;
    const struct history_fixture run = {.date = "2026-01-02T00:00:00Z", .cpu_model = "c"};
    FILE *file = fopen(path_of("history.csv"), "w");
    fprintf(file, "%s%s2026", HEADER, GOOD);
    fclose(file);
    assert_int_equal(add("a", &run, &error), -EBADMSG);
    assert_non_null(strstr(error.text, "was edited"));
}

static void machine_classes_are_names_of_files(void **state)
{
    (void)state;
    static const struct {
        const char *cpu_model;
        const char *name;
    } cases[] = {
        {"Intel(R) Xeon(R) CPU @ 2.20GHz", "intel-r-xeon-r-cpu-2.20ghz-2-cores-linux-6"},
        {"../../etc/passwd\n", "etc-passwd-2-cores-linux-6"},
        {"", "unknown-2-cores-linux-6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        struct run_data *run;
        struct csv_error error;
        snprintf(name, sizeof name, "m%zu", i);
        const struct history_fixture fixture = {.cpu_model = cases[i].cpu_model};
        history_fixture_write(path_of(name), &fixture);
        assert_int_equal(run_data_load(&run, path_of(name), &error), 0);
        char *class = machine_class_format(run);
        assert_string_equal(class, cases[i].name);
        free(class);
        run_data_free(run);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(figures_of_runs_by_time),
        TEST(a_cell_that_always_fails_leaves_a_mark),
        TEST(the_same_run_is_added_once),
        TEST(other_machines_and_methods_are_refused),
        TEST(who_insists_does_so_once),
        TEST(several_runs_are_added_or_none),
        TEST(processes_take_turns),
        TEST(a_full_disk_leaves_what_was_there),
        TEST(malformed_files_are_refused_by_place),
        TEST(what_was_edited_is_not_appended_to),
        TEST(machine_classes_are_names_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
