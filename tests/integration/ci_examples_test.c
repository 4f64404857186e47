/* examples/ci: that the files parse and their steps do what they say, as far as can be tried
 * without a network: on projects of the test's own, whose runners are fake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/cmd.h"
#include "gcmeter_process.h"

#include "scratch_tree.h"

static bool has_git, has_yaml;
static char output[65536];

/* Runs a script in the folder of the test, where `root` is a link to gcmeter's source tree; its
 * exit code. What it prints is in `output`. */
static int try_shell(const char *script)
{
    static char command[8192];
    snprintf(command, sizeof command, "cd '%s' && { %s\n} >try.log 2>&1", process_folder, script);
    int status = system(command);
    process_read_file(process_path("try.log"), output, sizeof output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void assert_shell(const char *script, int expected)
{
    int code = try_shell(script);
    if (code != expected)
        fail_msg("exit code %d, not %d: %s\n%s", code, expected, script, output);
}

static int make_all(void **state)
{
    char root[PATH_MAX];
    if (process_setup(state) || !getcwd(root, sizeof root) || symlink(root, process_path("root")))
        return -1;
    has_git = scratch_tree_make();
    has_yaml = system("python3 -c 'import yaml' 2>/dev/null") == 0;
    scratch_shell("mkdir -p tree/build/bin");
    return symlink(process_program, process_path("tree/build/bin/gcmeter"));
}

static void need(bool there, const char *what)
{
    if (there)
        return;
    print_message("skipped: %s is missing\n", what);
    skip();
}

static void every_step_is_a_shell_script(void **state)
{
    (void)state;
    need(has_yaml, "python3-yaml");
    assert_shell("set -e; for f in root/examples/ci/*.yml; do\n"
                 "  python3 root/tests/fixtures/ci_steps.py $f >steps.sh; sh -n steps.sh\n"
                 "  grep -q 'ab ' steps.sh; done",
                 0);
    assert_shell("sh -n root/examples/ci/bdwgc_ab", 0);
}

/* A project with a target `runner`, whose base is steady and whose head is slow. */
static void make_project(const char *name)
{
    char script[1024];
    snprintf(
        script, sizeof script,
        "mkdir %s && cd %s && git init -q . && git config user.name test &&"
        " git config user.email test@test\n"
        "printf 'runner:\\n\\tmkdir -p $(DEST) && cp behaviour $(DEST)/behaviour\\n"
        "\\tln -s $(GCMETER_TEST_RUNNER) $(DEST)/gcmeter-run-mycollector\\n' >Makefile\n"
        "printf 'cell_pattern,metric,tolerance_pct,tolerance_abs\\n*,wall_ns,5,0\\n' >gate.csv\n"
        "echo steady >behaviour && git add -A && git commit -q -m base\n"
        "echo slow >behaviour && git commit -q -a -m head\n"
        "ln -s ../tree gcmeter",
        name, name);
    scratch_shell(script);
}

static void a_github_workflow_compares_base_and_head(void **state)
{
    (void)state;
    need(has_git, "git");
    need(has_yaml, "python3-yaml");
    make_project("github");
    assert_shell("cd github && steps() { python3 ../root/tests/fixtures/ci_steps.py"
                 " ../root/examples/ci/github-actions.yml \"$1\"; }\n"
                 "export RUNNER_NAME=mycollector BASE=$(git rev-parse HEAD~1)\n"
                 "steps 'build both arms' >arms.sh && sh -e arms.sh || exit 9\n"
                 "steps compare | sed 's/--suite quick/--workload chore/' >compare.sh\n"
                 "sh -e compare.sh",
                 CMD_REGRESSED);
    assert_contains(output, "| chore/mycollector/heap=none/threads=1 | wall\\_ns | ");
    assert_contains(output, "1 regressed");
}

static void a_gitlab_job_compares_base_and_head(void **state)
{
    (void)state;
    need(has_git, "git");
    need(has_yaml, "python3-yaml");
    make_project("gitlab");
    assert_shell(
        "cd gitlab && export RUNNER_NAME=mycollector\n"
        "export CI_MERGE_REQUEST_DIFF_BASE_SHA=$(git rev-parse HEAD~1)\n"
        "python3 ../root/tests/fixtures/ci_steps.py ../root/examples/ci/gitlab-ci.yml script"
        " | sed 's/--suite quick/--workload chore/' >script.sh\n"
        "sh -e script.sh; code=$?; cat comparison.xml; exit $code",
        CMD_REGRESSED);
    assert_contains(output, "<testsuite name=\"gcmeter compare\" tests=\"1\" failures=\"1\"");
}

/* Something that configures, builds and installs as bdwgc does. `main` has gone on since the head
 * left it. */
static void a_fork_of_bdwgc_is_compared_with_its_merge_base(void **state)
{
    (void)state;
    need(has_git, "git");
    scratch_shell(
        "mkdir gc && cd gc && git init -q . && git config user.name test &&"
        " git config user.email test@test && git checkout -q -b main\n"
        "printf '#!/bin/sh\\necho \"PREFIX := ${1#--prefix=}\" >prefix.mk\\n' >configure\n"
        "chmod +x configure\n"
        "printf 'include prefix.mk\\nall:\\ninstall:\\n"
        "\\tmkdir -p $(PREFIX)/include/gc $(PREFIX)/lib\\n"
        "\\ttouch $(PREFIX)/include/gc/gc.h $(PREFIX)/lib/libgc.so\\n"
        "\\tcp behaviour $(PREFIX)/include/behaviour\\n' >Makefile\n"
        "echo steady >behaviour && git add -A && git commit -q -m one\n"
        "git checkout -q -b change && echo slow >behaviour && git commit -q -a -m two\n"
        "git checkout -q main && echo crash >behaviour && git commit -q -a -m three\n"
        "git checkout -q change");
    assert_shell("root/examples/ci/bdwgc_ab tree gc main --workload chore --metric wall_ns",
                 CMD_REGRESSED);
    assert_contains(output, "### bdwgc: ");
    assert_contains(output, "| chore/boehm/heap=none/threads=1 | wall\\_ns | ");
    assert_contains(output, "1 regressed");

    scratch_shell("cd gc && printf '#!/bin/sh\\necho no compiler >&2; exit 1\\n' >configure &&"
                  " git commit -q -a -m broken");
    assert_shell("root/examples/ci/bdwgc_ab tree gc main", CMD_MISSING);
    assert_contains(output, "no compiler");
    assert_shell("root/examples/ci/bdwgc_ab tree", CMD_USAGE);
}

int main(int argc, char **argv)
{
    if (fake_is_called(argv))
        return fake_runner(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_a_shell_script),
        cmocka_unit_test(a_github_workflow_compares_base_and_head),
        cmocka_unit_test(a_gitlab_job_compares_base_and_head),
        cmocka_unit_test(a_fork_of_bdwgc_is_compared_with_its_merge_base),
    };
    return cmocka_run_group_tests(tests, make_all, process_teardown);
}
