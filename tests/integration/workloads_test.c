/* Every workload does the same work on every backend: each runner in GCMETER_BIN runs the same
 * small cells, at several seeds and thread counts, and must come to the same checksum and count the
 * same allocations, which for published programs are those of the published formula. Where a
 * backend can collect at every allocation, the largest live set that it sees is the one that the
 * workload states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NONE       UINT64_MAX
#define TEXT_BYTES (16 << 20)

/* A workload, its parameters, and the objects and bytes that one iteration allocates by a formula
 * (NONE: only the same everywhere; VARIES: not even that). */
#define VARIES (UINT64_MAX - 1)
struct cell {
    const char *workload;
    const char *params;
    uint64_t allocated_count;
    uint64_t allocated_bytes;
};

/* What one invocation came to. */
struct outcome {
    uint64_t checksum;
    uint64_t allocated_count;
    uint64_t allocated_bytes;
    uint64_t live_max_bytes; /* largest of all collections, 0 where there was none */
    uint64_t full_count;     /* full collections */
    bool knows_live;         /* whether live_bytes was reported */
    int64_t live_bytes;
    int64_t retained_bytes;
    char printed[256];
};

static glob_t runners;
static char records_path[] = "/tmp/gcmeter-workloads-XXXXXX";

/* Runs a command line by the shell; returns its exit code and its output, as far as it fits. */
static int shell(char *output, size_t bytes, const char *command)
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t used = fread(output, 1, bytes - 1, pipe);
    output[used] = 0;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The first line of `text` that begins with `prefix`, without it; NULL if there is none. */
