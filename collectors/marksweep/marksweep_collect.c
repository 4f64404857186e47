#include "marksweep_collect_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "marksweep_finalizer_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_mark_internal.h"
#include "marksweep_pacer_internal.h"
#include "marksweep_plant_internal.h"
#include "marksweep_roots_internal.h"
#include "marksweep_scavenger_internal.h"
#include "marksweep_sweep_internal.h"
#include "marksweep_team_internal.h"
#include "marksweep_verify_internal.h"
#include "marksweep_world_internal.h"

struct ms_collect_totals ms_collect_totals;

static void flush_all_mutators(void)
{
    for (struct ms_mutator *m = ms_world.mutators; m; m = m->next)
        ms_heap_flush_mutator(m);
}

static void verify_or_abort(int (*verify)(char *why, size_t why_bytes), const char *when)
{
    char why[256];
    if (!ms_heap.verify || verify(why, sizeof why) == 0)
        return;
    fprintf(stderr, "marksweep: the heap is corrupt %s collection %llu: %s\n", when,
            (unsigned long long)ms_collect_totals.count + 1, why);
    abort();
}

/* One collection, the world being stopped. */
static void collect_stopped(struct ms_mutator *m, const struct ms_world_stop *stop, void *data)
{
    (void)m;
    struct gc_collection *collection = data;
    struct ms_collect_totals *totals = &ms_collect_totals;
    ms_heap_lock();
    flush_all_mutators();
    verify_or_abort(ms_verify, "before");
    if (ms_heap.listener->stopped)
        ms_heap.listener->stopped(ms_heap.listener->data);
    uint64_t held_before_bytes = ms_space_held_bytes();
    uint64_t used_before_bytes = ms_space_used_bytes();

    int64_t mark_start_ns = ms_world_now_ns();
    gc_pool_rotate();
    uint64_t root_bytes = ms_roots_visit(&ms_marker);
    totals->overflow_count += ms_mark_drain(&ms_marker);
    totals->overflow_count += ms_finalizer_after_marking(&ms_marker);
    ms_plant_mark(mark_start_ns);
    int64_t sweep_start_ns = ms_world_now_ns();
    verify_or_abort(ms_verify_marks, "after the marking of");
    struct ms_sweep_result result = ms_sweep();
    ms_plant_marking(result.live_count);
    int64_t end_ns = ms_world_now_ns();

    ms_pacer_update(result, ms_finalizer_due_bytes(), root_bytes, used_before_bytes);
    verify_or_abort(ms_verify, "after");
    *collection = (struct gc_collection){
        .kind = GC_COLLECTION_FULL,
        .start_ns = stop->start_ns,
        .mark_ns = (uint64_t)(sweep_start_ns - mark_start_ns),
        .sweep_ns = (uint64_t)(end_ns - sweep_start_ns),
        .heap_before_bytes = held_before_bytes,
        .live_bytes = result.live_bytes,
        .marked_count = ms_plant_marked(result.live_count),
        .marked_bytes = ms_plant_marked(result.live_bytes),
    };
    totals->count++;
    totals->live_bytes = result.live_bytes;
    totals->marked_count += collection->marked_count;
    totals->marked_bytes += collection->marked_bytes;
    totals->swept_count = ms_heap.allocated_count - result.live_count;
    totals->swept_bytes = ms_heap.allocated_bytes - result.live_bytes;
    totals->mark_ns += collection->mark_ns;
    totals->sweep_ns += collection->sweep_ns;
    totals->root_bytes = root_bytes;
    ms_heap_unlock();
    ms_plant_stop(stop->start_ns, stop->cpu_start_ns);

    if (!ms_heap.listener->stop)
        return;
    struct gc_stop event = {
        .kind = GC_STOP_FULL,
        .thread = -1,
        .start_ns = stop->start_ns,
        .safepoint_ns = stop->safepoint_ns,
        .cpu_ns = (uint64_t)(ms_world_cpu_ns() - stop->cpu_start_ns),
        .marked_bytes = result.live_bytes,
    };
    event.duration_ns = ms_world_now_ns() - stop->start_ns;
    ms_heap.listener->stop(ms_heap.listener->data, &event);
}

/* With the world running again: gives memory back, and reports. This mutator reaches no safepoint
 * before it is done, so that one collection is reported at a time. */
static void after_collection(struct gc_collection *collection)
{
    ms_heap_lock();
    ms_scavenger_release();
    ms_scavenger_wake();
    if (collection->marked_count >= MS_MARK_ALONE_COUNT)
        ms_team_start();
    collection->heap_after_bytes = ms_space_held_bytes();
    collection->end_ns = ms_world_now_ns();
    if (ms_heap.listener->collection)
        ms_heap.listener->collection(ms_heap.listener->data, collection);
    ms_heap_unlock();
}

void ms_collect(struct ms_mutator *m)
{
    struct gc_collection collection = {.kind = GC_COLLECTION_FULL}; /* no stale words to scan */
    if (ms_world_stop(m, collect_stopped, &collection))
        after_collection(&collection);
}

void ms_collect_now(struct ms_mutator *m)
{
    struct gc_collection collection = {.kind = GC_COLLECTION_FULL}; /* no stale words to scan */
    while (!ms_world_stop(m, collect_stopped, &collection))
        continue;
    after_collection(&collection);
}

struct verify_request {
    char *why;
    size_t why_bytes;
    int result;
};

static void verify_stopped(struct ms_mutator *m, const struct ms_world_stop *stop, void *data)
{
    (void)m;
    (void)stop;
    struct verify_request *request = data;
    ms_heap_lock();
    flush_all_mutators();
    request->result = ms_verify(request->why, request->why_bytes);
    ms_heap_unlock();
}

int ms_collect_verify(struct ms_mutator *m, char *why, size_t why_bytes)
{
    struct verify_request request = {why, why_bytes, 0};
    while (!ms_world_stop(m, verify_stopped, &request))
        continue;
    return request.result;
}
