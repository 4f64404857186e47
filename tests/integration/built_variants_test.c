/* `gcmeter ab` with runners that it builds first: from git revisions, and against the library of a
 * prefix; in a source tree of the test's own, whose runners are fake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

#include "scratch_tree.h"

#define AB     "ab --workload chore --warmup 0 --metric wall_ns "
#define PREFIX AB "--quiet --base boehm:prefix=@/good --new boehm:prefix=@/"

static struct process p;
static bool has_tree;

/* A prefix with headers and a library, whose runner behaves so. */
static void make_prefix(const char *name, const char *behaviour)
{
    char script[512];
    snprintf(script, sizeof script,
             "mkdir -p %s/include/gc %s/lib && touch %s/include/gc/gc.h %s/lib/libgc.so &&"
             " echo %s >%s/include/behaviour",
             name, name, name, name, behaviour, name);
    scratch_shell(script);
}

static int make_all(void **state)
{
    if (process_setup(state))
        return -1;
    has_tree = scratch_tree_make();
    make_prefix("good", "steady");
    return has_tree ? chdir(process_path("tree")) : 0;
}

static void need_tree(void)
{
    if (has_tree)
        return;
    print_message("skipped: git is missing\n");
    skip();
}

static void revisions_are_built_and_compared(void **state)
{
    (void)state;
    need_tree();
    process_run(&p, AB "--base fake:build=HEAD~1 --new fake:build=HEAD --out @/revisions");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "1 regressed\n");
    assert_contains(p.err, "building fake from ");
    struct run_data *run = loaded_run("revisions/new");
    assert_string_equal(run_data_key(run, "ab_arm"), "new");
    assert_string_equal(run_data_key(run, "ab_variant"), "fake:build=HEAD");
    const char *commit = run_data_key(run, "ab_commit");
    assert_int_equal(strlen(commit), 40);
    char worktree[128];
    snprintf(worktree, sizeof worktree, "build/revisions/%.12s/behaviour", commit);
    assert_int_equal(access(worktree, R_OK), 0);
    run_data_free(run);

    /* What was removed behind git's back is built again. */
    scratch_shell("rm -rf tree/build");
    process_run(&p, AB "--base fake:build=HEAD --new fake:build=HEAD~1 --out @/again");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 improved\n");
}

static void what_cannot_be_built_is_told_in_a_line(void **state)
{
    (void)state;
    need_tree();
    assert_refused(AB "--quiet --base fake:build=HEAD --new fake:build=nowhere", CMD_USAGE,
                   "'nowhere' is neither a folder nor a revision of ");
    scratch_shell("cd tree && git checkout -q -b broken && git rm -q behaviour &&"
                  " git commit -q -m three && git checkout -q -");
    assert_refused(AB "--quiet --base fake:build=HEAD --new fake:build=broken", CMD_MISSING,
                   "its runner cannot be built: make: *** No rule to make target");
    assert_refused(AB "--quiet --base fake:build=HEAD --new other:build=HEAD", CMD_MISSING,
                   "backend other is not built from ");
}

static void prefixes_are_built_against_and_compared(void **state)
{
    (void)state;
    need_tree();
    make_prefix("worse", "slow");
    process_run(&p, PREFIX "worse --out @/prefixes");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "chore/boehm/heap=none/threads=1");
}

static void what_a_prefix_lacks_is_told_in_a_line(void **state)
{
    (void)state;
    need_tree();
    scratch_shell("mkdir -p empty half/include/gc && touch half/include/gc/gc.h");
    assert_refused(PREFIX "empty", CMD_MISSING, "empty/include/gc/gc.h is missing");
    assert_refused(PREFIX "half", CMD_MISSING, "there is no libgc.so or .a in ");
    assert_refused(PREFIX "none", CMD_USAGE, "is not a folder");
    make_prefix("elsewhere", "elsewhere");
    assert_refused(PREFIX "elsewhere", CMD_MISSING,
                   "its runner loads /usr/lib/libgc.so.1, not a library of ");
    make_prefix("mismatch", "mismatch");
    assert_refused(PREFIX "mismatch", CMD_MISSING,
                   "built against the headers of 8.3, but libgc.so is version 8.2");
    assert_refused(AB "--base boehm:prefix=@/good,build=@ --new boehm", CMD_USAGE,
                   "build= and prefix= exclude each other");
    assert_refused(AB "--base fake:prefix=@/good --new fake", CMD_USAGE,
                   "backend fake has no library of its own");
    make_prefix("a%20b", "steady");
    assert_int_equal(rename(process_path("a%20b"), process_path("a b")), 0);
    assert_refused(PREFIX "a%20b", CMD_USAGE, "may hold neither blanks");
}

static void without_a_source_tree_nothing_is_built(void **state)
{
    (void)state;
    need_tree();
    /* gcmeter itself lies in none when it is copied. */
    static char kept[sizeof process_program];
    static char command[sizeof process_program + 64];
    memcpy(kept, process_program, sizeof kept);
    snprintf(command, sizeof command, "cp '%s' '%s'", process_program, process_path("copy"));
    assert_int_equal(system(command), 0);
    snprintf(process_program, sizeof process_program, "%s", process_path("copy"));
    assert_int_equal(chdir(process_folder), 0);
    assert_refused(AB "--base fake:build=HEAD --new fake:build=HEAD", CMD_MISSING,
                   "runners are built from gcmeter's source tree");
    assert_refused(PREFIX "good", CMD_MISSING, "runners are built from gcmeter's source tree");
    assert_int_equal(chdir("tree"), 0);
    memcpy(process_program, kept, sizeof kept);
}

int main(int argc, char **argv)
{
    if (fake_is_called(argv))
        return fake_runner(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revisions_are_built_and_compared),
        cmocka_unit_test(what_cannot_be_built_is_told_in_a_line),
        cmocka_unit_test(prefixes_are_built_against_and_compared),
        cmocka_unit_test(what_a_prefix_lacks_is_told_in_a_line),
        cmocka_unit_test(without_a_source_tree_nothing_is_built),
    };
    return cmocka_run_group_tests(tests, make_all, process_teardown);
}
