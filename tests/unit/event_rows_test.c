/* The event log from end to end: a process logs by the runner's code and is killed, and the
 * driver's code reads what it had logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/event_file.h"
#include "driver/event_rows.h"
#include "runner/event_log.h"

static char text[1 << 24];
static size_t length;
static uint64_t pauses_count, collections_count;

static void take(void *data, const struct record *record)
{
    (void)data;
    pauses_count += record->kind == RECORD_PAUSE;
    collections_count += record->kind == RECORD_COLLECTION;
    length += (size_t)snprintf(text + length, sizeof text - length,
                               record->kind == RECORD_PAUSE ? "pause" : "collection");
    for (size_t i = 0; i < record->field_count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, ",%s", record->fields[i]);
    length += (size_t)snprintf(text + length, sizeof text - length, "\n");
    assert_true(length < sizeof text);
}

static uint64_t emit(int fd, int64_t begin_ns, int64_t end_ns)
{
    length = pauses_count = collections_count = 0;
    text[0] = '\0';
    return event_rows_emit(fd, begin_ns, end_ns, take, NULL);
}

/* Runs `body` with the log in a process that it does not end by itself, and kills that. */
static void log_and_die(int fd, void (*body)(struct event_log *log))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static struct event_log log;
        if (event_log_init(&log, fd, NULL))
            _exit(1);
        body(&log);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static struct gc_stop stop_at(int64_t start_ns)
{
    return (struct gc_stop){.kind = GC_STOP_FULL,
                            .thread = -1,
                            .start_ns = start_ns,
                            .duration_ns = 7,
                            .safepoint_ns = GC_UNKNOWN,
                            .cpu_ns = GC_UNKNOWN,
                            .marked_bytes = GC_UNKNOWN};
}

static void log_one_of_each(struct event_log *log)
{
    static const enum gc_stop_kind kinds[] = {GC_STOP_FULL, GC_STOP_MINOR, GC_STOP_MARK_START,
                                              GC_STOP_MARK_END, GC_STOP_INCREMENT};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct gc_stop stop = stop_at(1000 + (int64_t)i);
        stop.kind = kinds[i];
        stop.thread = (int32_t)i - 1;
        stop.safepoint_ns = i % 2 ? i : GC_UNKNOWN;
        event_log_stop(log, &stop);
    }
    struct gc_collection c = {.kind = GC_COLLECTION_FULL,
                              .start_ns = 1100,
                              .end_ns = 1200,
                              .mark_ns = 1,
                              .sweep_ns = 2,
                              .heap_before_bytes = 3,
                              .heap_after_bytes = 4,
                              .live_bytes = 5,
                              .marked_count = 6,
                              .marked_bytes = 7};
    event_log_collection(log, &c);
    c = (struct gc_collection){GC_COLLECTION_MINOR, 1300,       (int64_t)GC_UNKNOWN, GC_UNKNOWN,
                               GC_UNKNOWN,          GC_UNKNOWN, GC_UNKNOWN,          GC_UNKNOWN,
                               GC_UNKNOWN,          GC_UNKNOWN};
    event_log_collection(log, &c);
}

static void every_field_is_handed_over(void **state)
{
    (void)state;
    int fd = event_rows_open();
    assert_true(fd >= 10);
    log_and_die(fd, log_one_of_each);
    assert_int_equal(emit(fd, 1000, INT64_MAX), 0);
    assert_string_equal(text, "pause,-1,full,0,7,\n"
                              "pause,0,minor,1,7,1\n"
                              "pause,1,mark_start,2,7,\n"
                              "pause,2,mark_end,3,7,3\n"
                              "pause,3,increment,4,7,\n"
                              "collection,0,full,100,200,1,2,3,4,5,6,7\n"
                              "collection,1,minor,300,,,,,,,,\n");
    close(fd);
}

/* Of events that began before `begin` or from `end` on there is nothing, and collections are
 * numbered from the first that is there. */
static void only_the_measured_part_is_handed_over(void **state)
{
    (void)state;
    int fd = event_rows_open();
    log_and_die(fd, log_one_of_each);
    assert_int_equal(emit(fd, 1001, 1003), 0);
    assert_string_equal(text, "pause,0,minor,0,7,1\npause,1,mark_start,1,7,\n");
    assert_int_equal(emit(fd, 1200, 1301), 0);
    assert_string_equal(text, "collection,0,minor,100,,,,,,,,\n");
    close(fd);
}

#define THREADS    3
#define PER_THREAD 30000

static void *log_many(void *data)
{
    for (int64_t i = 0; i < PER_THREAD; i++) {
        struct gc_stop stop = stop_at(1000 + i);
        event_log_stop(data, &stop);
    }
    return NULL;
}

static void log_in_threads(struct event_log *log)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, log_many, log);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct gc_collection collection = {.kind = GC_COLLECTION_FULL, .start_ns = 5, .end_ns = 6};
    for (int i = 0; i < PER_THREAD; i++)
        event_log_collection(log, &collection);
    event_log_clear(log);
    log_many(log);
    collection.start_ns = 2000;
    collection.end_ns = 2000;
    for (int i = 0; i < PER_THREAD; i++)
        event_log_collection(log, &collection);
}

