/* Files that nobody would write in good faith, to everything that reads a file: each is refused by
 * a line that names file, line and column, with exit code 2, or read as what it means; none is
 * waited for, and none ends gcmeter in another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "tiny_runner.h"

#define RUN "run --quiet --workload chore:size=9 --backend tiny --invocations 2 --order-seed 1 "

static struct process p;

/* Who reads a file: `bad` is a copy of the run `good` in which that file is another. */
struct reader {
    const char *file; /* of a run, or with a slash before it, of its own */
    const char *command;
    const char *number; /* a column that must be one; NULL: none is looked at */
    bool is_read_only;  /* files that are continued must be as gcmeter writes them */
};

static const struct reader readers[] = {
    {"run.csv", "compare @/good @/bad --metric wall_ns", NULL, true},
    {"invocations.csv", "compare @/bad @/good --metric wall_ns", "wall_ns", true},
    {"metrics.csv", "compare @/good @/bad --metric wall_ns", "value", true},
    {"metrics.csv", "compare @/bad --by backend --reference tiny", "invocation", true},
    {"pauses.csv", "plot @/bad --out @/plots", "duration_ns", true},
    {"latency.csv", "plot @/bad --out @/plots", "count", true},
    {"run.csv", RUN "--resume --out @/bad", NULL, false},
    {"invocations.csv", RUN "--resume --out @/bad", "invocation", false},
    {"iterations.csv", RUN "--resume --out @/bad", NULL, false},
    {"metrics.csv", RUN "--resume --out @/bad", "value", false},
    {"/gate.csv", "compare @/good @/good --gate @/bad/gate.csv", "tolerance_pct", true},
    {"/minheap.csv", "minheap --quiet --out @/bad/minheap.csv", "minheap_bytes", false},
};

enum { READERS = sizeof readers / sizeof *readers };

static bool can_plot;

static bool is_left_out(const struct reader *reader)
{
    return !can_plot && !strncmp(reader->command, "plot ", 5);
}

/* The file as gcmeter writes it: its heading and its first row, without line ends. */
struct sample {
    char heading[4096];
    char row[4096];
    unsigned columns;
};

static unsigned column_of(const struct sample *sample, const char *name)
{
    unsigned column = 1;
    size_t length = strlen(name);
    for (const char *at = sample->heading; *at; column++) {
        size_t here = strcspn(at, ",");
        if (here == length && !memcmp(at, name, length))
            return column;
        at += here + (at[here] == ',');
    }
    fail_msg("no column %s", name);
    return 0;
}

static void read_sample(const struct reader *reader, struct sample *sample)
{
    static char text[65536];
    if (*reader->file == '/') {
        bool is_gate = !strcmp(reader->file, "/gate.csv");
        snprintf(sample->heading, sizeof sample->heading, "%s",
                 is_gate ? "cell_pattern,metric,tolerance_pct,tolerance_abs"
                         : "workload,backend,backend_options,threads,minheap_bytes,tries_count,"
                           "status");
        snprintf(sample->row, sizeof sample->row, "%s",
                 is_gate ? "*,wall_ns,5,0" : "chore,tiny,,1,4096,9,ok");
    } else {
        char path[64];
        snprintf(path, sizeof path, "good/%s", reader->file);
        process_read_file(process_path(path), text, sizeof text);
        const char *row = strchr(text, '\n') + 1;
        snprintf(sample->heading, sizeof sample->heading, "%.*s", (int)(row - 1 - text), text);
        snprintf(sample->row, sizeof sample->row, "%.*s", (int)strcspn(row, "\n"), row);
    }
    assert_null(strchr(sample->row, '"'));
    sample->columns = 1;
    for (const char *c = sample->heading; *c; c++)
        sample->columns += *c == ',';
}

