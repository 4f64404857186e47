/* Reading runs: what is accepted, what is ignored, and what each refusal says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/csv_write.h"
#include "data/printable.h"
#include "data/run_data.h"
#include "data/run_resume.h"

#define KEYS                                                                                       \
    "cell,workload,workload_params,backend,backend_options,heap_factor,heap_limit_bytes,threads,"  \
    "invocation,order,seed,status,status_detail,flags"
#define A "w/malloc/heap=none/threads=1,w,n=1,malloc,,,,1,"
#define B "\"w:n=2/boehm:x=1,y=2/heap=2.5xlive/threads=2\",w,n=2,boehm,\"x=1,y=2\",2.5,4096,2,"

static char folder[64];

static char *path_in(const char *file)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static void put_bytes(const char *file, const char *bytes, size_t length)
{
    FILE *out = fopen(path_in(file), "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

static void put(const char *file, const char *text)
{
    put_bytes(file, text, strlen(text));
}

static void assert_file(const char *file, const char *expected)
{
    char text[4096];
    FILE *in = fopen(path_in(file), "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    assert_string_equal(text, expected);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/gcmeter_run_data_XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    put("run.csv", "key,value\nschema_version,1\ncpu_model,\"A, B\"\nbackend_boehm_version,8.2\n");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    for (int i = 0; i < SCHEMA_RUN_FILE_COUNT; i++)
        unlink(path_in(schema_files[i].name));
    return rmdir(folder);
}

static struct run_data *load(void)
{
    struct run_data *run = NULL;
    struct csv_error error = {""};
    int result = run_data_load(&run, folder, &error);
    if (result)
        print_error("%s\n", error.text);
    assert_int_equal(result, 0);
    return run;
}

/* The message after the folder's name. */
static void assert_refused(int expected, const char *message)
{
    struct run_data *run = NULL;
    struct csv_error error = {""};
    assert_int_equal(run_data_load(&run, folder, &error), expected);
    assert_null(run);
    assert_int_equal(strncmp(error.text, folder, strlen(folder)), 0);
    assert_string_equal(error.text + strlen(folder) + 1, message);
}

static void loads_cells_and_values(void **state)
{
    (void)state;
    put("invocations.csv", KEYS ",wall_ns,operations_per_s,checksum\n" //
        A "0,0,7,ok,,,100,0.5,18446744073709551615\n"                  //
        B "0,1,7,oom,\"no \"\"room\"\"\nleft\",probe noisy,,,\n"       //
        A "1,2,7,ok,,,9223372036854775807,1e-3,1\n");
    struct run_data *run = load();
    assert_int_equal(run->cell_count, 2);
    assert_int_equal(run->invocation_count, 3);
    assert_string_equal(run_data_key(run, "cpu_model"), "A, B");
    assert_string_equal(run_data_backend_key(run, "boehm", "version"), "8.2");
    assert_null(run_data_key(run, "nothing"));

    const struct run_cell *cell = run_data_cell(run, "w/malloc/heap=none/threads=1");
    assert_ptr_equal(cell, &run->cells[0]);
    assert_int_equal(cell->invocation_count, 2);
    assert_int_equal(cell->invocations[1], 2);
    assert_string_equal(run->cells[1].backend_options, "x=1,y=2");
    assert_string_equal(run->cells[1].heap_limit_bytes, "4096");

    int wall = run_data_metric(run, "wall_ns");
    int rate = run_data_metric(run, "operations_per_s");
    double value = 0;
    assert_true(run_data_value(run, 0, (size_t)wall, &value) && value == 100);
    assert_true(run_data_value(run, 2, (size_t)wall, &value) && value == 9223372036854775807.0);
    assert_true(run_data_value(run, 2, (size_t)rate, &value) && value == 1e-3);
    assert_false(run_data_value(run, 1, (size_t)wall, &value));
    assert_false(run_data_value(run, 0, (size_t)run_data_metric(run, "gc_count"), &value));
    assert_int_equal(run_data_metric(run, "cell"), -1);
    assert_int_equal(run_data_metric(run, "checksum"), -1);

    assert_int_equal(run->invocations[1].status, RUN_OOM);
    assert_string_equal(run->invocations[1].status_detail, "no \"room\"\nleft");
    assert_true(run_invocation_has_flag(&run->invocations[1], "probe"));
    assert_true(run_invocation_has_flag(&run->invocations[1], "noisy"));
    assert_false(run_invocation_has_flag(&run->invocations[1], "prob"));
    assert_true(run->invocations[0].checksum == UINT64_MAX);
    assert_false(run->invocations[1].has_checksum);
    assert_int_equal(run_data_invocation(run, "w/malloc/heap=none/threads=1", 1), 2);
    assert_int_equal(run_data_invocation(run, "w/malloc/heap=none/threads=1", 2), -ENOENT);
    run_data_free(run);
}