static const char *find_line(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    for (const char *line = text; line != NULL && *line != 0;) {
        if (strncmp(line, prefix, length) == 0)
            return line + length;
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return NULL;
}

static uint64_t number_at(const char *text, const char *prefix)
{
    const char *at = find_line(text, prefix);
    if (at == NULL)
        fail_msg("no record %s in:\n%s", prefix, text);
    return strtoull(at, NULL, 10);
}

/* Largest live_bytes of the collection records: their 9th field after the word. */
static uint64_t largest_live(const char *text)
{
    uint64_t largest = 0;
    for (const char *at = text; (at = find_line(at, "collection,")) != NULL;) {
        const char *field = at;
        for (int i = 0; i < 8 && field != NULL; i++)
            if ((field = strchr(field, ',')) != NULL)
                field++;
        uint64_t live = field != NULL ? strtoull(field, NULL, 10) : 0;
        if (live > largest)
            largest = live;
    }
    return largest;
}

static const char *runner_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Probe runners do the same work and report nothing but stalls: see stops_test.c. */
static bool is_probe(const char *path)
{
    const char suffix[] = "-probe";
    size_t length = strlen(path);
    return length >= sizeof suffix && !strcmp(path + length - (sizeof suffix - 1), suffix);
}

static char text[TEXT_BYTES];

/* Without its recordings (collections and latencies, and the live bytes that come with them) a run
 * of such small cells takes a fifth of the time. */
static struct outcome run_cell_recorded(const char *runner, const struct cell *cell,
                                        unsigned threads, uint64_t seed, const char *options,
                                        bool recorded)
{
    struct outcome outcome = {0};
    char command[1024];
    /* The Go reference records always. */
    bool tells = recorded || strcmp(runner_name(runner), "gcmeter-run-go") == 0;
    snprintf(command, sizeof command,
             "'%s' --run --workload %s %s%s %s%s --threads %u --seed %" PRIu64
             " --warmup 0 --iterations 1 %s --memory-cap 2000000000 --records 3 3>'%s' 2>&1",
             runner, cell->workload, *cell->params ? "--params " : "", cell->params,
             *options ? "--options " : "", options, threads, seed, tells ? "" : "--record 0",
             records_path);
    int code = shell(outcome.printed, sizeof outcome.printed, command);
    FILE *file = fopen(records_path, "r");
    assert_non_null(file);
    size_t used = fread(text, 1, sizeof text - 1, file);
    text[used] = 0;
    assert_true(feof(file));
    fclose(file);
    if (code != 0 || find_line(text, "status,ok,") == NULL || find_line(text, "done\n") == NULL)
        fail_msg("%s: exit code %d\n%s\n%s", command, code, outcome.printed, text);
    outcome.checksum = number_at(text, "metric,checksum,");
    outcome.allocated_count = number_at(text, "metric,allocated_count,");
    outcome.allocated_bytes = number_at(text, "metric,allocated_bytes,");
    outcome.live_max_bytes = largest_live(text);
    if (find_line(text, "metric,gc_full_count,"))
        outcome.full_count = number_at(text, "metric,gc_full_count,");
    outcome.knows_live = find_line(text, "metric,live_bytes,") != NULL;
    assert_int_equal(outcome.knows_live, find_line(text, "metric,retained_bytes,") != NULL);
    if (outcome.knows_live) {
        outcome.live_bytes = (int64_t)number_at(text, "metric,live_bytes,");
        outcome.retained_bytes = strtoll(find_line(text, "metric,retained_bytes,"), NULL, 10);
    }
    return outcome;
}

static struct outcome run_cell(const char *runner, const struct cell *cell, unsigned threads,
                               uint64_t seed, const char *options)
{
    return run_cell_recorded(runner, cell, threads, seed, options, true);
}

static uint64_t stated_live(const char *runner, const struct cell *cell, unsigned threads)
{
    char command[1024];
    char output[256];
    snprintf(command, sizeof command, "'%s' --live-bytes --workload %s %s%s --threads %u", runner,
             cell->workload, *cell->params ? "--params " : "", cell->params, threads);
    if (shell(output, sizeof output, command) != 0)
        fail_msg("%s: %s", command, output);
    return strtoull(output, NULL, 10);
}

/* Nodes of GCBench: kStretchTreeDepth, kLongLivedTreeDepth, kMinTreeDepth, kMaxTreeDepth. */
static uint64_t gcbench_nodes(unsigned stretch, unsigned long_lived, unsigned least, unsigned most)
{
    uint64_t stretch_size = (UINT64_C(2) << stretch) - 1;
    uint64_t nodes = stretch_size + (UINT64_C(2) << long_lived) - 1;
    for (unsigned depth = least; depth <= most; depth += 2) {
        uint64_t size = (UINT64_C(2) << depth) - 1;
        nodes += 2 * (2 * stretch_size / size) * size;
    }
    return nodes;
}

/* Nodes of the Benchmarks Game's binary-trees at N = depth. */
static uint64_t binary_trees_nodes(unsigned depth)
{
    uint64_t nodes = (UINT64_C(4) << depth) - 1 + (UINT64_C(2) << depth) - 1;
    for (unsigned d = 4; d <= depth; d += 2)
        nodes += (UINT64_C(1) << (depth - d + 4)) * ((UINT64_C(2) << d) - 1);
    return nodes;
}

static uint64_t quads_size(unsigned depth)
{
    uint64_t nodes = 0;
    for (unsigned level = 0; level <= depth; level++)
        nodes += UINT64_C(1) << 2 * level;
    return nodes;
}

static uint64_t quads_nodes(unsigned depth, uint64_t rounds, uint64_t permille, unsigned small)
{
    uint64_t trees = quads_size(depth) * permille / 1000 / quads_size(small);
    return quads_size(depth) + rounds * trees * quads_size(small);
}

static bool has_row(const char *runner, const char *row)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' --describe", runner);
    if (shell(text, sizeof text, command) != 0)
        fail_msg("%s fails", command);
    return find_line(text, row) != NULL;
}

/* Whether the backend has what the workload needs; where it has not, the runner says so. The Go
 * reference has ports of some workloads only. */
static bool is_supported(const char *runner, const struct cell *cell)
{
    char command[1024];
    snprintf(command, sizeof command, "workload,%s,", cell->workload);
    if (strcmp(runner_name(runner), "gcmeter-run-go") == 0 && !has_row(runner, command))
        return false;
    if (strcmp(cell->workload, "weak_cache") != 0 ||
        (has_row(runner, "capability,finalizers") && has_row(runner, "capability,weak")))
        return true;
    snprintf(command, sizeof command, "'%s' --run --workload %s 2>&1", runner, cell->workload);
    assert_int_equal(shell(text, sizeof text, command), 4);
    assert_non_null(find_line(text, "status,skipped,\"the workload needs finalizers, "));
    return false;
}

