/* `gcmeter export`: JSON read back by cJSON, Go's benchmark format by its grammar. Runs from the
 * root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>

#include "driver/cmd.h"
#include "fixtures/json_reader.h"
#include "fixtures/run_fixture.h"
#include "gcmeter_process.h"

#define GRAPH "cyclic_graph:nodes=64/boehm:interior=0/heap=2.0xlive/threads=2"
#define POOL  "pooled_buffers/malloc/heap=none/threads=1"

static struct process p;

static void put_invocation(struct run_fixture *run, const char *cell, const char *backend,
                           int number, const char *status, const char *flags)
{
    struct csv_writer *file = run->files[SCHEMA_FILE_INVOCATIONS];
    csv_writer_text(file, SCHEMA_INVOCATIONS_cell, cell);
    csv_writer_text(file, SCHEMA_INVOCATIONS_workload, "w");
    csv_writer_text(file, SCHEMA_INVOCATIONS_backend, backend);
    csv_writer_int(file, SCHEMA_INVOCATIONS_threads, 1);
    csv_writer_int(file, SCHEMA_INVOCATIONS_invocation, number);
    csv_writer_int(file, SCHEMA_INVOCATIONS_order, run->order++);
    csv_writer_int(file, SCHEMA_INVOCATIONS_seed, 1);
    csv_writer_text(file, SCHEMA_INVOCATIONS_status, status);
    csv_writer_text(file, SCHEMA_INVOCATIONS_flags, flags);
    if (!strcmp(status, "ok") && !*flags) {
        csv_writer_int(file, SCHEMA_INVOCATIONS_wall_ns, 800000000 + 1000 * number);
        csv_writer_int(file, SCHEMA_INVOCATIONS_gc_count, 41);
        csv_writer_int(file, SCHEMA_INVOCATIONS_pause_p99_ns, 912000 + 7 * number);
        csv_writer_real(file, SCHEMA_INVOCATIONS_mmu_10ms, 0.25);
    }
    if (*flags)
        csv_writer_int(file, SCHEMA_INVOCATIONS_stall_max_ns, 77000);
    assert_int_equal(csv_writer_row(file), 0);
}

static void put_metric(struct run_fixture *run, const char *cell, int number, const char *metric,
                       double value)
{
    struct csv_writer *file = run->files[SCHEMA_FILE_METRICS];
    csv_writer_text(file, SCHEMA_METRICS_cell, cell);
    csv_writer_int(file, SCHEMA_METRICS_invocation, number);
    csv_writer_text(file, SCHEMA_METRICS_metric, metric);
    csv_writer_text(file, SCHEMA_METRICS_unit, "bytes");
    csv_writer_text(file, SCHEMA_METRICS_better, "lower");
    csv_writer_real(file, SCHEMA_METRICS_value, value);
    assert_int_equal(csv_writer_row(file), 0);
}

/* A cell of 7 invocations of which the last crashed, and a probe, and one of 3; and text from
 * outside that no format may be broken by. */
