/* marksweep_plant_internal.h: faults planted on purpose, to find out whether a comparison finds
 * them. Each is there only where its percentage or number is defined
 * (CPPFLAGS=-DMARKSWEEP_PLANT_STOP_PCT=10); without, its function is empty and nothing is stored,
 * so that it costs nothing.
 *
 *   MARKSWEEP_PLANT_MARK_PCT    marking takes so much longer, and counts so much more as marked, as
 *                               if so many objects were marked twice: marked_bytes, pauses
 *   MARKSWEEP_PLANT_ALLOC_PCT   allocation takes so much of a thread's time more: wall time
 *   MARKSWEEP_PLANT_STOP_PCT    stops last so much longer: pauses
 *   MARKSWEEP_PLANT_STOP_CPU_PCT  stops take so much more CPU time: the CPU time of pauses; on a
 *                               busy machine, where stops last longer than they compute, it is less
 *   MARKSWEEP_PLANT_MARK_STEPS  so many steps of an idle loop for each object marked: instructions
 *   MARKSWEEP_PLANT_ALLOC_STEPS  so many for each span that a thread starts: instructions
 *   MARKSWEEP_PLANT_MEMORY_PCT  so much memory beyond the heap is held, and touched: peaks
 *
 * Those in per cent wait by the clock, which costs hardly an instruction that valgrind would count;
 * those in steps are work, of which a comparison of instruction counts tells what part it is.
 */
#ifndef MARKSWEEP_PLANT_INTERNAL_H
#define MARKSWEEP_PLANT_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#if defined MARKSWEEP_PLANT_MARK_PCT || defined MARKSWEEP_PLANT_ALLOC_PCT ||                       \
    defined MARKSWEEP_PLANT_STOP_PCT || defined MARKSWEEP_PLANT_STOP_CPU_PCT
#include "marksweep_world_internal.h"

static inline void ms_plant_spin_until(int64_t end_ns)
{
    while (ms_world_now_ns() < end_ns)
        continue;
}

/* Until what began then has taken `percent` longer than it has by now. */
static inline void ms_plant_lengthen(int64_t start_ns, int64_t percent)
{
    int64_t now_ns = ms_world_now_ns();
    ms_plant_spin_until(now_ns + (now_ns - start_ns) * percent / 100);
}
#endif

/* At the end of marking that began then. */
static inline void ms_plant_mark(int64_t start_ns)
{
#ifdef MARKSWEEP_PLANT_MARK_PCT
    ms_plant_lengthen(start_ns, MARKSWEEP_PLANT_MARK_PCT);
#endif
    (void)start_ns;
}

/* What is counted as marked in the place of that many bytes or objects. */
static inline uint64_t ms_plant_marked(uint64_t count)
{
#ifdef MARKSWEEP_PLANT_MARK_PCT
    count += count * MARKSWEEP_PLANT_MARK_PCT / 100;
#endif
    return count;
}

/* At the end of a stop that began then, when the process had taken that much CPU time. */
static inline void ms_plant_stop(int64_t start_ns, int64_t cpu_start_ns)
{
#ifdef MARKSWEEP_PLANT_STOP_PCT
    ms_plant_lengthen(start_ns, MARKSWEEP_PLANT_STOP_PCT);
#endif
#ifdef MARKSWEEP_PLANT_STOP_CPU_PCT
    int64_t cpu_ns = ms_world_cpu_ns();
    int64_t cpu_end_ns = cpu_ns + (cpu_ns - cpu_start_ns) * MARKSWEEP_PLANT_STOP_CPU_PCT / 100;
    while (ms_world_cpu_ns() < cpu_end_ns)
        continue;
#endif
    (void)start_ns;
    (void)cpu_start_ns;
}

/* Steps that no compiler leaves out. */
static inline void ms_plant_steps(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        __asm__ volatile("" : "+r"(i));
}

/* After a collection that marked so many objects. */
static inline void ms_plant_marking(uint64_t marked_count)
{
#ifdef MARKSWEEP_PLANT_MARK_STEPS
    ms_plant_steps(marked_count * MARKSWEEP_PLANT_MARK_STEPS);
#endif
    (void)marked_count;
}

/* When a thread starts another span. */
static inline void ms_plant_alloc(void)
{
#ifdef MARKSWEEP_PLANT_ALLOC_STEPS
    ms_plant_steps(MARKSWEEP_PLANT_ALLOC_STEPS);
#endif
#ifdef MARKSWEEP_PLANT_ALLOC_PCT
    /* The clock is read for one span of 16, so that reading it is no fault of its own. */
    static _Thread_local unsigned span_count;
    static _Thread_local int64_t last_ns;
    if (span_count++ % 16 != 0)
        return;
    if (last_ns != 0)
        ms_plant_lengthen(last_ns, MARKSWEEP_PLANT_ALLOC_PCT);
    last_ns = ms_world_now_ns();
#endif
}

#ifdef MARKSWEEP_PLANT_MEMORY_PCT
/* marksweep_space.c: when the heap has grown to `heap_bytes`. */
void ms_plant_memory(uint64_t heap_bytes);
#else
static inline void ms_plant_memory(uint64_t heap_bytes)
{
    (void)heap_bytes;
}
#endif

#endif
