/* No indirection on the hot path: the compiled workloads are disassembled, and no call of theirs
 * goes through a pointer, on any backend; and marksweep and nofree, which have no library, call
 * nothing but their own slow paths and the cold functions of gc.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_GLOB "/../*/workloads/*.o"

static bool is_indirect_call(const char *line)
{
    /* x86-64: `call *%rax`, `call *0x8(%rbx)`; aarch64: `blr x3`. */
    const char *call = strstr(line, "call");
    return (call && strchr(call, '*')) || strstr(line, "\tblr\t");
}

/* Disassembles one object file: how many calls it has, how many of them through a pointer. */
static void count_calls(const char *path, unsigned *calls, unsigned *indirect)
{
    char command[4096];
    char line[1024];
    snprintf(command, sizeof command, "objdump -d --no-show-raw-insn '%s'", path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strstr(line, "call") || strstr(line, "\tbl\t") || strstr(line, "\tblr\t"))
            ++*calls;
        if (is_indirect_call(line)) {
            ++*indirect;
            print_error("%s: %s", path, line);
        }
    }
    assert_int_equal(pclose(f), 0);
}

static void no_workload_calls_through_a_pointer(void **state)
{
    (void)state;
    const char *bin = getenv("GCMETER_BIN");
    char pattern[4096];
    glob_t found;
    unsigned calls = 0, indirect = 0;
    if (system("objdump --version >/dev/null 2>&1") != 0) {
        print_message("skipped: objdump is not here (package binutils)\n");
        skip();
    }
    snprintf(pattern, sizeof pattern, "%s" OBJECTS_GLOB, bin ? bin : "build/bin");
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        count_calls(found.gl_pathv[i], &calls, &indirect);
    globfree(&found);
    /* A disassembly that finds no call at all was not read rightly. */
    assert_int_not_equal(calls, 0);
    assert_int_equal(indirect, 0);
}

static void the_reader_of_disassemblies_knows_an_indirect_call(void **state)
{
    (void)state;
    assert_true(is_indirect_call("  40:\tcall   *0x8(%rbx)\n"));
    assert_true(is_indirect_call("  40:\tcall   *%rax\n"));
    assert_true(is_indirect_call("  40:\tblr\tx3\n"));
    assert_false(is_indirect_call("  40:\tcall   45 <iterate+0x45>\n"));
    assert_false(is_indirect_call("  40:\tbl\t0 <marksweep_alloc_slow>\n"));
}

/* What the workloads of a backend without a library may call of it besides gc.h's cold functions.
 */
static void expect_only(const char *backend, const char *allowed)
{
    const char *bin = getenv("GCMETER_BIN");
    char command[8192];
    snprintf(command, sizeof command,
             "nm -u -A '%s/../%s/workloads'/*.o |"
             " grep -vE ' "
             "(workload_[a-z_]+|gc_(pool|finalizers?|weak)_[a-z_]+|mem(set|p?cpy|move|cmp|chr)|"
             "strlen|strcmp|clock_gettime|nanosleep|__(asan|"
             "ubsan|tsan|gcov|stack)_.*"
             "|_GLOBAL_OFFSET_TABLE_|s?n?printf|__[a-z_]*chk(_fail)?|%s)$'",
             bin ? bin : "build/bin", backend, allowed);
    FILE *f = popen(command, "r");
    char line[1024];
    unsigned unexpected = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unexpected++;
        print_error("%s", line);
    }
    pclose(f); /* grep ends with 1 where nothing is left */
    assert_int_equal(unexpected, 0);
}

static void collectors_of_our_own_call_only_their_slow_paths(void **state)
{
    (void)state;
    expect_only("marksweep", "marksweep_(alloc_slow|safepoint_slow|stop_requested)");
    expect_only("nofree", "nofree_[a-z_]+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_of_disassemblies_knows_an_indirect_call),
        cmocka_unit_test(no_workload_calls_through_a_pointer),
        cmocka_unit_test(collectors_of_our_own_call_only_their_slow_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
