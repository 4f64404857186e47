#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/csv_write.h"

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/gcmeter_csv_write_XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/pauses.csv", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static char *read_all(char *buffer, size_t size)
{
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t length = fread(buffer, 1, size - 1, in);
    fclose(in);
    buffer[length] = '\0';
    return buffer;
}

#define HEADER "cell,invocation,thread,kind,start_ns,duration_ns,safepoint_ns\n"

static const struct schema_file *pauses = &schema_files[SCHEMA_FILE_PAUSES];

static void quotes_only_where_needed_and_leaves_the_rest_empty(void **state)
{
    (void)state;
    struct csv_writer *writer;
    assert_int_equal(csv_writer_open(&writer, path, pauses), 0);
    csv_writer_text(writer, SCHEMA_PAUSES_kind, "a,\"b\"\nc");
    csv_writer_text(writer, SCHEMA_PAUSES_cell, "pläin");
    csv_writer_int(writer, SCHEMA_PAUSES_thread, INT64_MIN);
    csv_writer_uint(writer, SCHEMA_PAUSES_start_ns, UINT64_MAX);
    assert_int_equal(csv_writer_row(writer), 0);
    csv_writer_text(writer, SCHEMA_PAUSES_cell, " blank");
    csv_writer_real(writer, SCHEMA_PAUSES_start_ns, 0.1);
    csv_writer_real(writer, SCHEMA_PAUSES_duration_ns, 0.0 / 0.0);
    csv_writer_int(writer, SCHEMA_PAUSES_thread, 3);
    csv_writer_int(writer, SCHEMA_PAUSES_thread, -1);
    assert_int_equal(csv_writer_row(writer), 0);
    assert_int_equal(csv_writer_close(writer), 0);
    char text[1024];
    assert_string_equal(read_all(text, sizeof text),
                        HEADER "pläin,,-9223372036854775808,\"a,\"\"b\"\"\nc\","
                               "18446744073709551615,,\n"
                               "\" blank\",,-1,,0.1,,\n");
}

static void appends_to_what_is_there(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct csv_writer *writer;
        assert_int_equal(csv_writer_open(&writer, path, pauses), 0);
        csv_writer_int(writer, SCHEMA_PAUSES_invocation, i);
        assert_int_equal(csv_writer_row(writer), 0);
        assert_int_equal(csv_writer_close(writer), 0);
    }
    char text[1024];
    assert_string_equal(read_all(text, sizeof text), HEADER ",0,,,,,\n,1,,,,,\n");
}

static void put_file(const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void refuses_another_header_or_a_torn_row(void **state)
{
    (void)state;
    struct csv_writer *writer;
    put_file("cell,invocation\n");
    assert_int_equal(csv_writer_open(&writer, path, pauses), -EBADMSG);
    put_file(HEADER "a,1,2");
    assert_int_equal(csv_writer_open(&writer, path, pauses), -EBADMSG);
}

static void refuses_a_column_that_does_not_exist_once(void **state)
{
    (void)state;
    struct csv_writer *writer;
    assert_int_equal(csv_writer_open(&writer, path, pauses), 0);
    csv_writer_int(writer, SCHEMA_PAUSES_COUNT, 1);
    assert_int_equal(csv_writer_row(writer), -EINVAL);
    csv_writer_int(writer, SCHEMA_PAUSES_thread, 1);
    assert_int_equal(csv_writer_row(writer), 0);
    assert_int_equal(csv_writer_close(writer), 0);
    char text[1024];
    assert_string_equal(read_all(text, sizeof text), HEADER ",,1,,,,\n");
}

/* A limit on the file's size makes write(2) stop half-way, as a full disk does. */
static void a_failing_write_leaves_only_whole_rows(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct csv_writer *writer;
    assert_int_equal(csv_writer_open(&writer, path, pauses), 0);
    csv_writer_text(writer, SCHEMA_PAUSES_cell, "first");
    assert_int_equal(csv_writer_row(writer), 0);
    limit = before;
    limit.rlim_cur = sizeof HEADER + 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    csv_writer_text(writer, SCHEMA_PAUSES_cell, "a row that is longer than what is left");
    int error = csv_writer_row(writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(error, -EFBIG);
    csv_writer_text(writer, SCHEMA_PAUSES_cell, "third");
    assert_int_equal(csv_writer_row(writer), 0);
    assert_int_equal(csv_writer_close(writer), 0);
    char text[1024];
    assert_string_equal(read_all(text, sizeof text), HEADER "first,,,,,,\nthird,,,,,,\n");
}

static void a_full_disk_is_seen(void **state)
{
    (void)state;
    struct csv_writer *writer;
    int error = csv_writer_open(&writer, "/dev/full", pauses);
    assert_int_equal(error, -ENOSPC);
}

static void reals_read_back_exactly_and_shortly(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},      {2.5, "2.5"},    {60000000.0, "60000000"},
        {-3.0, "-3"},      {1e15, "1e+15"}, {0.30000000000000004, "0.30000000000000004"},
        {1e300, "1e+300"},
    };
    char digits[CSV_REAL_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        csv_format_real(digits, cases[i].value);
        assert_string_equal(digits, cases[i].text);
        assert_true(strtod(digits, NULL) == cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
        TEST(quotes_only_where_needed_and_leaves_the_rest_empty),
        TEST(appends_to_what_is_there),
        TEST(refuses_another_header_or_a_torn_row),
        TEST(refuses_a_column_that_does_not_exist_once),
        TEST(a_failing_write_leaves_only_whole_rows),
#undef TEST
        cmocka_unit_test(a_full_disk_is_seen),
        cmocka_unit_test(reals_read_back_exactly_and_shortly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
