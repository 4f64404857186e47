#include "planted_stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "named_values.h"

#define LONGEST UINT64_C(60000000000)

/* The number in the variable, 0 without one. 0, or -EINVAL with one line in `why`. */
static int read_variable(const char *name, int64_t *value, char *why, size_t why_bytes)
{
    const char *text = getenv(name);
    uint64_t number = 0;
    if (text && (!named_values_unsigned(text, strlen(text), &number) || number > LONGEST)) {
        snprintf(why, why_bytes, "%s=%s in the environment: not an integer from 0 to %" PRIu64,
                 name, text, LONGEST);
        return -EINVAL;
    }
    *value = (int64_t)number;
    return 0;
}

int planted_stop_init(struct planted_stop *stop, char *why, size_t why_bytes)
{
    atomic_store(&stop->is_due, false);
    int error = read_variable("GCMETER_TEST_STOP_NS", &stop->duration_ns, why, why_bytes);
    return error ? error
                 : read_variable("GCMETER_TEST_STOP_AFTER_NS", &stop->after_ns, why, why_bytes);
}

void planted_stop_arm(struct planted_stop *stop, int64_t begin_ns)
{
    stop->due_ns = begin_ns + stop->after_ns;
    atomic_store(&stop->is_due, stop->duration_ns > 0);
}

void planted_stop_wait(struct planted_stop *stop)
{
    if (!atomic_load(&stop->is_due) || clock_now_ns() < stop->due_ns ||
        !atomic_exchange(&stop->is_due, false))
        return;
    int64_t until_ns = clock_now_ns() + stop->duration_ns;
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}
