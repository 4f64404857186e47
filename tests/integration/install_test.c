/* marksweep embedded by others: the example as it is built here, and built against what `make
 * install-marksweep` puts into a folder, by nothing but pkg-config. The root of the tree is the
 * working folder; GCMETER_BIN, GCMETER_CC and GCMETER_SAN say what was built and how. */
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

static char folder[] = "/tmp/gcmeter-embed-XXXXXX";
static char output[1 << 16];

/* Runs a command line, its output in `output`; returns the exit code. */
static int shell(const char *command)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "{ %s\n} 2>&1", command);
    FILE *pipe = popen(whole, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void succeed(const char *command)
{
    int code = shell(command);
    if (code != 0)
        fail_msg("%s: exit code %d:\n%s", command, code, output);
}

static void the_example_runs(void **state)
{
    (void)state;
    succeed("\"$GCMETER_BIN\"/../examples/lisp_heap");
    assert_non_null(strstr(output, "50500000 is right"));
}

/* Another prefix than where it is installed: DESTDIR is for packagers. */
static void what_is_installed_suffices(void **state)
{
    (void)state;
    if (shell("command -v pkg-config") != 0) {
        print_message("skipped: pkg-config is not here: apt-get install pkg-config\n");
        skip();
    }
    succeed("make --no-print-directory install-marksweep DESTDIR=\"$D\" PREFIX=/opt/gc "
            "CC=\"${GCMETER_CC:-cc}\" SAN=\"$GCMETER_SAN\" CFLAGS='-O2 -g'");
    /* pkg-config puts the sysroot in front of the paths of the file. */
    succeed("export PKG_CONFIG_PATH=\"$D/opt/gc/lib/pkgconfig\" PKG_CONFIG_SYSROOT_DIR=\"$D\"\n"
            "cp collectors/marksweep/example/lisp_heap.c \"$D\" && cd \"$D\" &&"
            " ${GCMETER_CC:-cc} -std=c11 -Wall -Wextra -Werror -O2"
            " ${GCMETER_SAN:+-fsanitize=$GCMETER_SAN} lisp_heap.c -o lisp_heap"
            " $(pkg-config --cflags --libs marksweep) && ./lisp_heap");
    assert_non_null(strstr(output, "50500000 is right"));
    succeed("PKG_CONFIG_PATH=\"$D/opt/gc/lib/pkgconfig\" pkg-config --modversion marksweep");
    assert_true(strchr("0123456789", output[0]) != NULL && output[0] != '\0');
    succeed("PKG_CONFIG_PATH=\"$D/opt/gc/lib/pkgconfig\" pkg-config --variable=prefix marksweep");
    assert_string_equal(output, "/opt/gc\n");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && setenv("D", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return shell("rm -rf \"$D\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_runs),
        cmocka_unit_test(what_is_installed_suffices),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
