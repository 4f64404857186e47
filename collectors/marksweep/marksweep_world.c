#include "marksweep_world_internal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "marksweep_heap_internal.h"
#include "marksweep_space_internal.h"

uint32_t marksweep_stop_requested;
struct ms_world ms_world;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_stopped = PTHREAD_COND_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;
static uint64_t pool_indices; /* bit i: index i % 64 of word i / 64 is taken */
static uint64_t *pool_index_words = &pool_indices;

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t ms_world_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t ms_world_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
