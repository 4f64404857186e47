/* operation_clock.h: CLOCK_MONOTONIC for the ends of operations, at less cost than reading it.
 *
 * Of an operation's record nearly all is the reading of the clock, and most of that turns the
 * processor's time stamp counter into nanoseconds. Where the kernel computes CLOCK_MONOTONIC from
 * that counter too, the clock is read once a millisecond here, the anchor, and from there the time
 * is extrapolated by the counter alone, at the rate that the clock was seen to have against it. As
 * in a reading by the vDSO a fence lets what came before finish first. Everywhere else, and where
 * an anchor is older than a millisecond, each reading is one of CLOCK_MONOTONIC.
 *
 * How far off it comes to be is measured: each anchor is held against what the one before it
 * says. The greatest difference in a run is reported beside its figures. The rate is that of all
 * the time since a first anchor, and is measured from anew where the difference exceeds
 * OPERATION_CLOCK_ERROR_NS, as it does while the clock is being set right (up to 500 ns a
 * millisecond).
 *
 * One for each thread, which alone uses it. */
#ifndef RUNNER_OPERATION_CLOCK_H
#define RUNNER_OPERATION_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define OPERATION_CLOCK_WINDOW_NS INT64_C(1000000)
#define OPERATION_CLOCK_ERROR_NS  INT64_C(100)
#define OPERATION_CLOCK_RATE_BITS 32

struct operation_clock {
    uint64_t anchor_ticks;
    uint64_t window_ticks; /* how long an anchor is good for; 0 where the clock itself is read */
    uint64_t rate;         /* ns per tick, times 2^OPERATION_CLOCK_RATE_BITS */
    int64_t anchor_ns;

    bool has_counter;
    uint64_t first_ticks;   /* where the rate is measured from */
    int64_t first_ns;       /* 0: nowhere yet */
    uint64_t reading_ticks; /* what reading the clock takes at least */
    int64_t error_max_ns;   /* -1 while none is known */
};

/* Whether the kernel's clock is computed from the counter. Reads a file of /sys. */
bool operation_clock_has_counter(void);

/* `has_counter` as the above says, or false for readings of CLOCK_MONOTONIC only. */
void operation_clock_init(struct operation_clock *clock, bool has_counter);

/* Reads CLOCK_MONOTONIC, and makes the reading an anchor where it can. Returns it. */
int64_t operation_clock_anchor_ns(struct operation_clock *clock);

#ifdef __x86_64__
static inline uint64_t operation_clock_ticks(void)
{
    __builtin_ia32_lfence();
    return __builtin_ia32_rdtsc();
}
#else
static inline uint64_t operation_clock_ticks(void)
{
    return 0;
}
#endif

/* False where the time cannot be had without a call. */
static inline bool operation_clock_extrapolate(const struct operation_clock *clock, int64_t *now_ns)
{
    uint64_t passed_ticks = operation_clock_ticks() - clock->anchor_ticks;
    if (__builtin_expect(passed_ticks >= clock->window_ticks, 0))
        return false;
    *now_ns = clock->anchor_ns + (int64_t)(passed_ticks * clock->rate >> OPERATION_CLOCK_RATE_BITS);
    return true;
}

/* CLOCK_MONOTONIC, to within the error above. A later one may be less by as much. */
static inline int64_t operation_clock_now_ns(struct operation_clock *clock)
{
    int64_t now_ns;
    return operation_clock_extrapolate(clock, &now_ns) ? now_ns : operation_clock_anchor_ns(clock);
}

#endif
