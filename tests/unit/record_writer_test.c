/* The records writer: CSV by RFC 4180, read back by libcsv, through pipes that take little at a
 * time or break. */
#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gc_backend.h"
#include "runner/record_writer.h"

static struct record_writer writer;

/* What has been written to `fd`, a file, from its start, terminated. The caller frees it. */
static char *contents(int fd, size_t *length)
{
    off_t end = lseek(fd, 0, SEEK_END);
    assert_true(end >= 0);
    char *text = malloc((size_t)end + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)end, 0), end);
    text[end] = '\0';
    *length = (size_t)end;
    return text;
}

static int temporary_file(void)
{
    char name[] = "/tmp/gcmeter-record-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

static void rows_are_what_the_protocol_says(void **state)
{
    (void)state;
    int fd = temporary_file();
    record_writer_init(&writer, fd);
    record_begin(&writer, "done");
    record_end(&writer);
    record_begin(&writer, "row");
    record_text(&writer, "");
    record_text(&writer, "plain words; 100 %");
    record_text(&writer, "a,b");
    record_text(&writer, "say \"no\"");
    record_text(&writer, "two\nlines");
    record_text(&writer, "back\r");
    record_words(&writer, "typed:typed=1", 5);
    record_end(&writer);
    record_begin(&writer, "row");
    record_i64(&writer, INT64_MIN);
    record_u64(&writer, UINT64_MAX);
    record_known(&writer, GC_UNKNOWN);
    record_known(&writer, 0);
    record_real(&writer, 1.0 / 3);
    record_real(&writer, 12345678901.0);
    record_end(&writer);
    size_t length;
    char *text = contents(fd, &length);
    assert_int_equal(length, 0); /* buffered until told */
    free(text);
    assert_int_equal(record_flush(&writer), 0);
    text = contents(fd, &length);
    assert_string_equal(text, "done\n"
                              "row,,plain words; 100 %,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\","
                              "\"back\r\",typed\n"
                              "row,-9223372036854775808,18446744073709551615,,0,0.333333333,"
                              "1.23456789e+10\n");
    free(text);
    close(fd);
}

struct expected {
    const char *const *fields;
    size_t next;
};

static void take_field(void *field, size_t length, void *data)
{
    struct expected *expected = data;
    const char *want = expected->fields[expected->next++];
    assert_non_null(want);
    assert_int_equal(length, strlen(want));
    assert_memory_equal(field, want, length);
}

/* A reader of the library that the driver uses gets back what went in. */
static void libcsv_reads_it_back(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "key", "", " blank ", ",", "\"", "\"\"", "\n", "\r\n", "a\"b,c\nd", "µs · ≤", NULL,
    };
    int fd = temporary_file();
    record_writer_init(&writer, fd);
    record_begin(&writer, fields[0]);
    for (size_t i = 1; fields[i]; i++)
        record_text(&writer, fields[i]);
    record_end(&writer);
    assert_int_equal(record_flush(&writer), 0);
    size_t length;
    char *text = contents(fd, &length);

    struct csv_parser parser;
    struct expected expected = {.fields = fields};
    assert_int_equal(csv_init(&parser, CSV_STRICT), 0);
    assert_int_equal(csv_parse(&parser, text, length, take_field, NULL, &expected), length);
    assert_int_equal(csv_fini(&parser, take_field, NULL, &expected), 0);
    assert_null(fields[expected.next]);
    csv_free(&parser);
    free(text);
    close(fd);
}

#define ROWS 20000

/* Rows of all lengths, so that the end of the buffer falls everywhere. */
static void write_rows(struct record_writer *w)
{
    for (uint64_t i = 0; i < ROWS; i++) {
        char word[64];
        memset(word, 'a' + (int)(i % 26), sizeof word);
        record_begin(w, "row");
        record_u64(w, i);
        record_words(w, word, i % sizeof word);
        record_end(w);
    }
}

static size_t rows_bytes(void)
{
    size_t bytes = 0;
    for (uint64_t i = 0; i < ROWS; i++)
        bytes += strlen("row,,\n") +
                 (i < 10      ? 1u
                  : i < 100   ? 2u
                  : i < 1000  ? 3u
                  : i < 10000 ? 4u
                              : 5u) +
                 i % 64;
    return bytes;
}

