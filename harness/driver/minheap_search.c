#include "driver/minheap_search.h"

#include <stdbool.h>

#define PAGE_BYTES UINT64_C(4096)

/* About twice as much, and the square root of that: the first steps, which double. */
enum { STEP_UP = 70, STEP_DOWN = 35 };

struct search {
    struct minheap_result *result;
    minheap_try_function *try_limit;
    void *data;
    int last; /* index of the greatest limit */
    bool stopped;
};

static uint64_t next_limit(uint64_t limit_bytes)
{
    uint64_t more_bytes = (limit_bytes / 100 + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return limit_bytes + (more_bytes ? more_bytes : PAGE_BYTES);
}

uint64_t minheap_limit(unsigned index)
{
    uint64_t limit_bytes = PAGE_BYTES;
    while (index-- > 0)
        limit_bytes = next_limit(limit_bytes);
    return limit_bytes;
}

/* Index of the last limit that is not above `bytes`, or 0. */
static int index_of(uint64_t bytes)
{
    int index = 0;
    for (uint64_t limit = next_limit(PAGE_BYTES); limit <= bytes; limit = next_limit(limit))
        index++;
    return index;
}

static bool suffices(struct search *s, int index)
{
    uint64_t limit_bytes = minheap_limit((unsigned)index);
    for (unsigned i = 0; i < MINHEAP_TRIES && !s->stopped; i++) {
        enum minheap_try end = s->try_limit(s->data, limit_bytes);
        s->stopped = end == MINHEAP_STOP;
        s->result->tries_count += !s->stopped;
        if (end != MINHEAP_COMPLETES)
            return false;
    }
    return !s->stopped;
}

/* From *low, which does not suffice (-1: below all), upwards to a limit that does: *high, by steps
 * that double from `step`, with *low raised to the last one that does not. False: there is none. */
static bool climb(struct search *s, int *low, int *high, int step)
{
    for (*high = *low + step; !s->stopped; *high = *low + step) {
        if (*high > s->last)
            *high = s->last;
        if (*high <= *low)
            return false;
        if (suffices(s, *high))
            return true;
        *low = *high;
        step *= 2;
    }
    return false;
}

static bool bracket(struct search *s, int start, int *low, int *high)
{
    if (!suffices(s, start)) {
        *low = start;
        return climb(s, low, high, STEP_UP);
    }
    int step = STEP_DOWN;
    for (*high = start; *high > 0; *high = *low, step *= 2) {
        *low = *high > step ? *high - step : 0;
        if (!suffices(s, *low))
            return !s->stopped;
    }
    *low = -1;
    return true;
}

static void bisect(struct search *s, int *low, int *high)
{
    while (*high - *low > 1 && !s->stopped) {
        int middle = *low + (*high - *low) / 2;
        if (suffices(s, middle))
            *high = middle;
        else
            *low = middle;
    }
}

/* The first of the next limits above `index` that does not suffice, or -1. */
static int refuted(struct search *s, int index)
{
    for (int i = index + 1; i <= index + (int)MINHEAP_CONFIRMED && i <= s->last; i++)
        if (!suffices(s, i))
            return i;
    return -1;
}

void minheap_search(struct minheap_result *result, uint64_t start_bytes, uint64_t greatest_bytes,
                    minheap_try_function *try_limit, void *data)
{
    *result = (struct minheap_result){.outcome = MINHEAP_NOT_FOUND};
    struct search s = {.result = result, .try_limit = try_limit, .data = data};
    if (greatest_bytes < PAGE_BYTES)
        return;
    s.last = index_of(greatest_bytes);
    int start = index_of(start_bytes);
    int low, high;
    bool found = bracket(&s, start < s.last ? start : s.last, &low, &high);
    while (found && !s.stopped) {
        bisect(&s, &low, &high);
        int failed = s.stopped ? -1 : refuted(&s, high);
        if (failed < 0)
            break;
        low = failed;
        found = climb(&s, &low, &high, 1);
    }
    if (s.stopped) {
        result->outcome = MINHEAP_STOPPED;
    } else if (found) {
        result->outcome = MINHEAP_FOUND;
        result->minheap_bytes = minheap_limit((unsigned)high);
    }
}