static void accepts_other_spellings_of_csv(void **state)
{
    (void)state;
    put("invocations.csv", "\xef\xbb\xbfnew_ns,wall_ns," KEYS "\r\n\r\n"
                           "1,2," A "0,0,7,ok,,\r\n"
                           "\"\",\"3\"," A "1,1,7,ok, blank ,\"\"\r\n");
    struct run_data *run = load();
    assert_int_equal(run->invocation_count, 2);
    double value;
    assert_true(run_data_value(run, 1, (size_t)run_data_metric(run, "wall_ns"), &value));
    assert_true(value == 3);
    assert_string_equal(run->invocations[1].status_detail, " blank ");
    run_data_free(run);
}

static void ignores_what_was_not_committed(void **state)
{
    (void)state;
    put("invocations.csv", KEYS ",wall_ns\n" A "0,0,7,ok,,,100\n" A "1,1,7,ok,,,1");
    put("metrics.csv", "cell,invocation,metric,unit,better,value\n"
                       "w/malloc/heap=none/threads=1,0,fill_ratio,ratio,higher,0.5\n"
                       "w/malloc/heap=none/threads=1,1,fill_ratio,ratio,higher,0.6\n"
                       "w/malloc/heap=none/threads=1,0,oth");
    struct run_data *run = load();
    assert_int_equal(run->invocation_count, 1);
    int fill = run_data_metric(run, "fill_ratio");
    double value;
    assert_true(run_data_value(run, 0, (size_t)fill, &value) && value == 0.5);
    assert_string_equal(run->metrics[fill].unit, "ratio");
    assert_int_equal(run->metrics[fill].better, SCHEMA_HIGHER);
    assert_int_equal(run_data_metric(run, "oth"), -1);
    run_data_free(run);
}

static int count_row(void *data, size_t invocation, const struct csv_row *row)
{
    size_t *sum = data;
    int64_t duration;
    assert_int_equal(csv_row_int(row, SCHEMA_PAUSES_duration_ns, &duration), 1);
    *sum += (size_t)duration + 1000 * invocation;
    return 0;
}

static void reads_other_files_on_demand(void **state)
{
    (void)state;
    put("invocations.csv", KEYS "\n" A "0,0,7,ok,,\n" A "5,1,7,ok,,\n");
    struct run_data *run = load();
    struct csv_error error;
    size_t sum = 0;
    assert_int_equal(run_data_each(run, SCHEMA_FILE_PAUSES, count_row, &sum, &error), 0);
    assert_int_equal(sum, 0);
    put("pauses.csv", "cell,invocation,thread,kind,start_ns,duration_ns,safepoint_ns\n"
                      "w/malloc/heap=none/threads=1,5,-1,full,0,7,\n"
                      "w/malloc/heap=none/threads=1,6,-1,full,0,90,\n"
                      "w/malloc/heap=none/threads=1,0,-1,full,0,20,\n");
    assert_int_equal(run_data_each(run, SCHEMA_FILE_PAUSES, count_row, &sum, &error), 0);
    assert_int_equal(sum, 1027);
    run_data_free(run);
}