/* Copies the run anew, and returns the file to be written. */
static FILE *open_bad(const struct reader *reader)
{
    char command[512];
    snprintf(command, sizeof command, "cd '%s' && rm -rf bad plots && cp -r good bad",
             process_folder);
    assert_int_equal(system(command), 0);
    char path[64];
    snprintf(path, sizeof path, "bad/%s", reader->file);
    FILE *file = fopen(process_path(path), "w");
    assert_non_null(file);
    return file;
}

/* One line on stderr that begins "gcmeter: …/FILE:LINE:COLUMN: "; 0 stands for any number. */
static void assert_place(const struct reader *reader, const char *what, unsigned line,
                         unsigned column)
{
    const char *name = reader->file + (*reader->file == '/');
    process_run(&p, reader->command);
    if (p.exit_code != CMD_USAGE)
        fail_msg("%s, %s: exit code %d, %s", name, what, p.exit_code, p.err);
    const char *newline = strchr(p.err, '\n');
    if (!newline || newline[1] || strncmp(p.err, "gcmeter: ", 9) != 0)
        fail_msg("%s, %s: not one line: %s", name, what, p.err);
    const char *place = strstr(p.err, name);
    unsigned found_line = 0, found_column = 0;
    int length = 0;
    if (!place ||
        sscanf(place + strlen(name), ":%u:%u: %n", &found_line, &found_column, &length) != 2 ||
        !length)
        fail_msg("%s, %s: no file, line and column in: %s", name, what, p.err);
    if ((line && line != found_line) || (column && column != found_column))
        fail_msg("%s, %s: not at %u:%u: %s", name, what, line, column, p.err);
}

static void put_times(FILE *file, const char *text, size_t times)
{
    while (times--)
        fputs(text, file);
}

/* Each breaks the row's first field, or the heading. */
static void what_is_broken_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        const struct reader *reader = &readers[i];
        static struct sample s;
        if (is_left_out(reader))
            continue;
        read_sample(reader, &s);
        const char *rest = strchr(s.row, ',');
        const char *other_columns = strchr(s.heading, ',') + 1;
        int first = (int)strcspn(s.heading, ",");
        FILE *f = open_bad(reader);
        fprintf(f, "%s\n\"%s\n%s\n", s.heading, s.row, s.row);
        fclose(f);
        assert_place(reader, "a quote that does not end", 2, 1);
        f = open_bad(reader);
        fprintf(f, "%s\n\"a\"b%s\n", s.heading, rest);
        fclose(f);
        assert_place(reader, "text after a quote", 2, 1);
        f = open_bad(reader);
        fprintf(f, "%s\na\"b%s\n", s.heading, rest);
        fclose(f);
        assert_place(reader, "a quote inside", 2, 1);
        f = open_bad(reader);
        fprintf(f, "%s\n\"a\nb\"c%s\n", s.heading, rest);
        fclose(f);
        assert_place(reader, "a quote over two lines", 2, 1);
        f = open_bad(reader);
        fprintf(f, "%s\na%cb%s\n", s.heading, 0, rest);
        fclose(f);
        assert_place(reader, "a NUL byte", 2, 1);
        f = open_bad(reader);
        fprintf(f, "%s\na\rb%s\n", s.heading, rest);
        fclose(f);
        assert_place(reader, "a carriage return", 2, 1);
        f = open_bad(reader);
        fprintf(f, "%s,%.*s\n%s,\n", s.heading, first, s.heading, s.row);
        fclose(f);
        assert_place(reader, "a column twice", 1, s.columns + 1);
        f = open_bad(reader);
        fprintf(f, "%s\n%s\n", other_columns, rest + 1);
        fclose(f);
        assert_place(reader, "a column missing", 1, s.columns);
        f = open_bad(reader);
        fprintf(f, "%s\na\n", s.heading);
        fclose(f);
        assert_place(reader, "too few fields", 2, 2);
        f = open_bad(reader);
        fprintf(f, "%s\n%s,more\n", s.heading, s.row);
        fclose(f);
        assert_place(reader, "too many fields", 2, s.columns + 1);
        f = open_bad(reader);
        fputs(s.heading, f);
        put_times(f, ",x", 1000000);
        fputs("\n", f);
        fclose(f);
        assert_place(reader, "a million columns", 1, 4097);
        f = open_bad(reader);
        fprintf(f, "%s\n%s", s.heading, s.row);
        put_times(f, ",", 1000000);
        fputs("\n", f);
        fclose(f);
        assert_place(reader, "a million fields", 2, 4097);
        f = open_bad(reader);
        for (int byte = 1; byte < 256; byte++)
            fputc(byte, f);
        fputs("\n", f);
        fclose(f);
        assert_place(reader, "all bytes there are", 1, 0);
        f = open_bad(reader);
        fwrite("\xff\xfe"
               "c\0e\0l\0l\0\n\0",
               1, 12, f);
        fclose(f);
        assert_place(reader, "UTF-16", 1, 1);
    }
}

