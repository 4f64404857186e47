/* Names that would act where they are printed: cells, metrics and details of a run, what a runner
 * says of itself, arguments. Nothing of them reaches a terminal, a Markdown page, XML, JSON or a
 * spreadsheet as anything but a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/cmd.h"
#include "fixtures/run_fixture.h"
#include "gcmeter_process.h"

#define ESCAPE "\x1b[31m\x1b]0;owned\a"

static const char *const cells[] = {
    "<script>alert(1)<&amp;/m/heap=none/threads=1",
    "'; system(\"reboot\") #/m/heap=none/threads=1",
    "=cmd()|x/m/heap=none/threads=1",
    ESCAPE "w/m/heap=none/threads=1",
    "two\nlines\r/m/heap=none/threads=1",
    "[a](http:x)*b*_c_`d`/m/heap=none/threads=1",
    "\xc2\x9b\xff\xe2\x80\xae/m/heap=none/threads=1",
};

static struct process p;

static int make_run(void **state)
{
    struct run_fixture run;
    if (process_setup(state))
        return -1;
    run_fixture_open(&run, process_path("run"));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "kernel", ESCAPE "<script>");
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        for (int64_t n = 0; n < 2 * 5; n++) {
            char key[128];
            snprintf(key, sizeof key, "%s", cells[i]);
            bool is_other = n >= 5;
            /* A second backend, so that there is something to compare in one run. */
            *strstr(key, "m/heap=none") = is_other ? 'b' : 'm';
            struct run_fixture_invocation made = {
                .cell = key,
                .workload = "w",
                .backend = is_other ? "b" : "m",
                .status = n == 9 ? "crashed" : "ok",
                .detail = n == 9 ? ESCAPE "<script>\n=cmd()" : "",
                .number = n % 5,
                .wall_ns = 1000000 + n * 1000,
                .rss_peak_bytes = 1 << 20,
                .pause_count = -1,
                .latency_max_ns = -1,
            };
            run_fixture_commit(&run, &made);
        }
    run_fixture_close(&run);
    return 0;
}

/* All of it could be shown: no controls, no bytes that are not UTF-8 or turn the direction. */
static void assert_harmless(const char *what, const char *text)
{
    static const char *const parts[] = {"\x1b", "\xc2\x9b", "\xff", "\xe2\x80\xae", "\a", "\r"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]))
            fail_msg("%s has the bytes %zu of the table: %s", what, i, text);
}

static void comparisons_show_names_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *absent;
    } cases[] = {
        {"compare @/run @/run --metric wall_ns", NULL},
        {"compare @/run @/run --metric wall_ns --format markdown", "<script"},
        {"compare @/run @/run --metric wall_ns --format json", NULL},
        {"compare @/run @/run --metric wall_ns --format csv", "\n=cmd"},
        {"compare @/run @/run --metric wall_ns --format junit", "<script"},
        {"compare @/run --by backend --reference m", NULL},
        {"compare @/run --by backend --reference m --format markdown", "<script"},
        {"compare @/run --by backend --reference m --format csv", "\n=cmd"},
        {"compare @/run --by backend --reference m --format json", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        process_run(&p, cases[i].arguments);
        if (p.exit_code >= 128 || p.exit_code == CMD_USAGE || !*p.out)
            fail_msg("%s: exit code %d, %s", cases[i].arguments, p.exit_code, p.err);
        assert_contains(p.out, "system(");
        assert_contains(p.out, "cmd()");
        if (!strstr(cases[i].arguments, "json"))
            assert_harmless(cases[i].arguments, p.out);
        assert_null(strstr(p.out, "\x1b"));
        assert_harmless(cases[i].arguments, p.err);
        if (cases[i].absent && strstr(p.out, cases[i].absent))
            fail_msg("%s: %s is in %s", cases[i].arguments, cases[i].absent, p.out);
    }
}

/* Each is one line, which shows what was typed. */
static void arguments_are_shown_as_text(void **state)
{
    (void)state;
    static const char *const commands[] = {
        ESCAPE,
        "run --backend " ESCAPE,
        "run --workload a\nb --backend malloc",
        "run --suite " ESCAPE,
        "run --workload nothing --backend malloc:label=" ESCAPE,
        "run --workload nothing --backend malloc --heap " ESCAPE,
        "run --workload nothing --backend malloc --invocations " ESCAPE,
        "run --" ESCAPE,
        "list " ESCAPE,
        "compare " ESCAPE " @/run",
        "compare @/run @/run --metric " ESCAPE " --gate " ESCAPE,
        "compare @/run @/run --format " ESCAPE,
        "plot " ESCAPE,
        "minheap --threads " ESCAPE,
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        process_run(&p, commands[i]);
        if (p.exit_code != CMD_USAGE)
            fail_msg("command %zu: exit code %d: %s", i, p.exit_code, p.err);
        assert_harmless("stderr", p.err);
        assert_one_line(&p, "gcmeter");
    }
}

/* A runner of somebody else, in a folder of any name. */
static void runners_are_listed_as_text(void **state)
{
    (void)state;
    char folder[128];
    snprintf(folder, sizeof folder, "%s", process_path("a" ESCAPE "\n folder"));
    assert_int_equal(mkdir(folder, 0777), 0);
    char path[256];
    snprintf(path, sizeof path, "%s/gcmeter-run-foreign", folder);
    FILE *script = fopen(path, "w");
    assert_non_null(script);
    fputs("#!/bin/sh\n"
          "printf 'protocol,1\\nname,foreign\\nsummary,\\033[31m<b>\\nversion,\"1\\n2\"\\n'\n"
          "printf 'reclaim,tracing\\nworkload,chore,\\033[0m,,\\302\\233\\n'\n",
          script);
    fclose(script);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(setenv("GCMETER_PATH", folder, 1), 0);
    static const char *const commands[] = {"list backends", "list backends --csv", "list workloads",
                                           "run --dry-run --backend foreign --workload chore"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        process_run(&p, commands[i]);
        assert_exit_code(&p, i == 3 ? p.exit_code : CMD_DONE);
        assert_contains(i < 2 ? p.out : "foreign", "foreign");
        assert_harmless(commands[i], p.out);
        assert_harmless(commands[i], p.err);
    }
    unsetenv("GCMETER_PATH");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_show_names_as_text),
        cmocka_unit_test(arguments_are_shown_as_text),
        cmocka_unit_test(runners_are_listed_as_text),
    };
    return cmocka_run_group_tests(tests, make_run, process_teardown);
}
