/* minheap_search.h: the smallest heap limit at which a cell completes, by bisection (METHODS.md
 * section 7). Knows nothing of processes: what a try is, the caller says. */
#ifndef DRIVER_MINHEAP_SEARCH_H
#define DRIVER_MINHEAP_SEARCH_H

#include <stdint.h>

/* So many tries must all complete for a limit to suffice. */
#define MINHEAP_TRIES 5u

/* So many next larger limits must suffice too: a limit that sufficed by luck among ones that do not
 * is no minimum. */
#define MINHEAP_CONFIRMED 2u

enum minheap_try {
    MINHEAP_COMPLETES,
    MINHEAP_TOO_SMALL,
    MINHEAP_STOP, /* the search cannot go on */
};

typedef enum minheap_try minheap_try_function(void *data, uint64_t limit_bytes);

enum minheap_outcome {
    MINHEAP_FOUND,
    MINHEAP_NOT_FOUND, /* no limit up to the greatest suffices */
    MINHEAP_STOPPED,
};

struct minheap_result {
    enum minheap_outcome outcome;
    uint64_t minheap_bytes; /* where found */
    unsigned tries_count;
};

/* Limits come from one fixed series, each 1 % above the one before, rounded up to whole pages of
 * 4 KiB, so that two searches which see the same give the same. The result is a limit of the series
 * at which MINHEAP_TRIES tries completed, as they did at the next MINHEAP_CONFIRMED ones, while a
 * try at the one before did not (or there is none before). The search starts near start_bytes and
 * tries no limit above greatest_bytes. */
void minheap_search(struct minheap_result *result, uint64_t start_bytes, uint64_t greatest_bytes,
                    minheap_try_function *try_limit, void *data);

/* Number `index` of the series, from 0; 4096 is the first. */
uint64_t minheap_limit(unsigned index);

#endif
