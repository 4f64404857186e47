#include "planted_stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "named_values.h"

#define VARIABLE "GCMETER_TEST_STOP_NS"
#define LONGEST  UINT64_C(60000000000)

int planted_stop_init(struct planted_stop *stop, char *why, size_t why_bytes)
{
    const char *text = getenv(VARIABLE);
    uint64_t duration_ns = 0;
    atomic_store(&stop->is_due, false);
    if (text &&
        (!named_values_unsigned(text, strlen(text), &duration_ns) || duration_ns > LONGEST)) {
        snprintf(why, why_bytes,
                 VARIABLE "=%s in the environment: not an integer from 0 to %" PRIu64, text,
                 LONGEST);
        return -EINVAL;
    }
    stop->duration_ns = (int64_t)duration_ns;
    return 0;
}

void planted_stop_arm(struct planted_stop *stop)
{
    atomic_store(&stop->is_due, stop->duration_ns > 0);
}

void planted_stop_wait(struct planted_stop *stop)
{
    if (!atomic_exchange(&stop->is_due, false))
        return;
    int64_t until_ns = clock_now_ns() + stop->duration_ns;
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}
