/* The descriptor of the marksweep backend: the cold interface of gc_backend.h. */
#include <errno.h>
#include <stdio.h>

#include "gc_backend.h"
#include "marksweep_collect_internal.h"
#include "marksweep_finalizer_internal.h"
#include "marksweep_fork_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_mark_internal.h"
#include "marksweep_pacer_internal.h"
#include "marksweep_roots_internal.h"
#include "marksweep_team_internal.h"
#include "marksweep_weak_internal.h"
#include "marksweep_world_internal.h"

enum { OPTION_GOGC, OPTION_HUGEPAGES, OPTION_MARKERS, OPTION_STRESS, OPTION_VERIFY };

static const struct gc_option options[] = {
    [OPTION_GOGC] = {"gogc", GC_OPTION_NUMBER, "percent", NULL, 64, 1, 100000,
                     "growth over the live bytes that starts a collection, as in Go"},
    [OPTION_HUGEPAGES] = {"hugepages", GC_OPTION_FLAG, "", NULL, 1, 0, 1,
                          "ask the system for huge pages beyond the first 64 MiB of the heap"},
    [OPTION_MARKERS] = {"markers", GC_OPTION_NUMBER, "count", NULL, 0, 0, MS_MARKERS_MAX,
                        "markers in all, the collecting thread included; 0: one per processor, up "
                        "to 4"},
    [OPTION_STRESS] = {"stress", GC_OPTION_NUMBER, "count", NULL, 0, 0, INT32_MAX,
                       "collect at every so many allocations of a thread and poison what is "
                       "freed; 0: off"},
    [OPTION_VERIFY] = {"verify", GC_OPTION_FLAG, "", NULL, 0, 0, 1,
                       "check the whole heap before and after each collection, and poison what is "
                       "freed"},
};

static const char *version(void)
{
    return "1";
}

static struct ms_mutator *mutator_of(struct gc_mutator *m)
{
    return (struct ms_mutator *)m;
}

static int init(const struct gc_config *config, struct gc_mutator **main_mutator, char *why,
                size_t why_bytes)
{
    uint64_t limit_bytes =
        config->heap_limit_bytes ? config->heap_limit_bytes : config->memory_cap_bytes;
    why[0] = '\0';
    int error = ms_space_init(limit_bytes, config->option_values[OPTION_HUGEPAGES] != 0);
    if (error) {
        snprintf(why, why_bytes, "%s",
                 error == -ENOTSUP
                     ? "pages of more than 8 KiB, the size of a block, are not supported"
                     : "no address space for the heap: raise the limit of ulimit -v");
        return error;
    }
    ms_class_init();
    ms_layout_init();
    ms_weak_init();
    ms_heap_init(config, (uint64_t)config->option_values[OPTION_STRESS],
                 config->option_values[OPTION_VERIFY] != 0);
    ms_pacer_init((uint64_t)config->option_values[OPTION_GOGC]);
    ms_world_init(config->threads_count);
    gc_pool_start(ms_world.mutator_max);
    size_t fixed_bytes =
        sizeof ms_heap + ms_world.mutator_max * ms_mutator_bytes(ms_layout_count());
    if (ms_space_charge(fixed_bytes) != 0 || ms_mark_init() != 0) {
        snprintf(why, why_bytes,
                 "a heap limit of %llu bytes leaves nothing beside the collector's own tables",
                 (unsigned long long)limit_bytes);
        return -EINVAL;
    }
    ms_team_init((unsigned)config->option_values[OPTION_MARKERS]);
    struct ms_mutator *m = ms_world_attach();
    if (!m) {
        error = -errno;
        snprintf(why, why_bytes, "the calling thread cannot be attached: %s", strerror(-error));
        return error;
    }
    error = ms_fork_init();
    if (error) {
        ms_world_detach(m);
        snprintf(why, why_bytes, "no memory for the handlers of fork");
        return error;
    }
    *main_mutator = &m->inlined;
    return 0;
}

static struct gc_mutator *attach(void)
{
    struct ms_mutator *m = ms_world_attach();
    return m ? &m->inlined : NULL;
}

static void detach(struct gc_mutator *m)
{
    ms_finalizer_return(mutator_of(m));
    ms_world_detach(mutator_of(m));
}

static void enter_blocked(struct gc_mutator *m)
{
    ms_world_enter_blocked(mutator_of(m));
}

