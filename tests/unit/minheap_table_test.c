/* minheap.csv: what is read is what was written, rows are replaced by cell, and what is malformed
 * is refused with file, line and column. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/minheap_table.h"

#define HEADER "workload,backend,backend_options,threads,minheap_bytes,tries_count,status"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "/tmp/gcmeter_minheap_XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path) && errno != ENOENT;
}

static void put_file(const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void load(struct minheap_table *table)
{
    struct csv_error error = {""};
    if (minheap_table_load(table, path, &error))
        fail_msg("%s", error.text);
}

static void assert_row(const struct minheap_row *row, const char *workload, const char *backend,
                       unsigned threads, uint64_t bytes, const char *status)
{
    assert_string_equal(row->workload, workload);
    assert_string_equal(row->backend, backend);
    assert_int_equal(row->threads, threads);
    assert_int_equal(row->minheap_bytes, bytes);
    assert_string_equal(row->status, status);
}

static struct minheap_row row_of(const char *workload, const char *options, uint64_t bytes)
{
    return (struct minheap_row){.workload = (char *)workload,
                                .workload_params = (char *)"n=1",
                                .backend = (char *)"b",
                                .backend_options = (char *)options,
                                .threads = 2,
                                .minheap_bytes = bytes,
                                .tries_count = 31,
                                .status = (char *)(bytes ? "ok" : "oom")};
}

static void rows_come_back_and_are_replaced_by_cell(void **state)
{
    (void)state;
    struct minheap_table table = {0}, again;
    struct minheap_row rows[] = {row_of("w", "x=1,y=2", 4096), row_of("w", "x=1,y=3", 8192),
                                 row_of("w:n=2", "x=1,y=2", 0)};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(minheap_table_put(&table, &rows[i]), 0);
    assert_int_equal(minheap_table_save(&table, path), 0);
    load(&again);
    assert_int_equal(again.row_count, 3);
    assert_row(&again.rows[0], "w", "b", 2, 4096, "ok");
    assert_string_equal(again.rows[0].backend_options, "x=1,y=2");
    assert_string_equal(again.rows[0].workload_params, "n=1");
    assert_int_equal(again.rows[0].tries_count, 31);
    assert_row(&again.rows[2], "w:n=2", "b", 2, 0, "oom");

    struct minheap_row newer = row_of("w", "x=1,y=3", 12288);
    assert_int_equal(minheap_table_put(&again, &newer), 0);
    assert_int_equal(again.row_count, 3);
    assert_row(&again.rows[1], "w", "b", 2, 12288, "ok");
    /* As on a day without its library: what was measured stays. */
    struct minheap_row skipped = row_of("w", "x=1,y=3", 0);
    skipped.status = (char *)"skipped";
    assert_int_equal(minheap_table_put(&again, &skipped), 0);
    assert_row(&again.rows[1], "w", "b", 2, 12288, "ok");
    newer.threads = 1;
    assert_int_equal(minheap_table_put(&again, &newer), 0);
    assert_int_equal(again.row_count, 4);
    assert_int_equal(minheap_table_save(&again, path), 0);
    minheap_table_free(&table);
    load(&table);
    assert_int_equal(table.row_count, 4);
    minheap_table_free(&table);
    minheap_table_free(&again);
}

static void a_file_by_hand_needs_no_more_than_the_first_columns(void **state)
{
    (void)state;
    struct minheap_table table;
    put_file(HEADER
             "\r\ngcbench,marksweep,,1,17000000,40,ok\r\nquads,boehm,\"a=1,b=2\",2,,9,oom\r\n");
    load(&table);
    assert_int_equal(table.row_count, 2);
    assert_row(&table.rows[0], "gcbench", "marksweep", 1, 17000000, "ok");
    assert_string_equal(table.rows[0].workload_params, "");
    assert_row(&table.rows[1], "quads", "boehm", 2, 0, "oom");
    minheap_table_free(&table);
}

static void what_is_malformed_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *place; /* after the path */
        const char *part;
    } cases[] = {
        {HEADER "\nw,b,,1,5,1,ok\nw,b,,0,5,1,ok\n", ":3:4: ", "threads must be 1 or more"},
        {HEADER "\nw,b,,,5,1,ok\n", ":2:4: ", "threads must be 1 or more"},
        {HEADER "\nw,b,,1,12x,1,ok\n", ":2:5: ", ""},
        {HEADER "\nw,b,,1,-5,1,ok\n", ":2:5: ", ""},
        {HEADER "\nw,b,,1,,1,ok\n", ":2:5: ", "has its minimum heap here"},
        {HEADER "\nw,b,,1,0,1,ok\n", ":2:5: ", "has its minimum heap here"},
        {HEADER "\nw,b,,1,5,1,oom\n", ":2:5: ", "only a row that is ok"},
        {HEADER "\nw,b,,1,5,1,fine\n", ":2:7: ", "the status is ok, oom"},
        {HEADER "\n,b,,1,5,1,ok\n", ":2:1: ", "it is empty"},
        {HEADER "\nw,,,1,5,1,ok\n", ":2:2: ", "it is empty"},
        {HEADER "\nw,b,,1,5,1,ok,more\n", ":2:", ""},
        {HEADER "\nw,b,,1,5,1\n", ":2:", ""},
        {"workload,backend,threads,minheap_bytes\nw,b,1,5\n", ":1:", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct minheap_table table;
        struct csv_error error = {""};
        char start[128];
        put_file(cases[i].text);
        assert_int_equal(minheap_table_load(&table, path, &error), -EBADMSG);
        snprintf(start, sizeof start, "%s%s", path, cases[i].place);
        if (strncmp(error.text, start, strlen(start)) || !strstr(error.text, cases[i].part))
            fail_msg("case %zu: %s", i, error.text);
        assert_null(strchr(error.text, '\n'));
        assert_int_equal(table.row_count, 0);
        assert_null(table.rows);
    }
}

static void an_absent_and_an_empty_file_differ(void **state)
{
    (void)state;
    struct minheap_table table;
    struct csv_error error;
    put_file("");
    assert_int_equal(minheap_table_load(&table, path, &error), -ENODATA);
    unlink(path);
    assert_int_equal(minheap_table_load(&table, path, &error), -ENOENT);
}

static void a_file_that_cannot_be_written_stands(void **state)
{
    (void)state;
    struct minheap_table table = {0};
    assert_int_equal(minheap_table_save(&table, "/nowhere/at/all.csv"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back_and_are_replaced_by_cell, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(a_file_by_hand_needs_no_more_than_the_first_columns,
                                        make_path, remove_path),
        cmocka_unit_test_setup_teardown(what_is_malformed_is_refused_with_its_place, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(an_absent_and_an_empty_file_differ, make_path, remove_path),
        cmocka_unit_test(a_file_that_cannot_be_written_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