static void same_everywhere(const struct cell *cell)
{
    static const struct {
        unsigned threads;
        uint64_t seed;
    } passes[] = {{1, 1}, {2, 1}, {3, 1}, {1, 12345}, {2, 12345}};
    uint64_t checksums[2] = {0, 0}; /* of each seed */

    for (size_t pass = 0; pass < sizeof passes / sizeof passes[0]; pass++) {
        unsigned threads = passes[pass].threads;
        bool recorded = pass < 2;
        uint64_t seed = passes[pass].seed;
        struct outcome first = {0};
        uint64_t live = 0;
        for (size_t i = 0; i < runners.gl_pathc; i++) {
            const char *runner = runners.gl_pathv[i];
            if (!is_supported(runner, cell))
                continue;
            struct outcome outcome = run_cell_recorded(runner, cell, threads, seed, "", recorded);
            if (live == 0) {
                first = outcome;
                live = stated_live(runner, cell, threads);
                assert_int_not_equal(live, 0);
                if (threads == 1)
                    checksums[seed != 1] = outcome.checksum;
            }
            if (outcome.checksum != checksums[seed != 1])
                fail_msg("%s %s:%s at %u threads, seed %" PRIu64 ": checksum %" PRIu64
                         ", elsewhere %" PRIu64,
                         runner_name(runner), cell->workload, cell->params, threads, seed,
                         outcome.checksum, checksums[seed != 1]);
            assert_int_equal(stated_live(runner, cell, threads), live);
            /* METHODS.md section 7, wherever there was something to know: by gctrace, its default,
             * the Go reference does not. */
            if (recorded && strcmp(runner_name(runner), "gcmeter-run-go") != 0)
                assert_int_equal(outcome.knows_live, outcome.full_count > 0);
            if (outcome.knows_live)
                assert_int_equal(outcome.retained_bytes, outcome.live_bytes - (int64_t)live);
            if (cell->allocated_count == VARIES)
                continue;
            assert_int_equal(outcome.allocated_count, first.allocated_count);
            assert_int_equal(outcome.allocated_bytes, first.allocated_bytes);
            if (cell->allocated_count != NONE)
                assert_int_equal(outcome.allocated_count, cell->allocated_count);
            if (cell->allocated_bytes != NONE)
                assert_int_equal(outcome.allocated_bytes, cell->allocated_bytes);
        }
    }
}

/* One thread only. The first object is made before what is counted. */
static void startup_is_the_same_everywhere(void **state)
{
    static const char *const sizes[] = {"", "bytes=100001"};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct cell cell = {"startup", sizes[k], 256, 256 * 16};
        uint64_t checksum = run_cell(runners.gl_pathv[0], &cell, 1, 1, "").checksum;
        for (size_t i = 0; i < runners.gl_pathc; i++) {
            if (!is_supported(runners.gl_pathv[i], &cell))
                continue;
            struct outcome outcome = run_cell(runners.gl_pathv[i], &cell, 1, 1, "");
            assert_int_equal(outcome.checksum, checksum);
            assert_int_equal(outcome.allocated_count, cell.allocated_count);
            assert_int_equal(outcome.allocated_bytes, cell.allocated_bytes);
            assert_int_not_equal(number_at(text, "extra,startup_cpu_ns,ns,lower,"), 0);
            assert_int_equal(stated_live(runners.gl_pathv[i], &cell, 1), k ? 100001 + 16 : 64 + 16);
            assert_int_not_equal(run_cell(runners.gl_pathv[i], &cell, 1, 5, "").checksum, checksum);
        }
    }
}