static void write_run(const char *folder)
{
    struct run_fixture run;
    run_fixture_open(&run, folder);
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "cpu_model", "A \"CPU\"\nBenchmarkEvil 1 2 ns/op \xff");
    run_fixture_key(&run, "git_commit", "0123456");
    run_fixture_key(&run, "backend_boehm_version", "8.2.2");
    for (int i = 0; i < 7; i++) {
        put_metric(&run, GRAPH, i, "odd \"one\"\x01_bytes", 10 + i);
        if (i == 0) {
            struct csv_writer *file = run.files[SCHEMA_FILE_ITERATIONS];
            for (int n = -1; n < 2; n++) {
                csv_writer_text(file, SCHEMA_ITERATIONS_cell, GRAPH);
                csv_writer_int(file, SCHEMA_ITERATIONS_invocation, 0);
                csv_writer_int(file, SCHEMA_ITERATIONS_iteration, n);
                csv_writer_int(file, SCHEMA_ITERATIONS_wall_ns, 400000000);
                assert_int_equal(csv_writer_row(file), 0);
            }
            file = run.files[SCHEMA_FILE_COLLECTIONS];
            csv_writer_text(file, SCHEMA_COLLECTIONS_cell, GRAPH);
            csv_writer_int(file, SCHEMA_COLLECTIONS_invocation, 0);
            csv_writer_int(file, SCHEMA_COLLECTIONS_collection, 0);
            csv_writer_text(file, SCHEMA_COLLECTIONS_kind, "full");
            csv_writer_int(file, SCHEMA_COLLECTIONS_start_ns, 1000001);
            csv_writer_int(file, SCHEMA_COLLECTIONS_end_ns, 2000001);
            csv_writer_int(file, SCHEMA_COLLECTIONS_mark_ns, 600000);
            csv_writer_int(file, SCHEMA_COLLECTIONS_sweep_ns, 900000);
            csv_writer_int(file, SCHEMA_COLLECTIONS_heap_before_bytes, 4096);
            csv_writer_int(file, SCHEMA_COLLECTIONS_heap_after_bytes, 1024);
            assert_int_equal(csv_writer_row(file), 0);
            run_fixture_pause(&run, GRAPH, 0, 1000001, 250000);
            file = run.files[SCHEMA_FILE_PAUSES];
            csv_writer_text(file, SCHEMA_PAUSES_cell, GRAPH);
            csv_writer_int(file, SCHEMA_PAUSES_invocation, 0);
            csv_writer_int(file, SCHEMA_PAUSES_thread, 1);
            csv_writer_text(file, SCHEMA_PAUSES_kind, "incr\"ement");
            csv_writer_int(file, SCHEMA_PAUSES_start_ns, 3000000);
            csv_writer_int(file, SCHEMA_PAUSES_duration_ns, 5000);
            csv_writer_int(file, SCHEMA_PAUSES_safepoint_ns, 2000);
            assert_int_equal(csv_writer_row(file), 0);
            run_fixture_memory(&run, GRAPH, 0, 10000000, 1 << 20, -1);
            run_fixture_pause(&run, GRAPH, 1, 55, 66);
        }
        put_invocation(&run, GRAPH, "boehm", i, i == 6 ? "crashed" : "ok", "");
    }
    put_invocation(&run, GRAPH, "boehm", -1, "ok", "probe");
    for (int i = 0; i < 3; i++)
        put_invocation(&run, POOL, "malloc", i, "ok", "");
    run_fixture_close(&run);
}

static int make_run(void **state)
{
    if (process_setup(state))
        return -1;
    write_run(process_path("run"));
    return 0;
}

/* A word of the format: no blank, and it ends where a blank is. */
static size_t word_length(const char *text)
{
    return strcspn(text, " \t\n");
}

static bool is_number(const char *word, size_t length)
{
    char copy[64], *end;
    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, word, length);
    copy[length] = '\0';
    strtod(copy, &end);
    return !*end;
}

/* Checks one line by golang.org/design/14313-benchmark-format; how many values a result has. */
static size_t check_line(const char *line, size_t length)
{
    char text[4096];
    assert_true(length < sizeof text);
    memcpy(text, line, length);
    text[length] = '\0';
    if (!*text)
        return 0;
    if (!strncmp(text, "Unit ", 5)) {
        const char *at = text + 5 + word_length(text + 5);
        while (*at == ' ') {
            size_t word = word_length(++at);
            assert_true(memchr(at, '=', word) != NULL);
            at += word;
        }
        assert_true(!*at);
        return 0;
    }
    if (strncmp(text, "Benchmark", 9)) {
        const char *colon = strstr(text, ": ");
        if (!colon || !islower((unsigned char)*text))
            fail_msg("neither result nor configuration: %s", text);
        for (const char *c = text; c < colon; c++)
            assert_true(!isspace((unsigned char)*c) && !isupper((unsigned char)*c));
        return 0;
    }
    /* Name, count, then pairs of value and unit. */
    assert_true(isupper((unsigned char)text[9]));
    const char *at = text + word_length(text);
    assert_memory_equal(at, " 1 ", 3);
    at += 3;
    size_t values = 0;
    for (;; at++) {
        size_t value = word_length(at);
        assert_true(is_number(at, value));
        assert_true(at[value] == ' ');
        at += value + 1;
        size_t unit = word_length(at);
        assert_true(unit > 0);
        at += unit;
        values++;
        if (!*at)
            return values;
        assert_true(*at == ' ');
    }
}

