/* memory_sampler.h: the memory of a process, seen from outside (METHODS.md section 7). */
#ifndef DRIVER_MEMORY_SAMPLER_H
#define DRIVER_MEMORY_SAMPLER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From one sample to the next, and at most where waking up for one is dear. */
#define MEMORY_SAMPLE_PERIOD_NS     INT64_C(10000000)
#define MEMORY_SAMPLE_PERIOD_MAX_NS INT64_C(100000000)

/* Not measured with this sample. */
#define MEMORY_UNKNOWN UINT64_MAX

/* A process's samples are thinned to half when there are more, so a long one stays bounded. */
#define MEMORY_SAMPLES_MAX 8192u

struct memory_sample {
    int64_t t_ns; /* CLOCK_MONOTONIC */
    uint64_t rss_bytes;
    uint64_t lazyfree_bytes; /* may be MEMORY_UNKNOWN */
};

struct memory_sampler;

/* Opens the process's files, which must still be there. NULL with errno set on failure. */
struct memory_sampler *memory_sampler_create(pid_t pid);
void memory_sampler_free(struct memory_sampler *sampler);

/* Starts the series: what was sampled before is forgotten. */
void memory_sampler_begin(struct memory_sampler *sampler);

/* Takes a sample now, reading LazyFree too if that is due. Returns the resident bytes, 0 where the
 * process has ended. */
uint64_t memory_sampler_take(struct memory_sampler *sampler);

/* When the next sample is due after one at now_ns, with cpu_ns of CPU time spent since begin_ns on
 * what is watched: a period later, or as much later as keeps the watcher under 1 % of the time. */
int64_t memory_sampler_due_ns(int64_t begin_ns, int64_t now_ns, int64_t cpu_ns);

/* Ends the series with one sample that has LazyFree, if the process is still there. */
void memory_sampler_end(struct memory_sampler *sampler);

/* The series, and the mean of resident less LazyFree bytes over all samples, thinned ones included;
 * MEMORY_UNKNOWN without any. */
const struct memory_sample *memory_sampler_series(const struct memory_sampler *sampler,
                                                  size_t *count);
uint64_t memory_sampler_mean_bytes(const struct memory_sampler *sampler);

/* Mean cost of reading /proc/self/statm, in nanoseconds; 0 where it cannot be read. */
int64_t memory_sampler_statm_cost_ns(void);

/* Bytes at which an invocation ends as out of memory: 75 % of what is available now, to the machine
 * or in a control group above this process, whichever is less. */
uint64_t memory_cap_bytes(void);

#endif
