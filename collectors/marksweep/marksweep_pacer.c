#include "marksweep_pacer_internal.h"

#include "marksweep_heap_internal.h"

#define SMALLEST_GOAL_BYTES (UINT64_C(4) << 20)
#define KEEP_DECAY_NS       INT64_C(16000000000) /* would be zero after this */

static uint64_t growth_percent;
static uint64_t needed_bytes;
static uint64_t keep_bytes;
static int64_t keep_time_ns;

static uint64_t percent_of(uint64_t bytes)
{
    return bytes / 100 * growth_percent + bytes % 100 * growth_percent / 100;
}

void ms_pacer_init(uint64_t gogc)
{
    growth_percent = gogc;
    ms_pacer_update(0, 0, 0);
}

void ms_pacer_update(uint64_t live_bytes, uint64_t root_bytes, uint64_t used_bytes)
{
    uint64_t goal = live_bytes + percent_of(live_bytes + root_bytes);
    uint64_t smallest = percent_of(SMALLEST_GOAL_BYTES);
    if (goal < smallest)
        goal = smallest;
    needed_bytes = goal + goal / 8;
    if (needed_bytes < used_bytes)
        needed_bytes = used_bytes;
    ms_heap.since_collection_bytes = 0;
    ms_heap.budget_bytes = goal > live_bytes ? goal - live_bytes : 0;
}

uint64_t ms_pacer_keep_bytes(int64_t now_ns)
{
    int64_t passed_ns = now_ns - keep_time_ns;
    double left = passed_ns < KEEP_DECAY_NS ? 1 - (double)passed_ns / (double)KEEP_DECAY_NS : 0;
    keep_time_ns = now_ns;
    keep_bytes = (uint64_t)((double)keep_bytes * left);
    if (keep_bytes < needed_bytes)
        keep_bytes = needed_bytes;
    return keep_bytes + ms_space_metadata_bytes();
}
