/* processors.h: how many there are. Thread-safe. */
#ifndef BASE_PROCESSORS_H
#define BASE_PROCESSORS_H

#include <sched.h>
#include <unistd.h>

/* Processors that the calling thread may run on, at least 1; those of the machine where a set has
 * no room for all of them. */
static inline unsigned processors_count(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                            : (int)sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (unsigned)count;
}

#endif