static void benchfmt_is_go_s(void **state)
{
    (void)state;
    size_t results = 0, values = 0;
    process_run(&p, "export @/run --format benchfmt");
    assert_exit_code(&p, CMD_DONE);
    for (const char *line = p.out; *line;) {
        size_t length = strcspn(line, "\n");
        size_t count = check_line(line, length);
        results += count > 0;
        values += count;
        line += length + (line[length] == '\n');
    }
    /* Six that ended well, a probe, three more. */
    assert_int_equal(results, 10);
    assert_int_equal(values, 6 * 5 + 1 + 3 * 4);
    assert_contains(p.out, "cpu: A \"CPU\"\\x0aBenchmarkEvil 1 2 ns/op \\xff\n");
    assert_contains(p.out, "\nbackend-boehm-version: 8.2.2\n");
    assert_contains(p.out, "\nUnit ns/op better=lower\n");
    assert_contains(p.out, "\nUnit gcs/run better=lower assume=exact\n");
    assert_contains(p.out, "\nUnit mmu-10ms better=higher assume=exact\n");
    assert_contains(p.out, "\nUnit pause-p99-ns better=lower\n");
    /* One value makes nothing exact. */
    assert_contains(p.out, "\nUnit stall-max-ns better=lower\n");
    assert_contains(p.out, "\nBenchmarkCyclicGraph/params=nodes=64/gc=boehm:interior=0/"
                           "heap=2.0xlive/threads=2 1 800001000 ns/op 41 gcs/run 912007 "
                           "pause-p99-ns 0.25 mmu-10ms 11 odd_\"one\"_-bytes\n");
    assert_contains(p.out, "\nBenchmarkPooledBuffers/gc=malloc/heap=none/threads=1 1 ");
    assert_string_equal(p.err, "gcmeter: 1 invocations failed and are left out\n");

    process_run(&p, "export @/run --format benchfmt --metric gc_count");
    assert_contains(p.out, "threads=1 1 41 gcs/run\n");
    assert_null(strstr(p.out, "\nUnit ns/op"));
}

#if JSON_READER
static const cJSON *find_named(const cJSON *array, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (!strcmp(json_text(item, "name"), name))
            return item;
    }
    fail_msg("there is no %s", name);
    return NULL;
}
#endif

static void gha_is_what_its_action_reads(void **state)
{
    (void)state;
    process_run(&p, "export @/run --format gha");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err, "gcmeter: 1");
    assert_contains(p.err, "metrics of which more is better are left out");
#if JSON_READER
    cJSON *array = json_read(p.out);
    assert_true(cJSON_IsArray(array));
    /* wall_ns, gc_count, pause_p99_ns and the odd one; and the probe's stalls. */
    assert_int_equal(cJSON_GetArraySize(array), 5 + 3);
    const cJSON *pause = find_named(
        array, "cyclic_graph:nodes=64/boehm:interior=0/heap=2.0xlive/threads=2 pause p99");
    assert_string_equal(json_text(pause, "unit"), "ns");
    assert_true(json_number(pause, "value") == 912017.5);
    assert_string_equal(json_text(pause, "range"), "± 17.5");
    assert_string_equal(json_text(pause, "extra"), "n=6 of 7");
    const cJSON *wall = find_named(array, "pooled_buffers/malloc wall");
    assert_true(json_number(wall, "value") == 800001000);
    assert_string_equal(json_text(wall, "extra"), "n=3");
    find_named(array, "cyclic_graph:nodes=64/boehm:interior=0/heap=2.0xlive/threads=2 odd "
                      "\"one\"\x01");
    cJSON_Delete(array);
#else
    print_message(JSON_SKIP);
    skip();
#endif
}

static void bmf_is_bencher_s(void **state)
{
    (void)state;
    process_run(&p, "export @/run --format bmf");
    assert_exit_code(&p, CMD_DONE);
#if JSON_READER
    cJSON *cells = json_read(p.out);
    assert_true(cJSON_IsObject(cells));
    assert_int_equal(cJSON_GetArraySize(cells), 2);
    const cJSON *graph = cJSON_GetObjectItemCaseSensitive(
        cells, "cyclic_graph:nodes=64/boehm:interior=0/heap=2.0xlive/threads=2");
    const cJSON *pause = cJSON_GetObjectItemCaseSensitive(graph, "pause-p99");
    assert_true(json_number(pause, "value") == 912017.5);
    assert_true(json_number(pause, "lower_value") == 912000);
    assert_true(json_number(pause, "upper_value") == 912035);
    const cJSON *pool = cJSON_GetObjectItemCaseSensitive(cells, "pooled_buffers/malloc");
    const cJSON *mmu = cJSON_GetObjectItemCaseSensitive(pool, "mmu-10ms");
    assert_true(json_number(mmu, "value") == 0.25);
    /* Three values have no interval. */
    assert_null(cJSON_GetObjectItemCaseSensitive(mmu, "lower_value"));
    cJSON_Delete(cells);
#else
    print_message(JSON_SKIP);
    skip();
#endif
}