static void leave_blocked(struct gc_mutator *m)
{
    ms_world_leave_blocked(mutator_of(m));
}

static void collect(struct gc_mutator *m)
{
    ms_collect_now(mutator_of(m));
}

static int verify(struct gc_mutator *m, char *why, size_t why_bytes)
{
    return ms_collect_verify(mutator_of(m), why, why_bytes);
}

static void stats(struct gc_stats *stats)
{
    ms_heap_lock();
    *stats = (struct gc_stats){
        .gc_count = ms_collect_totals.count,
        .gc_full_count = ms_collect_totals.count,
        .heap_bytes = ms_space_held_bytes(),
        .heap_peak_bytes = ms_space.peak_bytes,
        .live_bytes = ms_collect_totals.live_bytes,
        .allocated_bytes = ms_heap.allocated_bytes,
        .allocated_count = ms_heap.allocated_count,
        .marked_count = ms_collect_totals.marked_count,
        .marked_bytes = ms_collect_totals.marked_bytes,
    };
    ms_heap_unlock();
}

static void reset_peak(void)
{
    ms_heap_lock();
    ms_space_reset_peak();
    ms_heap_unlock();
}

static int metric(size_t index, struct gc_metric *metric)
{
    static const struct {
        const char *name;
        const char *unit;
        const char *better;
        int is_cumulative;
    } known[] = {
        {"mark_total_ns", "ns", "lower", 1},
        {"sweep_total_ns", "ns", "lower", 1},
        {"swept_count", "count", "lower", 1},
        {"swept_bytes", "bytes", "lower", 1},
        {"roots_scanned_bytes", "bytes", "lower", 0},
        {"mark_stack_overflows_count", "count", "lower", 1},
        {"metadata_bytes", "bytes", "lower", 0},
        {"released_bytes", "bytes", "none", 0},
        {"finalizers_registered_count", "count", "lower", 0},
        {"finalizers_due_count", "count", "lower", 0},
    };
    if (index >= sizeof known / sizeof known[0])
        return 0;
    uint64_t registered, due;
    ms_finalizer_counts(&registered, &due);
    ms_heap_lock();
    const double values[] = {
        (double)ms_collect_totals.mark_ns,
        (double)ms_collect_totals.sweep_ns,
        (double)ms_collect_totals.swept_count,
        (double)ms_collect_totals.swept_bytes,
        (double)ms_collect_totals.root_bytes,
        (double)ms_collect_totals.overflow_count,
        (double)ms_space_metadata_bytes(),
        (double)(ms_space.released_runs.blocks * MS_BLOCK_BYTES),
        (double)registered,
        (double)due,
    };
    ms_heap_unlock();
    *metric = (struct gc_metric){known[index].name, known[index].unit, known[index].better,
                                 values[index], known[index].is_cumulative};
    return 1;
}

const struct gc_backend gc_backend = {
    .name = "marksweep",
    .summary = "our own mark-sweep collector, precise in the heap, conservative on stacks",
    .facts =
        {
            .allocation =
                "inlined, from holes of the thread's own blocks; sizes above 32 KiB called",
            .scanning = "typed in the heap, conservative on stacks and in registers",
            .interior = "from stacks and registers only",
            .zeroing = "none, but for array layouts, whose slack is read by tracing",
            .markers = "threads by the option markers; 0: one per processor, up to 4",
            .initial_heap = "none; the first collection at 1 MiB x gogc / 100",
            .limit = "hard: blocks, touched tables, mark stacks, finalizers, mutators and pools",
        },
    .reclaim = GC_RECLAIM_TRACING,
    .capabilities = GC_CAN_LIMIT_HEAP | GC_CAN_COLLECT | GC_CAN_VERIFY | GC_CAN_THREADS |
                    GC_IS_PRECISE | GC_CAN_FINALIZE | GC_CAN_WEAK,
    .needs = GC_NEEDS_TYPES | GC_NEEDS_SAFEPOINTS | GC_NEEDS_ROOTS,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .version = version,
    .header_version = version,
    .init = init,
    .attach = attach,
    .detach = detach,
    .enter_blocked = enter_blocked,
    .leave_blocked = leave_blocked,
    .type_register = ms_layout_register,
    .roots_add = ms_roots_add,
    .roots_remove = ms_roots_remove,
    .collect = collect,
    .stats = stats,
    .reset_peak = reset_peak,
    .verify = verify,
    .metric = metric,
};
