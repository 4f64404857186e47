#include "marksweep_pacer_internal.h"

#include "marksweep_heap_internal.h"
#include "marksweep_world_internal.h"

#define SMALLEST_GOAL_BYTES (UINT64_C(4) << 20)

/* The parts of a collection, each in bytes of allocation that take about sixteen times as long. A
 * stop, with what follows it, takes 3 us and some 10 us for each further thread; marking an object
 * 4 to 10 ns, sweeping a span about 6, clearing the bitmap of a block 1.5, a word of roots 1;
 * allocating and filling a byte 0.03 (buffers of which little is used) to 0.15 ns (slices). */
#define STOP_COST_BYTES      (UINT64_C(1) << 20)
#define OBJECT_COST_BYTES    1200u
#define RUN_COST_BYTES       600u
#define BLOCK_COST_BYTES     200u
#define ROOT_BYTE_COST_BYTES 16u

#define KEEP_DECAY_NS  INT64_C(16000000000) /* would be zero after this */
#define LIMIT_HEADROOM 8
#define GOAL_DECAY     64 /* the goal falls by no more than this part of it at once */

static uint64_t growth_percent;
static uint64_t recent_goal_bytes;
static uint64_t least_bytes;
static uint64_t keep_bytes;
static int64_t keep_time_ns;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t percent_of(uint64_t bytes)
{
    return bytes / 100 * growth_percent + bytes % 100 * growth_percent / 100;
}

void ms_pacer_init(uint64_t gogc)
{
    growth_percent = gogc;
    recent_goal_bytes = 0;
    ms_pacer_update((struct ms_sweep_result){0, 0, 0}, 0, 0, 0);
}

/* Growth after which another collection like the last takes a sixteenth of the time. */
static uint64_t cheap_growth(struct ms_sweep_result swept, uint64_t root_bytes)
{
    uint64_t stops = ms_world.mutator_count > 0 ? ms_world.mutator_count : 1;
    return stops * STOP_COST_BYTES + swept.live_count * OBJECT_COST_BYTES +
           swept.run_count * RUN_COST_BYTES + ms_space.top * BLOCK_COST_BYTES +
           root_bytes * ROOT_BYTE_COST_BYTES;
}

/* What is always allowed for; under a limit no more than five sevenths of that, since a heap that
 * small was asked for. */
static uint64_t smallest_goal(void)
{
    uint64_t limit_bytes = ms_space.limit_bytes;
    uint64_t smallest = percent_of(SMALLEST_GOAL_BYTES);
    return limit_bytes != 0 ? least(smallest, limit_bytes / 7 * 5) : smallest;
}

/* What a heap of `live_bytes` may grow by up to `goal_bytes`, which metadata is a part of. */
static uint64_t growth_to(uint64_t goal_bytes, uint64_t live_bytes)
{
    uint64_t growth = goal_bytes > live_bytes ? goal_bytes - live_bytes : 0;
    uint64_t metadata_bytes = ms_space_metadata_bytes();
    return growth - (metadata_bytes < growth / 4 ? metadata_bytes : growth / 4);
}

/* Growth that leaves a part of the room below the limit to what cannot be used by all: free runs
 * too short for a request would have to be exchanged, and faulted in again. */
static uint64_t growth_within_limit(uint64_t live_bytes)
{
    if (ms_space.limit_bytes == 0)
        return UINT64_MAX;
    uint64_t used_bytes = live_bytes + ms_space_metadata_bytes();
    uint64_t room = ms_space.limit_bytes > used_bytes ? ms_space.limit_bytes - used_bytes : 0;
    return room - room / LIMIT_HEADROOM;
}

void ms_pacer_update(struct ms_sweep_result swept, uint64_t due_bytes, uint64_t root_bytes,
                     uint64_t used_bytes)
{
    uint64_t live_bytes = swept.live_bytes;
    uint64_t lasting_bytes = live_bytes - least(due_bytes, live_bytes);
    uint64_t goal = live_bytes + percent_of(lasting_bytes + root_bytes);
    uint64_t smallest = smallest_goal();
    if (goal < smallest)
        goal = smallest;
    recent_goal_bytes -= recent_goal_bytes / GOAL_DECAY;
    if (recent_goal_bytes < goal)
        recent_goal_bytes = goal;
    uint64_t held_bytes = ms_space_held_bytes();
    uint64_t paid = least(recent_goal_bytes, held_bytes - held_bytes / 9);
    uint64_t cheap = percent_of(cheap_growth(swept, root_bytes));
    ms_heap.since_collection_bytes = 0;
    uint64_t most = least(cheap, growth_within_limit(live_bytes));
    ms_heap.budget_bytes = least(growth_to(paid > goal ? paid : goal, live_bytes), most);
    uint64_t kept = live_bytes + least(growth_to(goal, live_bytes), cheap);
    least_bytes = kept + kept / 8;
    if (keep_bytes < used_bytes)
        keep_bytes = used_bytes;
}

uint64_t ms_pacer_least_bytes(void)
{
    return least_bytes + ms_space_metadata_bytes();
}

uint64_t ms_pacer_keep_bytes(int64_t now_ns)
{
    int64_t passed_ns = now_ns > keep_time_ns ? now_ns - keep_time_ns : 0;
    double left = passed_ns < KEEP_DECAY_NS ? 1 - (double)passed_ns / (double)KEEP_DECAY_NS : 0;
    keep_time_ns = now_ns;
    keep_bytes = (uint64_t)((double)keep_bytes * left);
    if (keep_bytes < ms_space.grown_bytes)
        keep_bytes = ms_space.grown_bytes;
    ms_space.grown_bytes = 0;
    if (keep_bytes < least_bytes)
        keep_bytes = least_bytes;
    return keep_bytes + ms_space_metadata_bytes();
}