static void refuses_with_file_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *invocations;
        int error;
        const char *message;
    } cases[] = {
        {"", -ENODATA, "invocations.csv:1:1: no complete header row"},
        {KEYS, -ENODATA, "invocations.csv:1:1: no complete header row"},
        {"cell,workload\n", -EBADMSG,
         "invocations.csv:1:3: the column 'workload_params' is missing"},
        {KEYS ",cell\n", -EBADMSG, "invocations.csv:1:15: a second column named 'cell'"},
        {KEYS ",x\x1b,x\x1b\n", -EBADMSG, "invocations.csv:1:16: a second column named 'x\\x1b'"},
        {KEYS "\n" A "0,0,7,ok,\n", -EBADMSG,
         "invocations.csv:2:14: 13 fields where the header has 14"},
        {KEYS "\n" A "0,0,7,ok,,,1\n", -EBADMSG,
         "invocations.csv:2:15: 15 fields where the header has 14"},
        {KEYS ",wall_ns\n\n" A "0,0,7,ok,,,1e400\n", -EBADMSG,
         "invocations.csv:3:15: wall_ns is '1e400', which is not an unsigned 64-bit integer"},
        {KEYS ",wall_ns\n" A "0,0,7,ok,,,18446744073709551616\n", -EBADMSG,
         "invocations.csv:2:15: wall_ns is '18446744073709551616', which is out of range of an "
         "unsigned 64-bit integer"},
        {KEYS ",wall_ns\n" A "0,0,7,ok,,,-9223372036854775809\n", -EBADMSG,
         "invocations.csv:2:15: wall_ns is '-9223372036854775809', which is out of range of a "
         "64-bit integer"},
        {KEYS ",mmu_1ms\n" A "0,0,7,ok,,,1e400\n", -EBADMSG,
         "invocations.csv:2:15: mmu_1ms is '1e400', which is out of range of a finite decimal "
         "number"},
        {KEYS ",mmu_1ms\n" A "0,0,7,ok,,,nan\n", -EBADMSG,
         "invocations.csv:2:15: mmu_1ms is 'nan', which is not a finite decimal number"},
        {KEYS ",mmu_1ms\n" A "0,0,7,ok,,,-inf\n", -EBADMSG,
         "invocations.csv:2:15: mmu_1ms is '-inf', which is not a finite decimal number"},
        {KEYS ",mmu_1ms\n" A "0,0,7,ok,,,0x1p3\n", -EBADMSG,
         "invocations.csv:2:15: mmu_1ms is '0x1p3', which is not a finite decimal number"},
        {KEYS ",mmu_1ms\n" A "0,0,7,ok,,, 1\n", -EBADMSG,
         "invocations.csv:2:15: mmu_1ms is ' 1', which is not a finite decimal number"},
        {KEYS "\n" A "zero,0,7,ok,,\n", -EBADMSG,
         "invocations.csv:2:9: invocation is 'zero', which is not a 64-bit integer"},
        {KEYS "\n" A ",0,7,ok,,\n", -EBADMSG, "invocations.csv:2:9: invocation is empty"},
        {KEYS "\n" A "0,0,7,fine,,\n", -EBADMSG,
         "invocations.csv:2:12: status is 'fine', not ok, oom, crashed, timeout, wrong or skipped"},
        {KEYS "\n" A "0,0,7,ok,,\n" A "0,1,7,ok,,\n", -EBADMSG,
         "invocations.csv:3:9: invocation 0 of this cell was given before"},
        {KEYS "\n" A "0,0,7,ok,,\nw/malloc/heap=none/threads=1,w,n=2,malloc,,,,1,1,0,7,ok,,\n",
         -EBADMSG, "invocations.csv:3:3: workload_params differs from earlier rows of this cell"},
        {KEYS "\nw/malloc,w,n=1,malloc,,,,1,0,0,7,ok,,\n", -EBADMSG,
         "invocations.csv:2:1: cell is not WORKLOAD/BACKEND/heap=H/threads=N"},
        {KEYS "\n" A "0,0,7,ok,a\"b,\n", -EBADMSG,
         "invocations.csv:2:13: a quote inside a field that is not quoted, or text after the "
         "closing quote"},
        {KEYS "\n" A "0,0,7,ok,\"a\"b,\n", -EBADMSG,
         "invocations.csv:2:13: a quote inside a field that is not quoted, or text after the "
         "closing quote"},
        {KEYS "\n" A "0,0,7,ok,\"a,\n" A "1,1,7,ok,,\n", -EBADMSG,
         "invocations.csv:2:13: a quoted field that does not end"},
        {KEYS "\n" A "0,0,7,ok,,\r" A "1,1,7,ok,,\n", -EBADMSG,
         "invocations.csv:2:14: a carriage return without a line feed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put("invocations.csv", cases[i].invocations);
        assert_refused(cases[i].error, cases[i].message);
    }
}

static void refuses_hostile_bytes(void **state)
{
    (void)state;
    static const char nul[] = KEYS "\n" A "0,0,7,ok,a\0b,\n";
    put_bytes("invocations.csv", nul, sizeof nul - 1);
    assert_refused(-EBADMSG, "invocations.csv:2:13: a NUL byte");

    size_t size = (size_t)17 << 20;
    char *huge = malloc(size);
    assert_non_null(huge);
    memset(huge, 'x', size);
    put_bytes("invocations.csv", huge, size);
    assert_refused(-EBADMSG, "invocations.csv:1:1: a row of more than 16 MiB");
    memset(huge, ',', size);
    put_bytes("invocations.csv", huge, size);
    assert_refused(-EBADMSG, "invocations.csv:1:4097: more than 4096 fields");
    free(huge);
}

