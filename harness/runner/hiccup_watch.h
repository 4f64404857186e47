/* hiccup_watch.h: a control thread that sleeps for 1 ms at a time and notes how late it wakes
 * (METHODS.md section 4, "Hiccups").
 *
 * It disturbs the measured program as little as a thread can. Neither libc nor the backend knows of
 * it: it is no mutator, its stack is no root, and libc's allocator still takes its short cuts for
 * processes of one thread. Where waking is so dear that sleeping 1 ms at a time would take more
 * than HICCUP_CPU_PERMILLE of a processor, as in virtual machines that leave the processor with
 * every timer, it sleeps longer, and says how long.
 *
 * Lateness is a hiccup only where steal and other processes account for at least half of it. The
 * kernel counts those in ticks of 10 ms, too coarse for what is to be told apart, so they are found
 * by subtraction: while a thread waits for a processor none is idle, hence of the processors that
 * the process may use, others had what its own threads did not use.
 */
#ifndef RUNNER_HICCUP_WATCH_H
#define RUNNER_HICCUP_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "process_usage.h"

/* What is asked of every sleep, unless waking is too dear. */
#define HICCUP_PERIOD_NS     INT64_C(1000000)
#define HICCUP_PERIOD_MAX_NS INT64_C(100000000)
/* What the thread may use of one processor. */
#define HICCUP_CPU_PERMILLE 4
/* Less is what waking takes on a quiet machine. */
#define HICCUP_LEAST_NS INT64_C(100000)

/* An interval in which the machine kept the thread from running, CLOCK_MONOTONIC. */
struct hiccup {
    int64_t start_ns; /* when it should have woken */
    int64_t end_ns;   /* when it did */
};

/* One sleep that ended late. */
struct hiccup_lateness {
    int64_t slept_ns;   /* from the last reading until it should have woken */
    int64_t late_ns;    /* and from then on */
    int64_t cpu_ns;     /* what the process's other threads used in both together */
    double usual_share; /* processors that they used before, on average */
    unsigned processors_count;
};

struct hiccup_watch; /* mapped; opaque */

/* Starts the thread. NULL with errno set where that fails: ENOTSUP under ThreadSanitizer. The
 * caller stops it, once. */
struct hiccup_watch *hiccup_watch_start(void);

/* What the thread itself used so far: no part of what the program used. Before it is stopped. */
void hiccup_watch_usage(const struct hiccup_watch *watch, struct process_usage *usage);

/* CPU time of the thread so far, in ns: about 1 us. Before it is stopped. */
int64_t hiccup_watch_cpu_ns(const struct hiccup_watch *watch);

/* Ends the thread, after it has woken once more: no lateness before the call is missed. */
void hiccup_watch_stop(struct hiccup_watch *watch);

/* Gives back the memory of a stopped one; NULL is allowed. */
void hiccup_watch_free(struct hiccup_watch *watch);

/* Of a stopped one: its hiccups in order, disjoint; NULL where there were more than fit (4 million)
 * and the figures must be left out. */
const struct hiccup *hiccup_watch_hiccups(const struct hiccup_watch *watch, size_t *count);

/* Of a stopped one: the longest sleep asked for, and the greatest lateness of whatever cause. */
int64_t hiccup_watch_period_ns(const struct hiccup_watch *watch);
int64_t hiccup_watch_late_max_ns(const struct hiccup_watch *watch);

/* Whether steal and other processes cover at least half of it. */
bool hiccup_is_outside(const struct hiccup_lateness *late);

/* How much of [start_ns, end_ns] the hiccups (in order, disjoint) cover, in ns. O(log count +
 * hiccups met). */
int64_t hiccup_overlap_ns(const struct hiccup *hiccups, size_t count, int64_t start_ns,
                          int64_t end_ns);

#endif
