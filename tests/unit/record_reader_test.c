/* Records are read strictly, in pieces of any size, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/record_reader.h"

static char taken[4096];

static void take(void *data, const struct record *record)
{
    size_t length = strlen(taken);
    (void)data;
    length += (size_t)snprintf(taken + length, sizeof taken - length, "%d", (int)record->kind);
    for (size_t i = 0; i < record->field_count; i++)
        length +=
            (size_t)snprintf(taken + length, sizeof taken - length, " [%s]", record->fields[i]);
    snprintf(taken + length, sizeof taken - length, "\n");
}

static const char whole[] = "hello,1\nbegin,100\nend,200\nmetric,wall_ns,100\n"
                            "metric,operations_per_s,1.5\nflag,pause_source=mark\n"
                            "pause,-1,full,10,5,\ncollection,0,minor,1,2,,,,,,,\n"
                            "iteration,-1,5,6\nlatency,simple,10,12,3\n"
                            "extra,own_ns,ns,lower,-2.5e3\nstatus,ok,\"a, \"\"b\"\"\"\ndone\n";

static void a_stream_is_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    static char expected[sizeof taken];
    for (size_t step = 1; step < sizeof whole; step++) {
        struct record_reader *reader = record_reader_create(take, NULL);
        *taken = '\0';
        for (size_t at = 0; at < sizeof whole - 1; at += step) {
            size_t left = sizeof whole - 1 - at;
            assert_true(record_reader_feed(reader, whole + at, left < step ? left : step));
        }
        assert_true(record_reader_finish(reader));
        assert_true(record_reader_done(reader));
        assert_null(record_reader_problem(reader));
        record_reader_free(reader);
        if (step == 1)
            memcpy(expected, taken, sizeof expected);
        assert_string_equal(taken, expected);
    }
    assert_non_null(strstr(expected, "10 [ok] [a, \"b\"]\n11\n"));
    assert_non_null(strstr(expected, "7 [-1] [full] [10] [5] []\n"));
}

/* The stream is refused with a problem that says `part`. */
static void refused(const char *stream, size_t bytes, const char *part)
{
    struct record_reader *reader = record_reader_create(take, NULL);
    *taken = '\0';
    bool fine = record_reader_feed(reader, stream, bytes) && record_reader_finish(reader);
    const char *problem = record_reader_problem(reader);
    if (fine || !problem || !strstr(problem, part))
        fail_msg("'%s': %s, not %s", stream, problem ? problem : "accepted", part);
    record_reader_free(reader);
}

static void whatever_is_not_a_record_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *part;
    } cases[] = {
        {"begin,1\n", "'begin' before hello"},
        {"hello,1\nhello,1\n", "'hello' twice"},
        {"hello,2\n", "speaks protocol 2, not 1"},
        {"hello,1\nend,1\n", "'end' before begin"},
        {"hello,1\nbegin,1\nbegin,2\n", "'begin' twice"},
        {"hello,1\ndone\n", "'done' before status"},
        {"hello,1\nstatus,ok,\ndone\nflag,late\n", "'flag' after done"},
        {"hello,1\nwhat,1\n", "'what', which is no record"},
        {"hello,1\nbegin\n", "of 0 fields, not 1"},
        {"hello,1\nbegin,1,2\n", "of 2 fields, not 1"},
        {"hello,1\nbegin,-1\n", "'-1' as field 1"},
        {"hello,1\nbegin,\"1 \"\n", "as field 1 of a record 'begin'"},
        {"hello,1\nbegin,0x10\n", "'0x10'"},
        {"hello,1\nbegin,99999999999999999999\n", "as field 1"},
        {"hello,1\nmetric,no_such,1\n", "'no_such'"},
        {"hello,1\nmetric,cell,1\n", "'cell'"},
        {"hello,1\nmetric,wall_ns,\n", "as field 2"},
        {"hello,1\nmetric,wall_ns,1.5\n", "'1.5'"},
        {"hello,1\nmetric,operations_per_s,nan\n", "'nan'"},
        {"hello,1\nmetric,checksum,-\n", "'-'"},
        {"hello,1\npause,-1,long,1,2,3\n", "'long'"},
        {"hello,1\nextra,a,ns,sideways,1\n", "'sideways'"},
        {"hello,1\nflag,two words\n", "'two words'"},
        {"hello,1\nstatus,fine,\n", "'fine'"},
        {"hello,1\nstatus,ok,\"a\nb\"\n", "as field 2"},
        {"hello,1\nbe\"gin,1\n", "is no CSV"},
        {"hello,1\nmetric,wall_n", "in the middle of a record"},
        {"hello,1\n1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n", "too many fields"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].stream, strlen(cases[i].stream), cases[i].part);
    refused("hello,1\nflag,a\0b\n", 17, "zero byte");
}

static void a_record_without_end_is_refused_early(void **state)
{
    (void)state;
    struct record_reader *reader = record_reader_create(take, NULL);
    char block[1000];
    memset(block, 'x', sizeof block);
    unsigned fed = 0;
    while (record_reader_feed(reader, block, sizeof block))
        assert_true(++fed < 100);
    assert_non_null(strstr(record_reader_problem(reader), "more than"));
    record_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_read_in_pieces_of_any_size),
        cmocka_unit_test(whatever_is_not_a_record_is_refused),
        cmocka_unit_test(a_record_without_end_is_refused_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
