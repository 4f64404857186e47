#include "marksweep_pacer_internal.h"

#include <stddef.h>

#include "marksweep_heap_internal.h"

#define SMALLEST_GOAL_BYTES (UINT64_C(4) << 20)
#define GOALS_REMEMBERED    8

static uint64_t growth_percent;
static uint64_t goals[GOALS_REMEMBERED];
static size_t next_goal;

static uint64_t percent_of(uint64_t bytes)
{
    return bytes / 100 * growth_percent + bytes % 100 * growth_percent / 100;
}

void ms_pacer_init(uint64_t gogc)
{
    growth_percent = gogc;
    ms_pacer_update(0, 0);
}

void ms_pacer_update(uint64_t live_bytes, uint64_t root_bytes)
{
    uint64_t goal = live_bytes + percent_of(live_bytes + root_bytes);
    uint64_t smallest = percent_of(SMALLEST_GOAL_BYTES);
    if (goal < smallest)
        goal = smallest;
    goals[next_goal] = goal;
    next_goal = (next_goal + 1) % GOALS_REMEMBERED;
    ms_heap.since_collection_bytes = 0;
    ms_heap.budget_bytes = goal > live_bytes ? goal - live_bytes : 0;
}

uint64_t ms_pacer_keep_bytes(void)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < GOALS_REMEMBERED; i++)
        largest = goals[i] > largest ? goals[i] : largest;
    return largest + largest / 8 + ms_space_metadata_bytes();
}