static void slice_append_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"slice_append", "elements=10,slices=20000,window=500", NONE, NONE},
        {"slice_append", "elements=1000,slices=1000,window=100", NONE, NONE},
        {"slice_append", "elements=100000,slices=8,window=3", NONE, NONE},
        {"slice_append", "elements=300,slices=500,window=50,pointer=1", NONE, NONE},
        {"slice_append", "elements=20000,slices=8,window=0,pointer=1", NONE, NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

static void example_is_printed_on_every_backend(void **state)
{
    static const struct cell cells[] = {
        {"slice_append", "example=1,slices=100,window=10", NONE, NONE},
        {"slice_append", "example=1,slices=100,window=10,pointer=1", NONE, NONE},
    };
    (void)state;
    for (size_t i = 0; i < 2 * runners.gl_pathc; i++) {
        const char *runner = runners.gl_pathv[i / 2];
        struct outcome outcome = run_cell(runner, &cells[i % 2], 1, 1, "");
        assert_string_equal(outcome.printed, "Slice: [1 2 3 4 5 6 7 8 9 10]\n");
    }
}

/* Besides the windows (one table for each thread) an iteration allocates a table and 64 nodes per
 * graph. */
static void cyclic_graph_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"cyclic_graph", "window=100,windows=5", NONE, 100 * 8 + 500 * 64 * (8 + 48)},
        {"cyclic_graph", "nodes=5000,degree=3,window=4,windows=5", NONE, NONE},
        {"cyclic_graph", "nodes=1,degree=2,window=200,windows=6", NONE, NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

static void pooled_buffers_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"pooled_buffers", "buffers=20000,held=50", VARIES, VARIES},
        {"pooled_buffers", "buffers=20000,held=50,pool=0", NONE, NONE},
        {"pooled_buffers", "bytes=300000,buffers=300,held=10,pool=0,touched=1000", NONE, NONE},
        {"pooled_buffers", "buffers=20000,held=50,pool=0,rare=20", NONE, NONE},
        {"pooled_buffers", "buffers=20000,held=50,pool=3,rare=20", VARIES, VARIES},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
    struct cell fresh = {"pooled_buffers", "buffers=3000,held=40,pool=0", NONE, NONE};
    struct cell pooled = {"pooled_buffers", "buffers=3000,held=40,pool=1", NONE, NONE};
    struct cell mixed = {"pooled_buffers", "buffers=3000,held=40,pool=3", NONE, NONE};
    for (size_t i = 0; i < runners.gl_pathc; i++)
        assert_int_equal(run_cell(runners.gl_pathv[i], &fresh, 1, 1, "").checksum,
                         run_cell(runners.gl_pathv[i], &pooled, 2, 1, "").checksum);
    for (size_t i = 0; i < runners.gl_pathc; i++)
        assert_int_equal(run_cell(runners.gl_pathv[i], &fresh, 1, 1, "").checksum,
                         run_cell(runners.gl_pathv[i], &mixed, 2, 1, "").checksum);
}

/* What is computed is the same on the stack and on the heap; each thread's table is one object. */
static void escape_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"escape", "chains=2000,kept=300", NONE, 300 * 8 + 2000 * 31 * 32},
        {"escape", "chains=2000,kept=300,heap=0", NONE, 300 * 8 + 2000 * 32},
        {"escape", "chains=30,kept=5,levels=11", NONE, 5 * 8 + 30 * 4095 * 32},
        {"escape", "chains=5000,kept=5000,levels=0,heap=0", NONE, 5000 * 8 + 5000 * 32},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
    for (size_t i = 0; i < runners.gl_pathc; i++)
        assert_int_equal(run_cell(runners.gl_pathv[i], &cells[0], 1, 1, "").checksum,
                         run_cell(runners.gl_pathv[i], &cells[1], 2, 1, "").checksum);
}

static void gcbench_allocates_what_was_published(void **state)
{
    uint64_t nodes = gcbench_nodes(12, 10, 4, 10);
    struct cell cell = {"gcbench",
                        "stretch_depth=12,long_lived_depth=10,array=5000,min_depth=4,max_depth=10",
                        nodes + 1, nodes * 24 + 5000 * 8};
    (void)state;
    same_everywhere(&cell);
}

static void binary_trees_allocates_what_was_published(void **state)
{
    uint64_t nodes = binary_trees_nodes(10);
    struct cell cell = {"binary_trees", "depth=10", nodes, nodes * 16};
    (void)state;
    same_everywhere(&cell);
}

static void quads_allocates_what_was_published(void **state)
{
    uint64_t nodes = quads_nodes(7, 5, 333, 3);
    struct cell cell = {"quads", "depth=7,rounds=5", nodes, nodes * 32};
    (void)state;
    same_everywhere(&cell);
}

