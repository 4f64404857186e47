#include "open_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"

/* How late a sleeping thread wakes on an idle processor: 15 us was measured, without timer slack.
 */
#define SPIN_NS 20000

static const struct workload_param *rate_param(const struct workload *workload)
{
    for (size_t i = 0; i < workload->param_count; i++)
        if (strcmp(workload->params[i].name, "rate") == 0)
            return &workload->params[i];
    return NULL;
}

uint64_t open_loop_rate(const struct workload *workload, const uint64_t *params)
{
    const struct workload_param *rate = rate_param(workload);
    if (!(workload->traits & WORKLOAD_IS_REQUESTS) || !rate)
        return 0;
    return params[rate - workload->params];
}

const char *open_loop_refusal(const struct workload *workload)
{
    const struct workload_param *rate = rate_param(workload);
    if (!(workload->traits & WORKLOAD_IS_REQUESTS))
        return NULL;
    if (!rate || strcmp(rate->unit, "per_s") != 0)
        return "requests need a parameter rate, in per_s";
    if (rate->min != 0 || rate->max > OPEN_LOOP_RATE_MAX)
        return "rate goes from 0, a closed loop, to at most 10^9";
    return NULL;
}

void open_loop_begin_thread(void)
{
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

int64_t open_loop_wait(int64_t due_ns)
{
    int64_t now_ns = clock_now_ns();
    int64_t wake_ns = due_ns - SPIN_NS;
    if (now_ns < wake_ns) {
        struct timespec wake = {.tv_sec = wake_ns / 1000000000, .tv_nsec = wake_ns % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR)
            continue;
        now_ns = clock_now_ns();
    }
    int64_t spin_ns = now_ns;
    while (now_ns < due_ns)
        now_ns = clock_now_ns();
    return now_ns - spin_ns;
}
