/* Adding to gcmeter: a workload is one file and one row, in a copy of the tree whose path has a
 * space; a backend is a folder outside the tree, whose runner joins by its name alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/gcmeter extend XXXXXX";

/* Runs a command line by the shell, its output going to LOG in the folder; returns its exit code.
 */
static int shell(const char *text)
{
    char command[8192];
    int length =
        snprintf(command, sizeof command, "D='%s'; { %s\n} >\"$D/log\" 2>&1", folder, text);
    assert_in_range(length, 1, sizeof command - 1);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Like shell, and shows the output where the command fails. */
static void assert_shell(const char *text)
{
    int code = shell(text);
    if (code != 0) {
        char show[256];
        snprintf(show, sizeof show, "tail -n 30 '%s/log' >&2", folder);
        fail_msg("%s: exit code %d (log %s)", text, code, system(show) == 0 ? "above" : "lost");
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void a_workload_is_one_file_and_one_row(void **state)
{
    (void)state;
    assert_shell("mkdir \"$D/a tree\" && cp -R Makefile .ci collectors workloads harness plots "
                 "\"$D/a tree/\"");
    /* Two backends are enough to show it, and compile in seconds. */
    assert_shell("cd \"$D/a tree\" && sed -i '/^BACKEND(/{/^BACKEND(malloc,\\|^BACKEND(nofree,/!d}'"
                 " collectors/backends.def && grep -c '^BACKEND(' collectors/backends.def");
    assert_shell("cp tests/fixtures/extra_workload.c \"$D/a tree/workloads/countdown.c\" &&"
                 " echo 'WORKLOAD(countdown)' >>\"$D/a tree/workloads/workloads.def\"");
    assert_shell("cd \"$D/a tree\" && make --no-print-directory -j2 BUILD=build CFLAGS=-O0 SAN= "
                 "DEPS=no");
    assert_shell("cd \"$D/a tree\" && build/bin/gcmeter list workloads --csv | grep -q countdown");
    assert_shell(
        "cd \"$D/a tree\" && build/bin/gcmeter run --quiet --workload countdown:objects=500"
        " --backend malloc --backend nofree --invocations 1 --out \"$D/out\"");
    assert_shell("grep -c '^countdown:objects=500/.*,ok,' \"$D/out/invocations.csv\" | grep -qx 2");
    /* 0 + 1 + … + 499 on both. */
    assert_shell("grep -cE ',124750(,|$)' \"$D/out/invocations.csv\" | grep -qx 2");
}

static void a_backend_outside_the_tree_is_listed_run_and_compared(void **state)
{
    (void)state;
    assert_shell("mkdir \"$D/mine\" && cp tests/fixtures/outside_gc.h tests/fixtures/outside.c "
                 "\"$D/mine/\"");
    /* Its runner is built from the tree's sources without writing there. */
    assert_shell(
        "common='-std=c11 -D_GNU_SOURCE -fno-strict-aliasing -pthread -O0 -Icollectors -Iworkloads "
        "-Iharness';"
        " ${GCMETER_CC:-cc} $common -I\"$D\" -DGC_BACKEND_HEADER='\"mine/outside_gc.h\"'"
        " -DRUNNER_BACKEND='\"outside\"' -DRUNNER_FLAVOUR='\"\"' -DRUNNER_COMPILER='\"cc\"'"
        " -DRUNNER_FLAGS='\"-O0\"' -o \"$D/mine/gcmeter-run-outside\" \"$D/mine/outside.c\""
        " collectors/*.c collectors/pool/*.c workloads/*.c harness/runner/*.c harness/base/*.c "
        "-lm");
    assert_shell("export GCMETER_PATH=\"$D/mine\"; \"$GCMETER_BIN/gcmeter\" list backends --csv |"
                 " grep -q '^outside,'");
    assert_shell("export GCMETER_PATH=\"$D/mine\"; \"$GCMETER_BIN/gcmeter\" run --quiet"
                 " --workload slice_append:slices=2000 --backend outside:waste=64 --backend malloc"
                 " --invocations 5 --out \"$D/compared\"");
    assert_shell("\"$GCMETER_BIN/gcmeter\" compare \"$D/compared\" --by backend --reference malloc"
                 " --format csv | grep -q 'outside'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workload_is_one_file_and_one_row),
        cmocka_unit_test(a_backend_outside_the_tree_is_listed_run_and_compared),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