/* A value of 64 bytes comes with an entry of 48, at first and whenever one is missing. */
static void lru_cache_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"lru_cache", "entries=2000,keys=6000,bytes=64,requests=2000", NONE, NONE},
        {"lru_cache", "entries=7,keys=7,shards=7,bytes=64,requests=500,writes=0", NONE,
         7 * (8 + 32) + 7 * (8 + 48 + 64)},
        {"lru_cache", "entries=60,keys=1000,bytes=100000,requests=60,writes=1000", NONE, NONE},
        {"lru_cache", "entries=500,keys=2000,bytes=64,requests=3000,rate=100000", NONE, NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

/* Each node has two items; with their window, one for each thread. */
static void deep_list_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"deep_list", "length=5000,lists=4,rounds=2", NONE, 4 * 8 + 4 * 2 * 5000 * (32 + 2 * 16)},
        {"deep_list", "length=30000,lists=3,items=0", NONE, 3 * 8 + 3 * 3 * 30000 * 32},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

/* Without logins, what is allocated is the sessions, then the parts of each request. */
static void http_server_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"http_server", "sessions=500,requests=1000,rate=0", NONE, NONE},
        {"http_server", "sessions=100,requests=40,nodes=5000,rate=0", NONE, NONE},
        {"http_server", "sessions=500,requests=1000,logins=0,nodes=7,rate=50000", NONE,
         16 * (8 + 24) + 500 * (8 + 56 + 32 + 4 * 64) +
             1000 * (1024 + 24 + 22 + 7 * 32 + 63 + 224 + 7 * 32 + 208 + 4096 + 64)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

static void sparse_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"sparse", "window=50,rounds=10", NONE, 50 * 8 + 50 * 10 * 100 * 31 * 8},
        {"sparse", "length=3000,window=4,rounds=5", NONE, 4 * 8 + 4 * 5 * 3000 * 31 * 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

/* A table, the arrays, their blocks, and one block for each replacement. */
static void larson_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"larson", "blocks=500,arrays=6,turns=4,rounds=3", 1 + 6 + 6 * 500 * (1 + 4 * 3), NONE},
        {"larson", "min_bytes=40,max_bytes=40,blocks=200,arrays=3,turns=9,rounds=1",
         1 + 3 + 3 * 200 * (1 + 9), 3 * 8 + 3 * (8 + 8 * 200) + 3 * 200 * (1 + 9) * 40},
        {"larson", "min_bytes=2000,max_bytes=90000,blocks=30,turns=6,rounds=5", NONE, NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

static void fragment_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"fragment", "objects=10000,after=20000,window=200", NONE, NONE},
        {"fragment", "objects=5000,after=10000,window=100,scattered=0,idle_ms=20", NONE, NONE},
        {"fragment", "objects=200,largest=262144,one_in=10,after=300,window=20", NONE, NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
}

static void strings_is_the_same_everywhere(void **state)
{
    static const struct cell cells[] = {
        {"strings", "vocabulary=5000,documents=20,bytes=20000", NONE, NONE},
        {"strings", "vocabulary=100,documents=300,bytes=500", NONE, NONE},
    };
    /* The longest words, which are strings of 32 bytes, come after rank 128000. */
    static const struct cell longest = {"strings", "vocabulary=129000,documents=1,bytes=4000", NONE,
                                        NONE};
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
    struct outcome first = run_cell(runners.gl_pathv[0], &longest, 1, 1, "");
    for (size_t i = 1; i < runners.gl_pathc; i++) {
        struct outcome outcome = run_cell(runners.gl_pathv[i], &longest, 1, 1, "");
        assert_int_equal(outcome.checksum, first.checksum);
        assert_int_equal(outcome.allocated_bytes, first.allocated_bytes);
    }
}

