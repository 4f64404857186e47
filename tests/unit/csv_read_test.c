/* What is split at its commas reads as what libcsv splits: each file is read as it is, and with
 * every field in quotes, which leaves all of it to libcsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "data/csv_read.h"

static char path[] = "/tmp/gcmeter-test-XXXXXX";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

/* All that a reader was given, as text, and where each row lay. */
struct found {
    char *text;
    size_t length;
    FILE *out;
    int result;
    int64_t end;
    struct csv_error error;
};

static int take_row(void *data, const struct csv_row *row)
{
    struct found *found = data;
    fprintf(found->out, "%llu:", (unsigned long long)row->line);
    for (size_t i = 0; i < row->file->column_count; i++)
        fprintf(found->out, "[%s]", row->text[i]);
    fputc('\n', found->out);
    return 0;
}

static struct found read_back(const char *bytes, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    struct found found = {.end = -1};
    found.out = open_memstream(&found.text, &found.length);
    assert_non_null(found.out);
    found.result = csv_read(path, &schema_files[SCHEMA_FILE_PAUSES], take_row, &found, &found.end,
                            &found.error);
    fclose(found.out);
    return found;
}

static struct found read_text(const char *text)
{
    return read_back(text, strlen(text));
}

#define HEADER "cell,invocation,thread,kind,start_ns,duration_ns,safepoint_ns"

/* Many rows, so that some of them lie across the ends of the pieces that are read at once. */
static void plain_fields_are_those_of_libcsv(void **state)
{
    (void)state;
    static const char *const words[] = {"",     "0",   "-1",   "a b",         " x ",
                                        "full", "ü·é", ";\t|", "123456789012"};
    struct rng rng;
    rng_seed(&rng, 1, 9);
    for (int round = 0; round < 60; round++) {
        char *plain, *quoted;
        size_t plain_length, quoted_length;
        FILE *p = open_memstream(&plain, &plain_length),
             *q = open_memstream(&quoted, &quoted_length);
        /* A column that is not in the schema, in the middle. */
        bool extra = rng_below(&rng, 2), returns = rng_below(&rng, 2);
        fprintf(p, "%s%s\n", extra ? "mine," : "", HEADER);
        fprintf(q, "%s%s\n", extra ? "mine," : "", HEADER);
        uint64_t rows = rng_below(&rng, 4000);
        for (uint64_t i = 0; i < rows; i++) {
            const char *end = returns && rng_below(&rng, 2) ? "\r\n" : "\n";
            if (rng_below(&rng, 50) == 0) {
                fputs(end, p);
                fputs(end, q);
            }
            for (int f = 0; f < 7 + extra; f++) {
                const char *word = words[rng_below(&rng, sizeof words / sizeof *words)];
                /* A row of empty fields alone is a row. */
                bool quotes = rng_below(&rng, 100) == 0;
                fprintf(p, quotes ? "%s\"%s\"" : "%s%s", f ? "," : "", word);
                fprintf(q, "%s\"%s\"", f ? "," : "", word);
            }
            fputs(end, p);
            fputs(end, q);
        }
        fclose(p);
        fclose(q);
        struct found a = read_back(plain, plain_length), b = read_back(quoted, quoted_length);
        assert_int_equal(a.result, 0);
        assert_int_equal(b.result, 0);
        assert_string_equal(a.text, b.text);
        assert_int_equal(a.end, plain_length);
        size_t lines = 0;
        for (const char *at = a.text; (at = strchr(at, '\n')); at++)
            lines++;
        assert_int_equal(lines, rows);
        free(a.text);
        free(b.text);
        free(plain);
        free(quoted);
    }
}

/* The header's columns may be in any order and some of them missing. */
static void columns_are_found_by_the_header(void **state)
{
    (void)state;
    struct found found = read_text("kind,thread,cell,invocation\nfull,-1,c,7\n\"full\",-1,c,7\n");
    assert_int_equal(found.result, 0);
    assert_string_equal(found.text, "2:[c][7][-1][full][][][]\n3:[c][7][-1][full][][][]\n");
    free(found.text);
}

static void offsets_are_those_of_whole_rows(void **state)
{
    (void)state;
    static const char text[] = HEADER "\nc,0,-1,full,1,2,3\nc,0,-1,full,4";
    struct found found = read_text(text);
    assert_int_equal(found.result, 0);
    assert_int_equal(found.end, strlen(text) - strlen("c,0,-1,full,4"));
    assert_string_equal(found.text, "2:[c][0][-1][full][1][2][3]\n");
    free(found.text);
}

/* What is malformed is refused whether the lines before it are plain or not. */
static void malformed_rows_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *row, *says;
        size_t length;
    } cases[] = {
        {"c,0,-1,full,1,2\n", ":3:7: 6 fields where the header has 7", 0},
        {"c,0,-1,full,1,2,3,4\n", ":3:8: 8 fields where the header has 7", 0},
        {"c\n", ":3:2: 1 field where the header has 7", 0},
        {"c,0,-1,fu\"ll,1,2,3\n", ":3:4: a quote inside a field", 0},
        {"c,0,-1,\"full,1,2,3\n", ":3:4: a quoted field that does not end", 0},
        {"c,0,-1,fu\rll,1,2,3\n", ":3:4: a carriage return without a line feed", 0},
        {"c,0,-1,fu\0ll,1,2,3\n", ":3:4: a NUL byte", 20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int quoted = 0; quoted < 2; quoted++) {
            char text[256];
            int length = snprintf(text, sizeof text, HEADER "\nc,0,-1,%s,1,2,3\n",
                                  quoted ? "\"full\"" : "full");
            size_t row_length = cases[i].length ? cases[i].length : strlen(cases[i].row);
            memcpy(text + length, cases[i].row, row_length);
            struct found found = read_back(text, (size_t)length + row_length);
            assert_int_equal(found.result, -EBADMSG);
            if (!strstr(found.error.text, cases[i].says))
                fail_msg("'%s' does not say '%s'", found.error.text, cases[i].says);
            assert_string_equal(found.text, "2:[c][0][-1][full][1][2][3]\n");
            free(found.text);
        }
}

/* The callback's own refusal ends the reading, and names the line. */
static int refuse_row(void *data, const struct csv_row *row)
{
    (void)data;
    int64_t value;
    return csv_row_int(row, SCHEMA_PAUSES_start_ns, &value) < 0 ? -EBADMSG : 0;
}

static void numbers_are_refused_with_their_place(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "1x", "-", "+1", " 1", "9223372036854775808", "99999999999999999999x"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, HEADER "\nc,0,-1,full,9223372036854775807,2,3\nc,0,-1,full,%s,2,3\n",
                fields[i]);
        fclose(file);
        struct csv_error error;
        assert_int_equal(
            csv_read(path, &schema_files[SCHEMA_FILE_PAUSES], refuse_row, NULL, NULL, &error),
            -EBADMSG);
        char says[128];
        snprintf(says, sizeof says, ":3:5: start_ns is '%s', which %s", fields[i],
                 i == 4 ? "is out of range of" : "is not");
        assert_non_null(strstr(error.text, says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_fields_are_those_of_libcsv),
        cmocka_unit_test(columns_are_found_by_the_header),
        cmocka_unit_test(offsets_are_those_of_whole_rows),
        cmocka_unit_test(malformed_rows_are_refused),
        cmocka_unit_test(numbers_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