static void huge_fields_are_refused(void **state)
{
    (void)state;
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < READERS; i++) {
        static struct sample s;
        /* What reads a run reads its files alike. */
        if (strcmp(readers[i].file, "metrics.csv") != 0 && *readers[i].file != '/')
            continue;
        read_sample(&readers[i], &s);
        FILE *f = open_bad(&readers[i]);
        fprintf(f, "%s\n", s.heading);
        for (int j = 0; j < 17; j++)
            fwrite(block, 1, sizeof block, f);
        fprintf(f, "%s\n", strchr(s.row, ','));
        fclose(f);
        assert_place(&readers[i], "a field of 17 MiB", 2, 1);
    }
}

static void numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"NaN",     "nan(1)", "inf",  "-Infinity", "1e400",
                                        "1e99999", "0x10",   "12ms", "--1",       "1e"};
    for (size_t i = 0; i < READERS; i++) {
        static struct sample s;
        if (!readers[i].number || is_left_out(&readers[i]))
            continue;
        read_sample(&readers[i], &s);
        unsigned column = column_of(&s, readers[i].number);
        const char *at = s.row;
        for (unsigned c = 1; c < column; c++)
            at = strchr(at, ',') + 1;
        for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
            FILE *f = open_bad(&readers[i]);
            fprintf(f, "%s\n%.*s%s%s\n", s.heading, (int)(at - s.row), s.row, words[j],
                    at + strcspn(at, ","));
            fclose(f);
            assert_place(&readers[i], words[j], 2, column);
        }
    }
}

static void other_schema_versions_are_refused(void **state)
{
    (void)state;
    static const char *const versions[] = {"2", "0", "", "1.0", "99999999999999999999999", "one"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        FILE *f = open_bad(&readers[0]);
        fprintf(f, "key,value\nschema_version,%s\n", versions[i]);
        fclose(f);
        assert_place(&readers[0], versions[i], 2, 2);
    }
    FILE *f = open_bad(&readers[0]);
    fputs("key,value\nseed,1\n", f);
    fclose(f);
    assert_place(&readers[0], "no version", 0, 0);
    f = open_bad(&readers[0]);
    fputs("key,value\nschema_version,1\nseed,1\nseed,2\n", f);
    fclose(f);
    assert_place(&readers[0], "a key twice", 4, 1);
}

/* Writes the fields in the opposite order. */
static void put_reversed(FILE *f, const char *row, const char *end)
{
    for (const char *at = row + strlen(row); at > row;) {
        const char *start = at;
        while (start > row && start[-1] != ',')
            start--;
        fprintf(f, "%.*s%s", (int)(at - start), start, start > row ? "," : end);
        at = start > row ? start - 1 : row;
    }
    /* A first field that is empty leaves nothing after its comma. */
    if (*row == ',')
        fputs(end, f);
}