static void refuses_other_runs(void **state)
{
    (void)state;
    put("invocations.csv", KEYS "\n");
    put("run.csv", "key,value\nhost,x\n");
    assert_refused(-EBADMSG, "run.csv:1:1: the key schema_version is missing");
    put("run.csv", "key,value\nschema_version,2\n");
    assert_refused(-EBADMSG, "run.csv:2:2: schema version '2', but this gcmeter reads version 1");
    put("run.csv", "key,value\nschema_version,1\nhost,x\nhost,y\n");
    assert_refused(-EBADMSG, "run.csv:4:1: a key that was given before");
    unlink(path_in("run.csv"));
    assert_refused(-ENOENT, "run.csv: No such file or directory; name the folder of a run");
    struct run_data *none;
    struct csv_error error;
    assert_int_equal(run_data_load(&none, "", &error), -ENOENT);
    assert_string_equal(error.text, "the name of a run is empty; name its folder");
}

static void refuses_bad_metrics(void **state)
{
    (void)state;
    static const struct {
        const char *rows;
        const char *message;
    } cases[] = {
        {"0,x,ns,lower,1\nC,0,x,ns,higher,1\n",
         "metrics.csv:3:1: unit or better differs from earlier rows of this metric"},
        {"0,x,ns,lower,1\nC,0,x,ns,lower,2\n",
         "metrics.csv:3:1: this metric was given before for this invocation"},
        {"0,wall_ns,ns,lower,1\n",
         "metrics.csv:2:3: metric is named as a column of invocations.csv"},
        {"0,,ns,lower,1\n", "metrics.csv:2:3: metric is empty"},
        {"0,x,ns,smaller,1\n", "metrics.csv:2:5: better is not lower, higher or none"},
        {"0,x,ns,lower,NaN\n",
         "metrics.csv:2:6: value is 'NaN', which is not a finite decimal number"},
    };
    put("invocations.csv", KEYS "\n" A "0,0,7,ok,,\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512] = "cell,invocation,metric,unit,better,value\nC,";
        strcat(text, cases[i].rows);
        FILE *out = fopen(path_in("metrics.csv"), "w");
        assert_non_null(out);
        for (const char *at = text; *at; at++) {
            if (*at == 'C')
                fputs("w/malloc/heap=none/threads=1", out);
            else
                fputc(*at, out);
        }
        fclose(out);
        assert_refused(-EBADMSG, cases[i].message);
    }
}

#define PAUSES_HEADER "cell,invocation,thread,kind,start_ns,duration_ns,safepoint_ns\n"
#define PAUSE(n)      "w/malloc/heap=none/threads=1," #n ",-1,full,0,7,\n"

static void resume_cuts_what_was_not_committed(void **state)
{
    (void)state;
    struct csv_error error;
    put("invocations.csv", KEYS "\n" A "0,0,7,ok,,\n" A "1,1,7,o");
    put("pauses.csv", PAUSES_HEADER PAUSE(0) PAUSE(0) PAUSE(1) "w/malloc/he");
    put("iterations.csv", "cell,invocation,iteration,wall_ns,cpu_ns\n"
                          "w/malloc/heap=none/threads=1,1,0,7,7\n");
    put("memory.csv", "cell,invo");
    put("latency.csv", "cell,invocation,series,low_ns,high_ns,count\n\"");
    assert_int_equal(run_resume_cut(folder, &error), 0);
    assert_file("invocations.csv", KEYS "\n" A "0,0,7,ok,,\n");
    assert_file("pauses.csv", PAUSES_HEADER PAUSE(0) PAUSE(0));
    assert_file("iterations.csv", "cell,invocation,iteration,wall_ns,cpu_ns\n");
    assert_file("memory.csv", "");
    assert_file("latency.csv", "cell,invocation,series,low_ns,high_ns,count\n");
    assert_int_not_equal(access(path_in("collections.csv"), F_OK), 0);

    put("pauses.csv", PAUSES_HEADER PAUSE(2) PAUSE(0) PAUSE(1) PAUSE(0) PAUSE(1));
    assert_int_equal(run_resume_cut(folder, &error), 0);
    assert_file("pauses.csv", PAUSES_HEADER PAUSE(0) PAUSE(0));

    unlink(path_in("invocations.csv"));
    assert_int_equal(run_resume_cut(folder, &error), 0);
    assert_file("pauses.csv", "");
}