struct reader {
    int fd;
    size_t length;
    char *text;
};

/* Reads in small and uneven pieces. */
static void *read_slowly(void *data)
{
    struct reader *reader = data;
    for (size_t piece = 1;; piece = piece % 1013 + 1) {
        ssize_t n = read(reader->fd, reader->text + reader->length, piece);
        if (n <= 0)
            return NULL;
        reader->length += (size_t)n;
    }
}

static void assert_survives_a_slow_pipe(int write_flags)
{
    int ends[2];
    size_t bytes = rows_bytes();
    assert_true(bytes > 4 * RECORD_WRITER_BYTES);
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    assert_int_equal(fcntl(ends[1], F_SETFL, write_flags), 0);
    struct reader reader = {.fd = ends[0], .text = malloc(bytes + 2000)};
    assert_non_null(reader.text);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    record_writer_init(&writer, ends[1]);
    write_rows(&writer);
    int error = record_flush(&writer);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    assert_int_equal(error, 0);
    assert_int_equal(reader.length, bytes);

    int fd = temporary_file();
    record_writer_init(&writer, fd);
    write_rows(&writer);
    assert_int_equal(record_flush(&writer), 0);
    size_t length;
    char *text = contents(fd, &length);
    assert_int_equal(length, bytes);
    assert_memory_equal(text, reader.text, bytes);
    free(text);
    free(reader.text);
    close(fd);
}

static void short_writes_are_continued(void **state)
{
    (void)state;
    assert_survives_a_slow_pipe(0);
}

static void a_non_blocking_pipe_is_waited_for(void **state)
{
    (void)state;
    assert_survives_a_slow_pipe(O_NONBLOCK);
}

static void a_broken_pipe_is_an_error_that_stays(void **state)
{
    (void)state;
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    record_writer_init(&writer, ends[1]);
    write_rows(&writer);
    assert_int_equal(record_flush(&writer), -EPIPE);
    record_begin(&writer, "done");
    record_end(&writer);
    close(ends[1]);
    assert_int_equal(record_flush(&writer), -EPIPE);
    record_writer_init(&writer, ends[1]);
    record_begin(&writer, "done");
    record_end(&writer);
    assert_int_equal(record_flush(&writer), -EBADF);
}

struct late_reader {
    int fd;
    atomic_bool reads;
    ssize_t bytes_count; /* read */
};

/* Takes everything, once the writer has had time to go on if it did not wait. */
static void *read_late(void *data)
{
    struct late_reader *reader = data;
    char bytes[64];
    usleep(50000);
    atomic_store(&reader->reads, true);
    reader->bytes_count = read(reader->fd, bytes, sizeof bytes);
    return NULL;
}

static void waits_for_the_reader_of_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    struct late_reader reader = {.fd = ends[0]};
    record_writer_init(&writer, ends[1]);
    record_begin(&writer, "done");
    record_end(&writer);
    assert_int_equal(pthread_create(&thread, NULL, read_late, &reader), 0);
    assert_int_equal(record_flush_and_wait(&writer), 0);
    assert_true(atomic_load(&reader.reads));
    pthread_join(thread, NULL);
    assert_int_equal(reader.bytes_count, 5);

    /* Nobody reads any more, or ever will. */
    record_begin(&writer, "done");
    record_end(&writer);
    assert_int_equal(record_flush(&writer), 0);
    close(ends[0]);
    assert_int_equal(record_flush_and_wait(&writer), 0);
    close(ends[1]);

    int fd = temporary_file();
    record_writer_init(&writer, fd);
    record_begin(&writer, "done");
    record_end(&writer);
    assert_int_equal(record_flush_and_wait(&writer), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_what_the_protocol_says),
        cmocka_unit_test(libcsv_reads_it_back),
        cmocka_unit_test(short_writes_are_continued),
        cmocka_unit_test(a_non_blocking_pipe_is_waited_for),
        cmocka_unit_test(a_broken_pipe_is_an_error_that_stays),
        cmocka_unit_test(waits_for_the_reader_of_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
