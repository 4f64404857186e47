/* measurement.h: all that is known of one invocation when its measured part is over. */
#ifndef RUNNER_MEASUREMENT_H
#define RUNNER_MEASUREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "backend_metrics.h"
#include "event_log.h"
#include "gc_backend.h"
#include "hiccup_watch.h"
#include "observer.h"
#include "perf_counters.h"
#include "process_usage.h"
#include "team.h"
#include "workload.h"

struct iteration {
    int64_t wall_ns;
    int64_t cpu_ns;
};

struct measurement {
    const struct workload *workload;
    const struct workload_run *run;
    struct team_member *members; /* run->threads of them */

    int64_t init_ns;
    int64_t startup_cpu_ns; /* of the process until the workload was set up; see PROTOCOL.md */
    bool is_recording;      /* else nothing is known but times, usage and what is allocated */
    struct observer_costs observer;
    uint64_t checksum;

    /* The measured part, CLOCK_MONOTONIC. */
    int64_t begin_ns;
    int64_t end_ns;

    uint64_t warmup_count;
    uint64_t iterations_count;
    struct iteration *iterations; /* warm-up ones first */

    struct process_usage usage;  /* of the measured part */
    bool peak_reset;             /* whether rss_peak_bytes is that of the measured part */
    int64_t rss_peak_bytes;      /* negative: unknown */
    struct gc_stats stats_begin; /* at its beginning */
    struct gc_stats stats_end;   /* and end */
    struct event_log events;
    struct backend_metrics backend_metrics;

    const struct hiccup *hiccups; /* of the whole process; NULL: unknown */
    size_t hiccup_count;
    int64_t hiccup_period_ns;
    int64_t hiccup_watch_cpu_ns; /* what the thread that looks for them used in the measured part */
    struct perf_counter_value counters[PERF_COUNTERS_MAX]; /* parallel to perf_counter_kinds */
};

#endif
