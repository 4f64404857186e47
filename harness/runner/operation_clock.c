#include "operation_clock.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* A reading of the clock that takes this much longer than another was interrupted, and where in it
 * the time was taken is not known. */
#define INTERRUPTED 2

#define RATE_ONE            ((double)(UINT64_C(1) << OPERATION_CLOCK_RATE_BITS))
#define EXTRAPOLATED_PART   8
#define SLEWED_PART         1024 /* a clock is set right by no more than half of that */
#define SLOWEST_NS_PER_TICK 1000
#define FIRST_READINGS      16 /* what one takes is known then */

bool operation_clock_has_counter(void)
{
#ifdef __x86_64__
    static const char counter[] = "tsc\n";
    char source[sizeof counter] = "";
    int fd = open(CLOCK_SOURCE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, source, sizeof source);
    close(fd);
    return length == sizeof counter - 1 && memcmp(source, counter, sizeof counter - 1) == 0;
#else
    return false;
#endif
}

static void measure_rate_from(struct operation_clock *clock, uint64_t ticks, int64_t now_ns)
{
    clock->first_ticks = ticks;
    clock->first_ns = now_ns;
    clock->window_ticks = 0;
}

/* Holds an anchor against the last one. Where that is old nothing was extrapolated so far, but the
 * counter may have been set, as where a virtual machine has moved. */
static void check_last(struct operation_clock *clock, uint64_t ticks, int64_t now_ns)
{
    if (clock->window_ticks == 0)
        return;
    uint64_t passed_ticks = ticks - clock->anchor_ticks;
    int64_t passed_ns = now_ns - clock->anchor_ns;
    double counted_ns = (double)(int64_t)passed_ticks * (double)clock->rate / RATE_ONE;
    double error_ns = fabs(counted_ns - (double)passed_ns);
    double allowed_ns = OPERATION_CLOCK_ERROR_NS;
    if (passed_ticks / 2 > clock->window_ticks)
        allowed_ns += (double)passed_ns / SLEWED_PART;
    else if ((double)clock->error_max_ns < error_ns)
        clock->error_max_ns = (int64_t)error_ns;
    if (error_ns > allowed_ns)
        measure_rate_from(clock, ticks, now_ns);
}

/* Whether a reading that took so long was not interrupted. The least is forgotten by and by, since
 * a processor may come to be slower. */
static bool is_undisturbed(struct operation_clock *clock, uint64_t reading_ticks)
{
    uint64_t least_ticks = clock->reading_ticks;
    if (least_ticks == 0 || reading_ticks < least_ticks)
        least_ticks = reading_ticks;
    else
        least_ticks += least_ticks / 16 + 1;
    clock->reading_ticks = least_ticks;
    return reading_ticks <= least_ticks * INTERRUPTED;
}

/* The rate over `known_ticks`, unless that is none or a counter's that all but stood still. Where
 * in them the clock was read is known to some 50 ns at either end, so what is extrapolated is a
 * small part of it. */
static void take_rate(struct operation_clock *clock, uint64_t known_ticks, int64_t known_ns)
{
    clock->window_ticks = 0;
    if (known_ns <= 0 || known_ticks < (uint64_t)known_ns / SLOWEST_NS_PER_TICK + 1)
        return;
    double ns_per_tick = (double)known_ns / (double)known_ticks;
    int64_t window_ns = known_ns / EXTRAPOLATED_PART;
    if (window_ns > OPERATION_CLOCK_WINDOW_NS)
        window_ns = OPERATION_CLOCK_WINDOW_NS;
    clock->rate = (uint64_t)(ns_per_tick * RATE_ONE);
    clock->window_ticks = (uint64_t)((double)window_ns / ns_per_tick);
}

int64_t operation_clock_anchor_ns(struct operation_clock *clock)
{
    if (!clock->has_counter)
        return clock_now_ns();
    clock_now_ns(); /* in the cache then: a miss could come before or after the time is taken */
    uint64_t before_ticks = operation_clock_ticks();
    int64_t now_ns = clock_now_ns();
    uint64_t reading_ticks = operation_clock_ticks() - before_ticks;
    if (!is_undisturbed(clock, reading_ticks))
        return now_ns;
    uint64_t ticks = before_ticks + reading_ticks / 2;
    if (clock->first_ns == 0)
        measure_rate_from(clock, ticks, now_ns);
    check_last(clock, ticks, now_ns);
    take_rate(clock, ticks - clock->first_ticks, now_ns - clock->first_ns);
    clock->anchor_ticks = ticks;
    clock->anchor_ns = now_ns;
    return now_ns;
}

void operation_clock_init(struct operation_clock *clock, bool has_counter)
{
    *clock = (struct operation_clock){.has_counter = has_counter};
    for (int i = 0; i < FIRST_READINGS; i++)
        operation_clock_anchor_ns(clock);
    clock->first_ns = 0;
    clock->error_max_ns = -1;
}
