/* mmu_scale.c: what it costs to read a log of stops and to compute its utilisation, by its length.
 *
 *   mmu_scale FOLDER STOPS…
 *
 * Makes a run with a log of that many stops in FOLDER (absent, removed again), reads it in a
 * process of its own as gcmeter does, and prints one CSV row per length: the medians and ranges of
 * REPEATS such processes. `libcsv_ns` is what libcsv alone takes to split the same file, its rows
 * thrown away.
 */
#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "data/csv_write.h"
#include "data/mmu.h"
#include "data/statistics.h"

#define REPEATS 5
#define CELL    "cyclic_graph:nodes=64/marksweep:gogc=100/heap=3xlive/threads=1"

/* What one process finds. */
struct cost {
    int64_t read_ns;   /* run.csv, invocations.csv and pauses.csv into memory */
    int64_t mmu_ns;    /* MMU at all windows */
    int64_t bmu_ns;    /* and BMU as well, on its own */
    int64_t worst_ns;  /* the three worst windows of 1, 10 and 100 ms */
    int64_t libcsv_ns; /* libcsv alone */
    int64_t read_cpu_ns;
    int64_t mmu_cpu_ns;
    int64_t rss_peak_bytes;
};

static void die(const char *what)
{
    fprintf(stderr, "mmu_scale: %s: %s\n", what, strerror(errno));
    exit(3);
}

static struct csv_writer *open_file(const char *folder, enum schema_file_id file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, schema_files[file].name);
    struct csv_writer *writer;
    int error = csv_writer_open(&writer, path, &schema_files[file]);
    if (error) {
        errno = -error;
        die(path);
    }
    return writer;
}

static void close_file(struct csv_writer *writer)
{
    if (csv_writer_row(writer) || csv_writer_close(writer))
        die("writing the run");
}

/* Stops of 100 ns to 1 ms and gaps of 1 us to 10 ms, of every magnitude equally often. Returns the
 * length of the file. */
static int64_t write_run(const char *folder, int64_t stops_count)
{
    if (mkdir(folder, 0777))
        die(folder);
    struct csv_writer *run = open_file(folder, SCHEMA_FILE_RUN);
    csv_writer_text(run, SCHEMA_RUN_key, "schema_version");
    csv_writer_int(run, SCHEMA_RUN_value, SCHEMA_VERSION);
    close_file(run);
    /* Its header, then rows as csv_writer makes them, but not each by its own call of the system.
     */
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, schema_files[SCHEMA_FILE_PAUSES].name);
    if (csv_writer_close(open_file(folder, SCHEMA_FILE_PAUSES)))
        die(path);
    FILE *pauses = fopen(path, "ae");
    if (!pauses)
        die(path);
    struct rng rng;
    rng_seed(&rng, 1, (uint64_t)stops_count);
    int64_t t_ns = 0;
    for (int64_t i = 0; i < stops_count; i++) {
        int64_t unit_ns = 100;
        for (uint64_t decade = rng_below(&rng, 4); decade > 0; decade--)
            unit_ns *= 10;
        int64_t duration_ns = unit_ns + (int64_t)rng_below(&rng, (uint64_t)(9 * unit_ns));
        t_ns += 10 * (unit_ns + (int64_t)rng_below(&rng, (uint64_t)(9 * unit_ns)));
        fprintf(pauses, "%s,0,-1,full,%" PRId64 ",%" PRId64 ",%" PRId64 "\n", CELL, t_ns,
                duration_ns, duration_ns / 8);
        t_ns += duration_ns;
    }
    int64_t bytes = ftello(pauses);
    if (fclose(pauses))
        die(path);
    struct csv_writer *invocations = open_file(folder, SCHEMA_FILE_INVOCATIONS);
    csv_writer_text(invocations, SCHEMA_INVOCATIONS_cell, CELL);
    csv_writer_text(invocations, SCHEMA_INVOCATIONS_workload, "cyclic_graph");
    csv_writer_text(invocations, SCHEMA_INVOCATIONS_backend, "marksweep");
    csv_writer_int(invocations, SCHEMA_INVOCATIONS_threads, 1);
    csv_writer_int(invocations, SCHEMA_INVOCATIONS_invocation, 0);
    csv_writer_int(invocations, SCHEMA_INVOCATIONS_order, 0);
    csv_writer_int(invocations, SCHEMA_INVOCATIONS_seed, 1);
    csv_writer_text(invocations, SCHEMA_INVOCATIONS_status, "ok");
    csv_writer_int(invocations, SCHEMA_INVOCATIONS_wall_ns, t_ns);
    csv_writer_int(invocations, SCHEMA_INVOCATIONS_pause_count, stops_count);
    close_file(invocations);
    return bytes;
}

static void remove_run(const char *folder)
{
    for (int file = 0; file < SCHEMA_RUN_FILE_COUNT; file++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, schema_files[file].name);
        unlink(path);
    }
    rmdir(folder);
}

static void count_field(void *field, size_t length, void *data)
{
    (void)field;
    *(int64_t *)data += (int64_t)length;
}

static void ignore_row(int terminator, void *data)
{
    (void)terminator;
    (void)data;
}

static int64_t time_libcsv(const char *folder)
{
    static char chunk[65536];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, schema_files[SCHEMA_FILE_PAUSES].name);
    struct csv_parser parser;
    FILE *file = fopen(path, "re");
    if (!file || csv_init(&parser, CSV_STRICT))
        die(path);
    int64_t start_ns = clock_now_ns(), bytes = 0;
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        if (csv_parse(&parser, chunk, got, count_field, ignore_row, &bytes) != got)
            die(path);
    csv_fini(&parser, count_field, ignore_row, &bytes);
    int64_t end_ns = clock_now_ns();
    csv_free(&parser);
    fclose(file);
    return bytes > 0 ? end_ns - start_ns : -1;
}