static void perfetto_draws_one_invocation(void **state)
{
    (void)state;
    process_run(&p, "export @/run --format perfetto");
    assert_exit_code(&p, CMD_DONE);
#if JSON_READER
    cJSON *trace = json_read(p.out);
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(trace, "traceEvents");
    const cJSON *event;
    bool has_nanoseconds = false;
    int slices = 0, counters = 0, names = 0;
    cJSON_ArrayForEach(event, events)
    {
        const char *phase = json_text(event, "ph");
        json_text(event, "name");
        json_number(event, "tid");
        assert_true(json_number(event, "pid") == 1);
        if (*phase == 'X') {
            slices++;
            assert_true(json_number(event, "ts") >= 0 && json_number(event, "dur") >= 0);
        } else if (*phase == 'C') {
            counters++;
            json_number(cJSON_GetObjectItemCaseSensitive(event, "args"), "bytes");
        } else {
            assert_string_equal(phase, "M");
            names++;
        }
    }
    /* Two iterations, a collection of two phases, two stops of which one says its safepoint. */
    assert_int_equal(slices, 2 + 3 + 3);
    assert_int_equal(counters, 3);
    assert_true(names > 0);
    const cJSON *collection = find_named(events, "full collection 0");
    has_nanoseconds = json_number(collection, "ts") == 1000.001;
    assert_true(has_nanoseconds);
    assert_true(json_number(collection, "dur") == 1000);
    assert_true(json_number(cJSON_GetObjectItemCaseSensitive(collection, "args"), "sweep_ns") ==
                900000);
    /* The phases lie inside, however long they say they took. */
    assert_true(json_number(find_named(events, "mark"), "dur") == 600);
    assert_true(json_number(find_named(events, "sweep"), "ts") == 1600.001);
    assert_true(json_number(find_named(events, "sweep"), "dur") == 400);
    const cJSON *stop = find_named(events, "incr\"ement stop");
    assert_true(json_number(stop, "tid") != json_number(find_named(events, "full stop"), "tid"));
    assert_true(json_number(find_named(events, "to safepoint"), "dur") == 2);
    cJSON_Delete(trace);
    process_run(&p, "export @/run --format perfetto --cell " POOL " --invocation 2");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, POOL ", invocation 2");
    cJSON_Delete(json_read(p.out));
#else
    print_message(JSON_SKIP);
    skip();
#endif
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    assert_refused("export", CMD_USAGE, "which run?");
    assert_refused("export @/run", CMD_USAGE, "in which format?");
    assert_refused("export @/run --format xml", CMD_USAGE, "not benchfmt, bmf, gha or perfetto");
    assert_refused("export @/run @/b --format gha", CMD_USAGE, "one run at a time");
    assert_refused("export @/none --format gha", CMD_USAGE, "none");
    assert_refused("export @/run --format gha --metric wall", CMD_USAGE, "no metric 'wall'");
    assert_refused("export @/run --format gha --cell " POOL, CMD_USAGE, "--cell is for perfetto");
    assert_refused("export @/run --format perfetto --metric wall_ns", CMD_USAGE,
                   "--metric is not for perfetto");
    assert_refused("export @/run --format perfetto --cell x", CMD_USAGE, "no cell 'x'");
    assert_refused("export @/run --format perfetto --invocation 99", CMD_USAGE, "no invocation 99");
    assert_refused("export @/run --format perfetto --invocation 1x", CMD_USAGE, "not a number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(benchfmt_is_go_s),      cmocka_unit_test(gha_is_what_its_action_reads),
        cmocka_unit_test(bmf_is_bencher_s),      cmocka_unit_test(perfetto_draws_one_invocation),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, make_run, process_teardown);
}