static void assert_accepted(const struct reader *reader, const char *what)
{
    process_run(&p, reader->command);
    if (p.exit_code == CMD_USAGE || p.exit_code >= 128)
        fail_msg("%s, %s: exit code %d, %s", reader->file, what, p.exit_code, p.err);
}

static void what_is_unusual_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        const struct reader *reader = &readers[i];
        static struct sample s;
        /* Drawing takes long, and reads as comparing does. */
        if (!reader->is_read_only || !strncmp(reader->command, "plot ", 5))
            continue;
        read_sample(reader, &s);
        FILE *f = open_bad(reader);
        fprintf(f, "%s\r\n\r\n%s\r\n", s.heading, s.row);
        fclose(f);
        assert_accepted(reader, "CRLF");
        f = open_bad(reader);
        fprintf(f, "\xef\xbb\xbf%s\n%s\n", s.heading, s.row);
        fclose(f);
        assert_accepted(reader, "a byte-order mark");
        f = open_bad(reader);
        put_reversed(f, s.heading, "\n");
        put_reversed(f, s.row, "\n");
        fclose(f);
        assert_accepted(reader, "columns in another order");
        f = open_bad(reader);
        fprintf(f, "%s,mine\n%s,\"a \"\"quoted\"\"\n\n, field\"\n", s.heading, s.row);
        fclose(f);
        assert_accepted(reader, "a column of somebody's own");
    }
}

/* The last row of a result file may be one that was being written; one of a file that is written by
 * hand may not. */
static void a_torn_row_is_not_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        const struct reader *reader = &readers[i];
        static struct sample s;
        if (!strcmp(reader->file, "/minheap.csv") || !strncmp(reader->command, "plot ", 5))
            continue;
        read_sample(reader, &s);
        FILE *f = open_bad(reader);
        fprintf(f, "%s\n%s\n%.*s", s.heading, s.row, (int)strlen(s.row) / 2, s.row);
        fclose(f);
        if (!strcmp(reader->file, "/gate.csv"))
            assert_place(reader, "a torn row", 3, 1);
        else if (strcmp(reader->file, "run.csv") != 0)
            assert_accepted(reader, "a torn row");
    }
}

/* Neither is waited for. */
static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        const struct reader *reader = &readers[i];
        char command[512];
        const char *name = reader->file + (*reader->file == '/');
        if (is_left_out(reader))
            continue;
        for (int kind = 0; kind < 2; kind++) {
            fclose(open_bad(reader));
            snprintf(command, sizeof command, "cd '%s/bad' && rm -f %s && %s %s", process_folder,
                     name, kind ? "mkdir" : "mkfifo", name);
            assert_int_equal(system(command), 0);
            process_run(&p, reader->command);
            if (p.exit_code != CMD_USAGE && (p.exit_code != CMD_MISSING || !kind))
                fail_msg("%s: exit code %d, %s", name, p.exit_code, p.err);
            assert_one_line(&p, kind ? ": Is a directory" : ": not a regular file");
        }
    }
}

static int make_run(void **state)
{
    char scripts[PATH_MAX];
    if (tiny_runner_setup(state) || !realpath("plots", scripts) ||
        setenv("GCMETER_PLOTS", scripts, 1))
        return -1;
    process_run(&p, RUN "--out @/good");
    if (p.exit_code)
        return -1;
    can_plot = system("command -v gnuplot >/dev/null") == 0;
    if (!can_plot)
        print_message("charts are left out: there is no gnuplot\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (tiny_runner_is_meant(argv))
        return tiny_runner_act(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_broken_is_refused_with_its_place),
        cmocka_unit_test(huge_fields_are_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(other_schema_versions_are_refused),
        cmocka_unit_test(what_is_unusual_is_read),
        cmocka_unit_test(a_torn_row_is_not_there),
        cmocka_unit_test(what_is_no_file_is_refused),
    };
    return cmocka_run_group_tests(tests, make_run, process_teardown);
}