static void measure(const char *folder, struct cost *cost)
{
    struct csv_error error;
    struct run_data *run;
    struct stop_log *logs;
    double mmu[MMU_WINDOW_COUNT], bmu[MMU_WINDOW_COUNT], wall_ns;
    struct mmu_window worst[3];
    int64_t start_ns = clock_now_ns(), start_cpu_ns = clock_cpu_ns();
    if (run_data_load(&run, folder, &error) || stop_logs_read(&logs, run, &error)) {
        fprintf(stderr, "mmu_scale: %s\n", error.text);
        exit(3);
    }
    int metric = run_data_metric(run, "wall_ns");
    if (metric < 0 || !run_data_value(run, 0, (size_t)metric, &wall_ns))
        die("wall_ns");
    cost->read_ns = clock_now_ns() - start_ns;
    cost->read_cpu_ns = clock_cpu_ns() - start_cpu_ns;
    start_ns = clock_now_ns();
    start_cpu_ns = clock_cpu_ns();
    int failed = mmu_compute(mmu, NULL, logs, (int64_t)wall_ns, mmu_windows_ns, MMU_WINDOW_COUNT);
    cost->mmu_ns = clock_now_ns() - start_ns;
    cost->mmu_cpu_ns = clock_cpu_ns() - start_cpu_ns;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    cost->rss_peak_bytes = usage.ru_maxrss * 1024;
    start_ns = clock_now_ns();
    failed |= mmu_compute(mmu, bmu, logs, (int64_t)wall_ns, mmu_windows_ns, MMU_WINDOW_COUNT);
    cost->bmu_ns = clock_now_ns() - start_ns - cost->mmu_ns;
    start_ns = clock_now_ns();
    for (int64_t window_ns = 1000000; window_ns <= 100000000 && failed >= 0; window_ns *= 10)
        failed = mmu_worst(worst, 3, logs, (int64_t)wall_ns, window_ns);
    cost->worst_ns = clock_now_ns() - start_ns;
    if (failed < 0)
        die("utilisation");
    stop_logs_free(logs, run);
    run_data_free(run);
    cost->libcsv_ns = time_libcsv(folder);
}

/* In a process of its own, whose peak of memory is this log's alone. */
static void measure_apart(const char *folder, struct cost *cost)
{
    int ends[2];
    if (pipe(ends))
        die("pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        measure(folder, cost);
        _exit(write(ends[1], cost, sizeof *cost) == (ssize_t)sizeof *cost ? 0 : 3);
    }
    int status;
    close(ends[1]);
    ssize_t got = read(ends[0], cost, sizeof *cost);
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid || status || got != (ssize_t)sizeof *cost)
        die("the measuring process failed");
}

static void put_range(double *values)
{
    statistics_sort(values, REPEATS);
    printf(",%.0f,%.0f,%.0f", statistics_median(values, REPEATS), values[0], values[REPEATS - 1]);
}

static void put_median(double *values)
{
    statistics_sort(values, REPEATS);
    printf(",%.0f", statistics_median(values, REPEATS));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: mmu_scale FOLDER STOPS...\n", stderr);
        return 2;
    }
    puts("stops_count,file_bytes,n,read_ns,read_low_ns,read_high_ns,mmu_ns,mmu_low_ns,mmu_high_ns,"
         "total_ns,total_low_ns,total_high_ns,total_per_stop_ns,rss_peak_bytes,bmu_ns,worst_ns,"
         "libcsv_ns,read_cpu_ns,mmu_cpu_ns");
    for (int i = 2; i < argc; i++) {
        int64_t stops_count = strtoll(argv[i], NULL, 10);
        if (stops_count <= 0) {
            fprintf(stderr, "mmu_scale: '%s' is not a number of stops\n", argv[i]);
            return 2;
        }
        int64_t file_bytes = write_run(argv[1], stops_count), rss_peak_bytes = 0;
        double read_ns[REPEATS], mmu_ns[REPEATS], total_ns[REPEATS], bmu_ns[REPEATS],
            worst_ns[REPEATS], libcsv_ns[REPEATS], read_cpu_ns[REPEATS], mmu_cpu_ns[REPEATS];
        for (int k = 0; k < REPEATS; k++) {
            struct cost cost = {0};
            measure_apart(argv[1], &cost);
            read_ns[k] = (double)cost.read_ns;
            mmu_ns[k] = (double)cost.mmu_ns;
            total_ns[k] = (double)(cost.read_ns + cost.mmu_ns);
            bmu_ns[k] = (double)cost.bmu_ns;
            worst_ns[k] = (double)cost.worst_ns;
            libcsv_ns[k] = (double)cost.libcsv_ns;
            read_cpu_ns[k] = (double)cost.read_cpu_ns;
            mmu_cpu_ns[k] = (double)cost.mmu_cpu_ns;
            if (cost.rss_peak_bytes > rss_peak_bytes)
                rss_peak_bytes = cost.rss_peak_bytes;
        }
        remove_run(argv[1]);
        printf("%" PRId64 ",%" PRId64 ",%d", stops_count, file_bytes, REPEATS);
        put_range(read_ns);
        put_range(mmu_ns);
        put_range(total_ns);
        printf(",%.1f,%" PRId64, statistics_median(total_ns, REPEATS) / (double)stops_count,
               rss_peak_bytes);
        put_median(bmu_ns);
        put_median(worst_ns);
        put_median(libcsv_ns);
        put_median(read_cpu_ns);
        put_median(mmu_cpu_ns);
        putchar('\n');
        fflush(stdout);
    }
    return 0;
}
