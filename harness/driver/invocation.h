/* invocation.h: one process running one cell, from start to end (METHODS.md section 1). */
#ifndef DRIVER_INVOCATION_H
#define DRIVER_INVOCATION_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/schema.h"
#include "driver/memory_sampler.h"
#include "driver/plan.h"
#include "driver/record_reader.h"

enum invocation_status {
    INVOCATION_OK,
    INVOCATION_OOM,
    INVOCATION_CRASHED,
    INVOCATION_TIMEOUT,
    INVOCATION_WRONG,
    INVOCATION_SKIPPED,
};

/* As in the column `status`. */
const char *invocation_status_word(enum invocation_status status);

struct invocation_options {
    unsigned warmup;
    unsigned iterations;
    unsigned timeout_s;
    int64_t timeout_ns; /* in place of timeout_s, where it is not 0 */
    uint64_t seed;      /* of the workload's input */
    bool probe;         /* run the variant's probe runner, which gives nothing but stalls */
    bool instructions;  /* under valgrind, which gives nothing but the number of instructions */
    uint64_t memory_cap_bytes;
    /* On which processors alone it runs, taking turns with another process, so that it gives
     * nothing but CPU times (beside.h). NULL: wherever the driver may run, and no such thing. */
    const cpu_set_t *beside;
    /* Nothing is recorded but times and usage, nor the memory sampled: what recording itself costs
     * is the difference. No choice of a user's. */
    bool is_bare;
    /* A signalfd of SIGINT, SIGTERM, SIGHUP and SIGCHLD, all blocked. */
    int signal_fd;
};

/* Gets what the runner sends, while it runs. Any may be NULL. */
struct invocation_sink {
    void *data;
    void (*record)(void *data, const struct record *record);
    void (*output)(void *data, const char *bytes, size_t count);
    /* A sample of the series, t_ns counting from the start of the measured part, with heap and live
     * bytes after the last collection before it (MEMORY_UNKNOWN without one). */
    void (*memory)(void *data, const struct memory_sample *sample, uint64_t heap_bytes,
                   uint64_t live_bytes);
};

struct invocation_result {
    enum invocation_status status;
    char detail[320]; /* one line; empty when ok */
    char *flags;      /* words joined by blanks */
    /* Parallel to the columns of invocations.csv: the metrics that are known, NULL elsewhere. */
    char *metrics[SCHEMA_INVOCATIONS_COUNT];
    bool interrupted;      /* by a signal to gcmeter: there is no result */
    int shortage;          /* negative errno: the machine could not start it: there is no result */
    int64_t elapsed_ns;    /* from start to end of the process */
    int64_t measured_ns;   /* from begin to end; 0 where there were none */
    int64_t driver_cpu_ns; /* CPU time of the driver in that time */
};

/* Runs an invocation of `cell`, which is not skipped and, for a probe, has a probe runner, and
 * to count instructions has_callgrind, with that much environment padding. Always gives a result,
 * freed by invocation_result_free(). */
void invocation_run(struct invocation_result *result, const struct plan_cell *cell,
                    size_t padding_bytes, const struct invocation_options *options,
                    const struct invocation_sink *sink);
void invocation_result_free(struct invocation_result *result);

#endif