static void resume_leaves_a_malformed_run_alone(void **state)
{
    (void)state;
    struct csv_error error;
    put("invocations.csv", KEYS "\n" A "0,0,7,fine,,\n");
    put("pauses.csv", PAUSES_HEADER PAUSE(0));
    assert_int_equal(run_resume_cut(folder, &error), -EBADMSG);
    put("invocations.csv", "cell");
    assert_int_equal(run_resume_cut(folder, &error), -ENODATA);
    assert_file("pauses.csv", PAUSES_HEADER PAUSE(0));
}

static void reads_what_the_writer_wrote(void **state)
{
    (void)state;
    static const char *const details[] = {"plain", " a,\"b\"\r\n\tc ", "\"", "ü€𝄞", "\n"};
    enum { COUNT = sizeof details / sizeof details[0] };
    struct csv_writer *writer;
    assert_int_equal(csv_writer_open(&writer, path_in("invocations.csv"),
                                     &schema_files[SCHEMA_FILE_INVOCATIONS]),
                     0);
    for (int i = 0; i < COUNT; i++) {
        csv_writer_text(writer, SCHEMA_INVOCATIONS_cell, "w/malloc/heap=none/threads=1");
        csv_writer_text(writer, SCHEMA_INVOCATIONS_status, "crashed");
        csv_writer_int(writer, SCHEMA_INVOCATIONS_invocation, i);
        csv_writer_int(writer, SCHEMA_INVOCATIONS_order, COUNT - i);
        csv_writer_text(writer, SCHEMA_INVOCATIONS_status_detail, details[i]);
        csv_writer_real(writer, SCHEMA_INVOCATIONS_mmu_1ms, 1.0 / (i + 3));
        csv_writer_uint(writer, SCHEMA_INVOCATIONS_checksum, UINT64_MAX - (uint64_t)i);
        assert_int_equal(csv_writer_row(writer), 0);
    }
    assert_int_equal(csv_writer_close(writer), 0);
    struct run_data *run = load();
    assert_int_equal(run->invocation_count, COUNT);
    size_t mmu = (size_t)run_data_metric(run, "mmu_1ms");
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(run->invocations[i].status_detail, details[i]);
        assert_int_equal(run->invocations[i].order, COUNT - i);
        assert_true(run->invocations[i].checksum == UINT64_MAX - (uint64_t)i);
        double value;
        assert_true(run_data_value(run, (size_t)i, mmu, &value));
        assert_true(value == 1.0 / (i + 3));
    }
    run_data_free(run);
}

/* Rows, blank lines and quoted newlines fall on every place of the reader's chunks. */
static void reads_across_chunks(void **state)
{
    (void)state;
    FILE *out = fopen(path_in("invocations.csv"), "w");
    assert_non_null(out);
    fputs(KEYS ",wall_ns\r\n", out);
    enum { COUNT = 5000 };
    for (int i = 0; i < COUNT; i++)
        fprintf(out, "%s" A "%d,%d,7,ok,\"%.*s\r\n\"\"\",,%d\r\n", i % 3 ? "\r\n" : "", i, i,
                i % 61, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
    fclose(out);
    struct run_data *run = load();
    assert_int_equal(run->invocation_count, COUNT);
    double value;
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(strlen(run->invocations[i].status_detail), i % 61 + 3);
        assert_true(
            run_data_value(run, (size_t)i, (size_t)run_data_metric(run, "wall_ns"), &value));
        assert_true(value == i);
    }
    run_data_free(run);
}

static void printable_text(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(printable_copy(text, sizeof text, "a\x1b[31m\x7fü€𝄞"),
                        "a\\x1b[31m\\x7fü€𝄞");
    assert_string_equal(printable_copy(text, sizeof text, "\xc2\x9b\xff\xc0\x80\xed\xa0\x80"),
                        "\\xc2\\x9b\\xff\\xc0\\x80\\xed\\xa0\\x80");
    assert_string_equal(printable_copy(text, sizeof text,
                                       "\xe2\x80\xae"
                                       "a\xe2\x82"),
                        "\\xe2\\x80\\xae"
                        "a\\xe2\\x82");
    assert_string_equal(printable_copy(text, 5, "aaü€"), "aaü");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
        TEST(loads_cells_and_values),
        TEST(accepts_other_spellings_of_csv),
        TEST(ignores_what_was_not_committed),
        TEST(reads_other_files_on_demand),
        TEST(refuses_with_file_line_and_column),
        TEST(refuses_hostile_bytes),
        TEST(refuses_other_runs),
        TEST(refuses_bad_metrics),
        TEST(resume_cuts_what_was_not_committed),
        TEST(resume_leaves_a_malformed_run_alone),
        TEST(reads_what_the_writer_wrote),
        TEST(reads_across_chunks),
#undef TEST
        cmocka_unit_test(printable_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