/* How many values are made depends on when collections come; what is computed does not. */
static void weak_cache_is_the_same_where_it_can_be(void **state)
{
    static const struct cell cells[] = {
        {"weak_cache", "keys=2000,requests=60000,held=100", VARIES, VARIES},
        {"weak_cache", "keys=50,requests=20000,held=5,bytes=5000", VARIES, VARIES},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        same_everywhere(&cells[i]);
    for (size_t i = 0; i < runners.gl_pathc; i++)
        if (has_row(runners.gl_pathv[i], "option,stress,"))
            run_cell(runners.gl_pathv[i],
                     &(struct cell){"weak_cache", "keys=100,requests=3000,held=20", NONE, NONE}, 2,
                     1, "stress=5,verify=1");
}

/* A forgotten graph changes nothing but memory. The leak is real, so the sanitizer must not look.
 */
static void leak_leaves_the_result_alone(void **state)
{
    struct cell leak = {"cyclic_graph", "window=50,windows=5,leak=1", NONE, NONE};
    struct cell sound = {"cyclic_graph", "window=50,windows=5", NONE, NONE};
    (void)state;
    const char *options = getenv("ASAN_OPTIONS");
    char saved[512], quiet[600];
    snprintf(saved, sizeof saved, "%s", options ? options : "");
    snprintf(quiet, sizeof quiet, "%s:detect_leaks=0", saved);
    for (size_t i = 0; i < runners.gl_pathc; i++) {
        struct outcome expected = run_cell(runners.gl_pathv[i], &sound, 1, 1, "");
        setenv("ASAN_OPTIONS", quiet, 1);
        struct outcome outcome = run_cell(runners.gl_pathv[i], &leak, 1, 1, "");
        setenv("ASAN_OPTIONS", saved, 1);
        assert_int_equal(outcome.checksum, expected.checksum);
        assert_int_equal(outcome.allocated_bytes, expected.allocated_bytes);
    }
}

static void nonsense_is_refused(void **state)
{
    static const char *const refused[] = {
        "--workload slice_append --params slices=5,window=6",
        "--workload slice_append --params elements=0",
        "--workload cyclic_graph --params window=1 --threads 2",
        "--workload cyclic_graph --params windows=4",
        "--workload pooled_buffers --params buffers=10,held=11",
        "--workload startup --params bytes=7",
        "--workload escape --params chains=10,kept=11",
        "--workload escape --params chains=10,kept=1 --threads 2",
        "--workload pooled_buffers --params pool=4",
        "--workload pooled_buffers --params bytes=255,rare=5",
        "--workload gcbench --params min_depth=6,max_depth=5",
        "--workload gcbench --params stretch_depth=15",
        "--workload binary_trees --params depth=5",
        "--workload quads --params depth=3,garbage_depth=3",
        "--workload lru_cache --params bytes=20",
        "--workload lru_cache --params keys=49999",
        "--workload lru_cache --params gets=7",
        "--workload lru_cache --params shards=2 --threads 3",
        "--workload http_server --params sessions=15",
        "--workload http_server --params rate=1000000001",
        "--workload http_server --params shards=2 --threads 3",
        "--workload larson --params min_bytes=101,max_bytes=100",
        "--workload larson --params arrays=2 --threads 3",
        "--workload deep_list --params lists=1 --threads 2",
        "--workload sparse --params window=1 --threads 2",
        "--workload fragment --params largest=48",
        "--workload fragment --params objects=100,window=26",
        "--workload strings --params vocabulary=15",
        "--workload weak_cache --params bytes=33",
        "--workload weak_cache --params held=1 --threads 2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char command[1024], output[1024];
        snprintf(command, sizeof command, "'%s' --run %s 2>&1", runners.gl_pathv[0], refused[i]);
        int code = shell(output, sizeof output, command);
        if (code != 2 || strchr(output, '\n') != output + strlen(output) - 1)
            fail_msg("%s: exit code %d, not one line:\n%s", command, code, output);
    }
}

/* Collecting at every allocation, or every few, a precise collector sees the live set at its
 * largest. Objects are counted by the size that they take: `rounding` is how much more than asked
 * for that may be, by the contract's alignment to 16. The lower bound leaves room for the states
 * between two collections. */
static void stated_live_set_is_what_a_precise_collector_finds(void **state)
{
    static const struct {
        struct cell cell;
        double rounding;
    } cells[] = {
        {{"startup", "bytes=20000", NONE, NONE}, 1},
        {{"slice_append", "elements=1000,slices=180,window=60", NONE, NONE}, 1},
        {{"slice_append", "elements=300,slices=80,window=40,pointer=1", NONE, NONE}, 1},
        {{"cyclic_graph", "window=30,windows=5", NONE, NONE}, 1},
        {{"pooled_buffers", "buffers=1000,held=50,pool=0", NONE, NONE}, 1},
        {{"pooled_buffers", "buffers=1000,held=50,pool=1", NONE, NONE}, 1},
        {{"escape", "chains=400,kept=100", NONE, NONE}, 1},
        {{"escape", "chains=400,kept=100,heap=0", NONE, NONE}, 1},
        {{"pooled_buffers", "buffers=3000,held=50,pool=0,rare=5", NONE, NONE}, 1},
        {{"pooled_buffers", "buffers=3000,held=50,pool=3,rare=5", NONE, NONE}, 1},
        {{"gcbench", "stretch_depth=10,long_lived_depth=9,array=2002,min_depth=4,max_depth=9", NONE,
          NONE},
         32. / 24},
        {{"binary_trees", "depth=7", NONE, NONE}, 1},
        {{"quads", "depth=5,rounds=3", NONE, NONE}, 1},
        {{"lru_cache", "entries=300,keys=900,bytes=64,requests=100", NONE, NONE}, 1},
        {{"http_server", "sessions=300,requests=30,rate=0,nodes=30", NONE, NONE}, 64. / 56},
        {{"larson", "min_bytes=48,max_bytes=48,blocks=100,turns=2,rounds=2", NONE, NONE}, 1},
        {{"deep_list", "length=700,rounds=2", NONE, NONE}, 1},
        {{"sparse", "length=10,window=30,rounds=3", NONE, NONE}, 1},
        {{"fragment", "objects=1000,after=300,window=20", NONE, NONE}, 1},
        {{"strings", "vocabulary=500,documents=2,bytes=1000", NONE, NONE}, 1},
        /* Besides, what is dead stays until its finalizer has run, up to an operation later. */
        {{"weak_cache", "weak=0,keys=1000,requests=3000,held=1000", VARIES, VARIES}, 1},
    };
    const char *sanitizers = getenv("GCMETER_SAN");
    (void)state;
    if (sanitizers != NULL && strstr(sanitizers, "thread") != NULL) {
        print_message("skipped: frames under ThreadSanitizer keep dead references\n");
        skip();
    }
    bool found = false;
    for (size_t i = 0; i < runners.gl_pathc; i++) {
        const char *runner = runners.gl_pathv[i];
        if (!has_row(runner, "capability,precise") || !has_row(runner, "option,stress,"))
            continue;
        found = true;
        for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++) {
            const struct cell *cell = &cells[k].cell;
            double stated = (double)stated_live(runner, cell, 1);
            double seen = (double)run_cell(runner, cell, 1, 1, "stress=3").live_max_bytes;
            if (seen < stated * 0.95 || seen > stated * cells[k].rounding * 1.05)
                fail_msg("%s %s:%s states %.0f bytes alive, the collector finds %.0f",
                         runner_name(runner), cell->workload, cell->params, stated, seen);
        }
    }
    if (!found) {
        print_message("skipped: no precise backend with the option stress is built\n");
        skip();
    }
}

