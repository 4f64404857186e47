/* marksweep_sweep_internal.h: from mark bits to free memory.
 *
 * After marking, the mark bitmap is what `allocated` has to be: the two change places. Then each
 * run is classified by its 64 bytes of bitmap per block, objects are not touched: a span without a
 * set bit is free memory, one with all bits set is left alone, any other goes to the list of its
 * layout and class, whose holes the allocating thread finds by itself. Free and released runs are
 * joined with their neighbours in passing.
 */
#ifndef MARKSWEEP_SWEEP_INTERNAL_H
#define MARKSWEEP_SWEEP_INTERNAL_H

#include <stdint.h>

struct ms_sweep_result {
    uint64_t live_count;
    uint64_t live_bytes; /* of slots, and of blocks of large objects */
    uint64_t run_count;  /* spans, large objects and free runs that were looked at */
};

/* With the world stopped, holes flushed, marking done. */
struct ms_sweep_result ms_sweep(void);

#endif
