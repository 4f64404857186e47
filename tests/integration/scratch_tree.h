/* scratch_tree.h: a source tree that looks like gcmeter's to `gcmeter ab` and builds fake runners
 * (fake_runner.h), with two revisions. Include after fake_runner.h. */
#ifndef TESTS_SCRATCH_TREE_H
#define TESTS_SCRATCH_TREE_H

#include "fake_runner.h"

/* Runs a script in the folder of the test; a failure is one of the test. */
static inline void scratch_shell(const char *script)
{
    char command[4096], output[4096];
    snprintf(command, sizeof command, "set -eu; cd '%s'; { %s\n} >scratch.log 2>&1", process_folder,
             script);
    if (system(command) == 0)
        return;
    process_read_file(process_path("scratch.log"), output, sizeof output);
    fail_msg("%s: %s", script, output);
}

/* Makes the folder `tree` of the test a git repository whose Makefile makes the runners of `fake`
 * and `boehm` behave as the file `behaviour` says, or that of the prefix which they are built
 * against: HEAD~1 is steady, HEAD slow. False where git is missing. */
static inline bool scratch_tree_make(void)
{
    char self[512] = "";
    if (system("git --version >/dev/null 2>&1") != 0)
        return false;
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    assert_int_equal(setenv("GCMETER_TEST_RUNNER", self, 1), 0);
    scratch_shell("mkdir -p tree/collectors && cd tree && touch collectors/backends.def\n"
                  "cat >Makefile <<'END'\n"
                  "FROM := $(or $(patsubst -I%,%/behaviour,$(filter -I%,$(CPPFLAGS))),behaviour)\n"
                  "BIN := build/$(shell echo '$(CPPFLAGS)' | cksum | cut -d' ' -f1)/bin\n"
                  "RUNNER_EXES := $(BIN)/gcmeter-run-fake $(BIN)/gcmeter-run-boehm\n"
                  "$(BIN)/%: $(FROM)\n"
                  "\t@mkdir -p $(BIN) && cp $(FROM) $(BIN)/behaviour\n"
                  "\t@ln -sf \"$$GCMETER_TEST_RUNNER\" $@\n"
                  "END\n"
                  "echo build >.gitignore\n"
                  "git init -q . && git config user.name test && git config user.email test@test\n"
                  "echo steady >behaviour && git add -A && git commit -q -m one\n"
                  "echo slow >behaviour && git commit -q -a -m two");
    return true;
}

#endif