/* By hand the largest live set is counted, by the sizes asked for: that of pools may differ, since
 * threads and trimming decide what they hold. */
static void stated_live_set_is_what_the_census_counts(void **state)
{
    static const struct cell cells[] = {
        {"startup", "bytes=20000", NONE, NONE},
        {"slice_append", "elements=1000,slices=180,window=60", NONE, NONE},
        {"slice_append", "elements=300,slices=80,window=40,pointer=1", NONE, NONE},
        {"cyclic_graph", "window=100,windows=5", NONE, NONE},
        {"pooled_buffers", "buffers=1000,held=50,pool=0", NONE, NONE},
        {"pooled_buffers", "buffers=3000,held=50,pool=0,rare=5", NONE, NONE},
        {"escape", "chains=400,kept=100", NONE, NONE},
        {"escape", "chains=400,kept=100,heap=0", NONE, NONE},
        {"gcbench", "stretch_depth=10,long_lived_depth=9,array=2002,min_depth=4,max_depth=9", NONE,
         NONE},
        {"binary_trees", "depth=9", NONE, NONE},
        {"quads", "depth=6,rounds=3", NONE, NONE},
        {"lru_cache", "entries=300,keys=900,bytes=64,requests=100", NONE, NONE},
        {"http_server", "sessions=300,requests=30,rate=0,nodes=30", NONE, NONE},
        {"larson", "min_bytes=48,max_bytes=48,blocks=100,turns=2,rounds=2", NONE, NONE},
        {"deep_list", "length=700,rounds=2", NONE, NONE},
        {"sparse", "length=10,window=30,rounds=3", NONE, NONE},
        {"fragment", "objects=1000,after=300,window=20", NONE, NONE},
        {"strings", "vocabulary=500,documents=2,bytes=1000", NONE, NONE},
    };
    (void)state;
    bool found = false;
    for (size_t i = 0; i < runners.gl_pathc; i++) {
        const char *runner = runners.gl_pathv[i];
        if (strcmp(runner_name(runner), "gcmeter-run-malloc-census") != 0)
            continue;
        found = true;
        for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++) {
            uint64_t stated = stated_live(runner, &cells[k], 1);
            struct outcome outcome = run_cell(runner, &cells[k], 1, 1, "");
            uint64_t seen = number_at(text, "extra,census_live_peak_bytes,bytes,none,");
            uint64_t freed = number_at(text, "extra,census_freed_count,count,none,");
            if (seen < stated - stated / 20 || seen > stated + stated / 20)
                fail_msg("%s:%s states %" PRIu64 " bytes alive, the census counts %" PRIu64,
                         cells[k].workload, cells[k].params, stated, seen);
            /* The first object of startup is made before; all others go by the end. */
            assert_in_range(freed, outcome.allocated_count, outcome.allocated_count + 1);
        }
    }
    assert_true(found);
}