/* It grows, from several threads at once, and drops nothing; what was cleared is gone. */
static void a_log_that_grows_loses_nothing(void **state)
{
    (void)state;
    int fd = event_rows_open();
    log_and_die(fd, log_in_threads);
    assert_int_equal(emit(fd, 1000, INT64_MAX), 0);
    assert_int_equal(pauses_count, PER_THREAD);
    assert_int_equal(collections_count, PER_THREAD);
    const char *line = text;
    for (int i = 0; i < PER_THREAD; i++, line = strchr(line, '\n') + 1) {
        char expected[64];
        int n = snprintf(expected, sizeof expected, "pause,-1,full,%d,7,\n", i);
        assert_memory_equal(line, expected, (size_t)n);
    }
    close(fd);
}

static void *log_a_lot(void *data)
{
    /* As long as the buffer of this test has room, however late the kill may come. */
    for (int64_t i = 0; i < 100000; i++) {
        struct gc_stop stop = stop_at(1000 + i);
        event_log_stop(data, &stop);
    }
    return NULL;
}

static void log_until_killed(struct event_log *log)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, log_a_lot, log);
    while (growable_log_count(&log->stops) < 20000)
        sched_yield();
}

/* Killed in the middle of appending: of each thread at most the entry at hand is lost, and no other
 * is damaged: of the rest each thread's starts are 1000, 1001, … without a gap. */
static void a_kill_in_the_middle_of_appending_costs_that_entry_only(void **state)
{
    (void)state;
    int fd = event_rows_open();
    log_and_die(fd, log_until_killed);
    uint64_t lost_count = emit(fd, 1000, INT64_MAX);
    assert_true(lost_count <= THREADS);
    assert_true(pauses_count >= 20000 - THREADS);
    uint32_t *seen = calloc(pauses_count + THREADS + 1, sizeof *seen);
    uint64_t highest = 0;
    const char *line = text;
    for (uint64_t i = 0; i < pauses_count; i++, line = strchr(line, '\n') + 1) {
        uint64_t start;
        assert_int_equal(sscanf(line, "pause,-1,full,%" SCNu64 ",7,\n", &start), 1);
        assert_true(start < pauses_count + THREADS);
        seen[start]++;
        highest = start > highest ? start : highest;
    }
    /* How many threads have come to `start` falls, but for what was lost, with it. */
    uint64_t missing = 0;
    for (uint64_t i = 0; i < highest; i++)
        missing += seen[i] < seen[i + 1] ? seen[i + 1] - seen[i] : 0;
    assert_true(missing <= lost_count);
    free(seen);
    close(fd);
}

static void log_five(struct event_log *log)
{
    for (int64_t i = 0; i < 5; i++) {
        struct gc_stop stop = stop_at(1000 + i);
        event_log_stop(log, &stop);
    }
}

/* What a runner that crashed left behind may be anything. */
static void damage_is_counted_and_the_rest_is_read(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint64_t word;
    } damages[] = {
        {0, 0},                              /* never finished */
        {0, UINT64_C(0xffffffff) << 32 | 6}, /* no such kind */
        {0, UINT64_C(0xfffffffe) << 32 | 1}, /* no such thread */
        {16, UINT64_MAX},                    /* a negative duration */
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        int fd = event_rows_open();
        log_and_die(fd, log_five);
        off_t at = EVENT_FILE_STOPS_OFFSET + 2 * (off_t)sizeof(struct event_file_stop);
        assert_int_equal(pwrite(fd, &damages[i].word, 8, at + (off_t)damages[i].at), 8);
        assert_int_equal(emit(fd, 1000, INT64_MAX), 1);
        assert_string_equal(text, "pause,-1,full,0,7,\npause,-1,full,1,7,\n"
                                  "pause,-1,full,3,7,\npause,-1,full,4,7,\n");
        close(fd);
    }
}

/* Neither a count that was overwritten nor a file that was cut holds the driver up. */
static void a_wrong_count_ends(void **state)
{
    (void)state;
    uint64_t wrong = UINT64_MAX / 2;
    int fd = event_rows_open();
    log_and_die(fd, log_five);
    assert_int_equal(pwrite(fd, &wrong, sizeof wrong, 8), sizeof wrong);
    assert_true(emit(fd, 1000, INT64_MAX) > 0);
    assert_int_equal(pauses_count, 5);
    assert_int_equal(ftruncate(fd, EVENT_FILE_STOPS_OFFSET + 100), 0);
    assert_true(emit(fd, 1000, INT64_MAX) > 0);
    assert_int_equal(pauses_count, 2);
    assert_int_equal(ftruncate(fd, 3), 0);
    assert_int_equal(emit(fd, 1000, INT64_MAX), 0);
    assert_int_equal(pauses_count, 0);
    close(fd);
}

/* A runner that never used it, or in another layout. */
static void another_version_is_left_alone(void **state)
{
    (void)state;
    int fd = event_rows_open();
    assert_int_equal(emit(fd, 0, INT64_MAX), 0);
    log_and_die(fd, log_five);
    uint64_t version = 2;
    assert_int_equal(pwrite(fd, &version, sizeof version, 0), sizeof version);
    assert_int_equal(emit(fd, 0, INT64_MAX), 0);
    assert_int_equal(pauses_count, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_handed_over),
        cmocka_unit_test(only_the_measured_part_is_handed_over),
        cmocka_unit_test(a_log_that_grows_loses_nothing),
        cmocka_unit_test(a_kill_in_the_middle_of_appending_costs_that_entry_only),
        cmocka_unit_test(damage_is_counted_and_the_rest_is_read),
        cmocka_unit_test(a_wrong_count_ends),
        cmocka_unit_test(another_version_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