/* Whether the backend can run in this build: some cannot under a sanitizer, and say so. */
static bool can_run(const char *runner)
{
    const char *sanitizers = getenv("GCMETER_SAN");
    char command[1024];
    snprintf(command, sizeof command, "'%s' --run --workload nothing 2>&1", runner);
    if (shell(text, sizeof text, command) == 0)
        return true;
    const char *reason = find_line(text, "status,skipped,");
    if (reason == NULL || sanitizers == NULL || *sanitizers == 0)
        return true; /* and let the tests fail */
    printf("skipped %s: %.*s\n", runner_name(runner), (int)strcspn(reason, "\n"), reason);
    return false;
}

static int find_runners(void **state)
{
    (void)state;
    const char *bin = getenv("GCMETER_BIN");
    char pattern[4096];
    int fd = mkstemp(records_path);
    if (bin == NULL || fd < 0) {
        fputs("GCMETER_BIN must name the folder of the runners\n", stderr);
        return -1;
    }
    close(fd);
    snprintf(pattern, sizeof pattern, "%s/gcmeter-run-*", bin);
    if (glob(pattern, 0, NULL, &runners) != 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < runners.gl_pathc; i++) {
        if (!is_probe(runners.gl_pathv[i]) && can_run(runners.gl_pathv[i]))
            runners.gl_pathv[kept++] = runners.gl_pathv[i];
        else
            free(runners.gl_pathv[i]);
    }
    runners.gl_pathc = kept;
    return kept > 0 ? 0 : -1;
}

static int forget_runners(void **state)
{
    (void)state;
    globfree(&runners);
    return unlink(records_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(startup_is_the_same_everywhere),
        cmocka_unit_test(slice_append_is_the_same_everywhere),
        cmocka_unit_test(example_is_printed_on_every_backend),
        cmocka_unit_test(cyclic_graph_is_the_same_everywhere),
        cmocka_unit_test(pooled_buffers_is_the_same_everywhere),
        cmocka_unit_test(escape_is_the_same_everywhere),
        cmocka_unit_test(gcbench_allocates_what_was_published),
        cmocka_unit_test(binary_trees_allocates_what_was_published),
        cmocka_unit_test(quads_allocates_what_was_published),
        cmocka_unit_test(lru_cache_is_the_same_everywhere),
        cmocka_unit_test(http_server_is_the_same_everywhere),
        cmocka_unit_test(larson_is_the_same_everywhere),
        cmocka_unit_test(deep_list_is_the_same_everywhere),
        cmocka_unit_test(sparse_is_the_same_everywhere),
        cmocka_unit_test(fragment_is_the_same_everywhere),
        cmocka_unit_test(strings_is_the_same_everywhere),
        cmocka_unit_test(weak_cache_is_the_same_where_it_can_be),
        cmocka_unit_test(leak_leaves_the_result_alone),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(stated_live_set_is_what_a_precise_collector_finds),
        cmocka_unit_test(stated_live_set_is_what_the_census_counts),
    };
    return cmocka_run_group_tests(tests, find_runners, forget_runners);
}
