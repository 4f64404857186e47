/* boehm_backend.c: the cold half of the boehm backend.
 *
 * Stops are PRE_STOP_WORLD to POST_START_WORLD and nothing else (METHODS.md section 3): START and
 * END do not fire in incremental mode, where an abandoned increment also has no MARK_END (bdwgc
 * 8.2.2, alloc.c, GC_stopped_mark). The events run with the library's lock held, so the state here
 * has one writer at a time; `stats` takes the same lock.
 *
 * Static data is not scanned: the contract puts every reference into a registered range, a typed
 * field or a stack, so a user who knows it spares the collector the data of all libraries
 * (GC_set_no_dls) and of the program (GC_clear_roots).
 */
#include "boehm/boehm_gc.h"

#include <errno.h>
#include <gc/gc_mark.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gc.h"
#include "gc_backend.h"
#include "gc_sanitizers.h"
#include "gc_slots.h"

enum {
    OPTION_INCREMENTAL,
    OPTION_TIME_LIMIT_MS,
    OPTION_MARKERS,
    OPTION_TYPED,
    OPTION_INTERIOR,
    OPTION_INITIAL_HEAP,
    OPTION_FREE_SPACE_DIVISOR,
};

static const struct gc_option options[] = {
    [OPTION_INCREMENTAL] = {"incremental", GC_OPTION_FLAG, "", NULL, 0, 0, 1,
                            "collect in increments, by generations (GC_enable_incremental)"},
    [OPTION_TIME_LIMIT_MS] = {"time_limit_ms", GC_OPTION_NUMBER, "ms", NULL, 0, 0, 1000000,
                              "soft bound on an increment (GC_set_time_limit); 0: none, as the "
                              "library has it"},
    [OPTION_MARKERS] = {"markers", GC_OPTION_NUMBER, "count", NULL, 0, 0, 1024,
                        "marker threads (GC_set_markers_count); 0: one per processor, up to 16"},
    [OPTION_TYPED] = {"typed", GC_OPTION_FLAG, "", NULL, 0, 0, 1,
                      "trace objects by their pointer maps where descriptors can say them"},
    [OPTION_INTERIOR] = {"interior", GC_OPTION_FLAG, "", NULL, 1, 0, 1,
                         "interior pointers in the heap retain too, as the library has it; 0 "
                         "spares a byte per object"},
    [OPTION_INITIAL_HEAP] = {"initial_heap", GC_OPTION_BYTES, "bytes", NULL, 0, 0, INT64_MAX / 2,
                             "heap to start with (GC_expand_hp); 0: the library's"},
    [OPTION_FREE_SPACE_DIVISOR] = {"free_space_divisor", GC_OPTION_NUMBER, "", NULL, 3, 1, 1000,
                                   "more saves memory and costs time; 3 is the library's"},
};

/* Variables by which the environment would contradict the options that are recorded. */
static const char *const overriding_variables[] = {
    "GC_ALL_INTERIOR_POINTERS",
    "GC_COLLECT_AT_MALLOC",
    "GC_DISABLE_INCREMENTAL",
    "GC_DONT_GC",
    "GC_ENABLE_INCREMENTAL",
    "GC_FIND_LEAK",
    "GC_FORCE_UNMAP_ON_GCOLLECT",
    "GC_FREE_SPACE_DIVISOR",
    "GC_FULL_FREQUENCY",
    "GC_INITIAL_HEAP_SIZE",
    "GC_MARKERS",
    "GC_MAXIMUM_HEAP_SIZE",
    "GC_NPROCS",
    "GC_PAUSE_TIME_TARGET",
    "GC_UNMAP_THRESHOLD",
    "GC_USE_ENTIRE_HEAP",
};

/* What runs from the first stop of a collection to the end of its part of sweeping. */
struct cycle {
    unsigned stops_count;
    int is_full;
    int64_t start_ns;
    uint64_t mark_ns;
    uint64_t heap_before_bytes;
};

static const struct gc_listener *listener;
static int is_incremental;
static GC_push_other_roots_proc library_push_other_roots;

static struct cycle cycle;
static int next_is_full; /* the library has announced a full collection */
static int world_stopped;
static int mark_ended; /* in this stop */
static int64_t stop_start_ns;
static int64_t stop_cpu_ns;
static uint64_t stop_safepoint_ns;
static int64_t mark_start_ns;
static int64_t reclaim_start_ns;
static uint64_t heap_peak_bytes;
static uint64_t full_count;
static GC_word first_gc_no;

static unsigned stops_seen; /* by PRE_STOP_WORLD and POST_START_WORLD */
static unsigned marks_seen; /* by MARK_START and MARK_END */
static enum { SOURCE_STOP, SOURCE_MARK, SOURCE_NONE } source;

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Held from the system: the heap and the library's tables. With the library's lock. */
static uint64_t held_bytes(void)
{
    struct GC_prof_stats_s s;
    GC_get_prof_stats_unsafe(&s, sizeof s);
    return s.obtained_from_os_bytes - s.unmapped_bytes;
}

/* The heap only grows between collections, so it is largest where one begins. */
static void note_peak(void)
{
    uint64_t held = held_bytes();
    if (held > heap_peak_bytes)
        heap_peak_bytes = held;
}

static void stop_begins(void)
{
    if (cycle.stops_count == 0) {
        note_peak();
        cycle.heap_before_bytes = GC_get_heap_size();
        cycle.is_full = next_is_full || !is_incremental;
        next_is_full = 0;
    }
    cycle.stops_count++;
    mark_ended = 0;
    stop_safepoint_ns = GC_UNKNOWN;
    stop_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    stop_start_ns = clock_ns(CLOCK_MONOTONIC);
    if (cycle.stops_count == 1)
        cycle.start_ns = stop_start_ns;
}

static void stop_ends(void)
{
    int64_t end_ns = clock_ns(CLOCK_MONOTONIC);
    struct gc_stop stop = {
        .kind = GC_STOP_INCREMENT,
        .thread = -1,
        .start_ns = stop_start_ns,
        .duration_ns = end_ns - stop_start_ns,
        .safepoint_ns = stop_safepoint_ns,
        .cpu_ns = (uint64_t)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - stop_cpu_ns),
        .marked_bytes = GC_UNKNOWN,
    };
    if (mark_ended && cycle.stops_count == 1)
        stop.kind = cycle.is_full ? GC_STOP_FULL : GC_STOP_MINOR;
    if (listener->stop)
        listener->stop(listener->data, &stop);
}

static void collection_ends(void)
{
    int64_t end_ns = clock_ns(CLOCK_MONOTONIC);
    struct gc_collection collection = {
        .kind = cycle.is_full ? GC_COLLECTION_FULL : GC_COLLECTION_MINOR,
        .start_ns = cycle.start_ns,
        .end_ns = end_ns,
        /* Between the stops of an increment it marks in allocation calls, unseen. */
        .mark_ns = cycle.stops_count == 1 ? cycle.mark_ns : GC_UNKNOWN,
        /* With what is due to finalizers and weak references. */
        .sweep_ns = (uint64_t)(end_ns - reclaim_start_ns),
        .heap_before_bytes = cycle.heap_before_bytes,
        .heap_after_bytes = GC_get_heap_size(),
        /* To know these takes a walk over the heap: see stats. */
        .live_bytes = GC_UNKNOWN,
        .marked_count = GC_UNKNOWN,
        .marked_bytes = GC_UNKNOWN,
    };
    full_count += (uint64_t)cycle.is_full;
    cycle = (struct cycle){0};
    if (listener->collection)
        listener->collection(listener->data, &collection);
}

static void GC_CALLBACK on_event(GC_EventType event)
{
    switch (event) {
    case GC_EVENT_PRE_STOP_WORLD:
        stop_begins();
        break;
    case GC_EVENT_POST_STOP_WORLD:
        stop_safepoint_ns = (uint64_t)(clock_ns(CLOCK_MONOTONIC) - stop_start_ns);
        world_stopped = 1;
        if (listener->stopped)
            listener->stopped(listener->data);
        /* As Go does, at the first stop of a collection (sync/pool.go, poolCleanup). */
        if (cycle.stops_count == 1)
            gc_pool_rotate();
        break;
    case GC_EVENT_MARK_START:
        if (source == SOURCE_MARK) {
            stop_begins();
            if (listener->stopped)
                listener->stopped(listener->data);
            gc_pool_rotate();
        }
        mark_start_ns = clock_ns(CLOCK_MONOTONIC);
        break;
    case GC_EVENT_MARK_END:
        cycle.mark_ns += (uint64_t)(clock_ns(CLOCK_MONOTONIC) - mark_start_ns);
        mark_ended = 1;
        marks_seen++;
        if (source == SOURCE_MARK)
            stop_ends();
        break;
    case GC_EVENT_PRE_START_WORLD:
        world_stopped = 0;
        break;
    case GC_EVENT_POST_START_WORLD:
        stops_seen++;
        stop_ends();
        break;
    case GC_EVENT_RECLAIM_START:
        reclaim_start_ns = clock_ns(CLOCK_MONOTONIC);
        break;
    case GC_EVENT_RECLAIM_END:
        collection_ends();
        break;
    default:
        break;
    }
}

static void GC_CALLBACK on_full_collection(void)
{
    next_is_full = 1;
}

static void push_range(void *data, void **low, void **high)
{
    (void)data;
    GC_push_all_eager(low, high);
}

/* In incremental mode roots are also pushed while mutators run, and pools may change meanwhile; but
 * never only then: each collection ends with a stop that pushes them all again (mark_rts.c,
 * GC_push_roots, on thread-local free lists). */
static void GC_CALLBACK push_other_roots(void)
{
    if (world_stopped || source != SOURCE_STOP)
        gc_pool_roots(push_range, NULL);
    if (library_push_other_roots)
        library_push_other_roots();
}

static _Noreturn void out_of_memory(size_t bytes)
{
    listener->out_of_memory(listener->data, bytes);
    abort(); /* the listener does not return */
}

static void *GC_CALLBACK on_out_of_memory(size_t bytes)
{
    out_of_memory(bytes);
}

/* The library aborts where it finds no memory for a thread (bdwgc 8.2.2, pthread_support.c,
 * GC_register_my_thread_inner), with its lock held. */
static _Thread_local int is_attaching;
static GC_abort_func library_abort;

static void GC_CALLBACK on_abort(const char *message)
{
    if (is_attaching && message && strstr(message, "allocate memory for thread"))
        out_of_memory(0);
    library_abort(message);
}

static const char *version_text(char *text, size_t text_bytes, unsigned major, unsigned minor,
                                unsigned micro)
{
    snprintf(text, text_bytes, "%u.%u.%u", major, minor, micro);
    return text;
}

static const char *version(void)
{
    static char text[40];
    unsigned v = GC_get_version();
    return version_text(text, sizeof text, v >> 16, v >> 8 & 0xff, v & 0xff);
}

static const char *header_version(void)
{
    static char text[40];
    return version_text(text, sizeof text, GC_VERSION_MAJOR, GC_VERSION_MINOR, GC_VERSION_MICRO);
}

static struct gc_mutator *take_slot(void)
{
    uint32_t index;
    struct gc_mutator *m = gc_slots_take(&index);
    if (m)
        m->pool_index = index;
    return m;
}

/* Sees which events fire: a library built without threads has none for stops. */
static void find_source(void)
{
    source = SOURCE_STOP;
    GC_gcollect();
    if (stops_seen == 0)
        source = marks_seen > 0 ? SOURCE_MARK : SOURCE_NONE;
    first_gc_no = GC_get_gc_no();
    full_count = 0;
    cycle = (struct cycle){0};
}

static int refuse(char *why, size_t why_bytes, int error, const char *text)
{
    snprintf(why, why_bytes, "%s", text);
    return error;
}

static int init(const struct gc_config *config, struct gc_mutator **main, char *why,
                size_t why_bytes)
{
    const int64_t *values = config->option_values;
#ifdef GC_FLAVOUR_TYPED
    const int typed = 1;
#else
    const int typed = 0;
#endif
    if (GC_SANITIZED_THREAD)
        return refuse(why, why_bytes, -ENOTSUP,
                      "libgc stops threads by signals, which ThreadSanitizer defers");
    if (values[OPTION_TYPED] != typed)
        return refuse(why, why_bytes, -EINVAL,
                      typed ? "this runner is the flavour for typed=1"
                            : "typed=1 is run by gcmeter-run-boehm-typed");
    if (values[OPTION_TIME_LIMIT_MS] && !values[OPTION_INCREMENTAL])
        return refuse(why, why_bytes, -EINVAL, "time_limit_ms needs incremental=1");

    listener = config->listener;
    for (size_t i = 0; i < sizeof overriding_variables / sizeof overriding_variables[0]; i++)
        unsetenv(overriding_variables[i]);
    GC_set_all_interior_pointers((int)values[OPTION_INTERIOR]);
    GC_set_no_dls(1);
    /* Finalizers run in gc_finalizers_run only. What an object refers to stays until it has been
     * finalized without order only in this mode (bdwgc 8.2.2, finalize.c, GC_finalize). */
    GC_set_finalize_on_demand(1);
    GC_set_java_finalization(1);
    GC_set_warn_proc(GC_ignore_warn_proc);
    GC_set_oom_fn(on_out_of_memory);
    library_abort = GC_get_abort_func();
    GC_set_abort_func(on_abort);
    GC_set_free_space_divisor((GC_word)values[OPTION_FREE_SPACE_DIVISOR]);
    if (values[OPTION_MARKERS])
        GC_set_markers_count((unsigned)values[OPTION_MARKERS]);
    if (config->heap_limit_bytes)
        GC_set_max_heap_size((GC_word)config->heap_limit_bytes);
    GC_INIT();
    GC_clear_roots();
    GC_allow_register_threads();
    if (values[OPTION_INCREMENTAL]) {
        if (values[OPTION_TIME_LIMIT_MS])
            GC_set_time_limit((unsigned long)values[OPTION_TIME_LIMIT_MS]);
        GC_enable_incremental();
        if (!GC_is_incremental_mode())
            return refuse(why, why_bytes, -EINVAL, "this libgc has no incremental mode");
        is_incremental = 1;
    }
    size_t heap = GC_get_heap_size();
    if ((uint64_t)values[OPTION_INITIAL_HEAP] > heap &&
        !GC_expand_hp((size_t)values[OPTION_INITIAL_HEAP] - heap))
        return refuse(why, why_bytes, -EINVAL,
                      "initial_heap is more than the heap limit or the system allows");

    int error = gc_slots_init(config->threads_count, sizeof(struct gc_mutator));
    if (error)
        return refuse(why, why_bytes, error, "no memory for the threads' slots");
    gc_pool_start(config->threads_count);
    *main = take_slot();
    library_push_other_roots = GC_get_push_other_roots();
    GC_set_push_other_roots(push_other_roots);
    GC_set_start_callback(on_full_collection);
    GC_set_on_collection_event(on_event);
    find_source();
    return 0;
}

static struct gc_mutator *attach(void)
{
    struct GC_stack_base base;
    struct gc_mutator *m = take_slot();
    if (!m)
        return NULL;
    is_attaching = 1;
    int attached =
        GC_get_stack_base(&base) == GC_SUCCESS && GC_register_my_thread(&base) == GC_SUCCESS;
    is_attaching = 0;
    if (!attached) {
        gc_slots_release(m->pool_index);
        errno = ENOMEM;
        return NULL;
    }
    return m;
}

static void detach(struct gc_mutator *m)
{
    GC_unregister_my_thread();
    gc_slots_release(m->pool_index);
}

static void blocked_nothing(struct gc_mutator *m)
{
    (void)m;
}

#ifdef GC_FLAVOUR_TYPED
static GC_descr descriptor(uint64_t pointers, size_t words)
{
    GC_word bitmap = pointers;
    return GC_make_descriptor(&bitmap, words < GC_WORDSZ ? words : GC_WORDSZ);
}
#endif

/* Objects with elements are scanned conservatively, an array of nothing but references exactly so.
 * A fixed part followed by elements has no descriptor that serves every length, and an array of
 * records loses its own: the library clears it by a disappearing link as soon as it finds the
 * object unreachable (bdwgc 8.2.2, typd_mlc.c, GC_calloc_explicitly_typed), also where a finalizer
 * is due that is to see it, so that what it refers to is freed. */
static int type_register(struct gc_type *type)
{
    type->backend_word = gc_type_is_leaf(type) ? GC_I_PTRFREE : GC_I_NORMAL;
#ifdef GC_FLAVOUR_TYPED
    if (gc_type_is_leaf(type))
        return 0;
    if (type->element_bytes == 0)
        type->backend_word = descriptor(type->fixed_pointers, type->fixed_bytes / sizeof(void *));
#endif
    return 0;
}

/* The library hands over two words, of which the contract's finalizer needs three. */
static _Thread_local struct gc_mutator *finalizing;

static void GC_CALLBACK run_finalizer(void *object, void *data)
{
    const struct gc_finalizer *finalizer = data;
    finalizer->run(finalizing, object, finalizer->data);
}

void gc_finalizer_set(struct gc_mutator *m, void *object, const struct gc_finalizer *finalizer)
{
    (void)m;
    GC_register_finalizer_no_order(object, finalizer ? run_finalizer : NULL,
                                   (void *)(uintptr_t)finalizer, NULL, NULL);
}

size_t gc_finalizers_run(struct gc_mutator *m)
{
    if (!GC_should_invoke_finalizers())
        return 0;
    finalizing = m;
    return (size_t)GC_invoke_finalizers();
}

/* The library drops the link where it finds the weak reference itself dead. */
struct gc_weak *gc_weak_new(struct gc_mutator *m, void *target)
{
    (void)m;
    struct gc_weak *weak = GC_malloc_kind(sizeof *weak, GC_I_PTRFREE);
    weak->target = target;
    weak->unused = 0;
    if (target && GC_general_register_disappearing_link(&weak->target, target) == GC_NO_MEMORY)
        out_of_memory(sizeof *weak);
    gc_keep(target);
    return weak;
}

static int roots_add(void *low, void *high)
{
    GC_add_roots(low, high);
    return 0;
}

static void roots_remove(void *low, void *high)
{
    GC_remove_roots(low, high);
}

/* Sweeping stays lazy: the library has no call that finishes it. */
static void collect(struct gc_mutator *m)
{
    (void)m;
    GC_gcollect();
}

static void GC_CALLBACK add_reachable(void *object, size_t bytes, void *data)
{
    (void)object;
    *(uint64_t *)data += bytes;
}

/* Mark bits stay as the last collection left them, so what it found alive can be added up later, by
 * a walk over the heap that takes about 10 ms per GiB; but not while the next one sets them in
 * increments. Free objects in the threads' own lists count, since the library marks them
 * (mark_rts.c, GC_mark_thread_local_free_lists): some 100 KB per thread at most. */
static void *GC_CALLBACK fill_stats(void *data)
{
    struct gc_stats *stats = data;
    uint64_t live_bytes = 0;
    note_peak();
    if (cycle.stops_count == 0)
        GC_enumerate_reachable_objects_inner(add_reachable, &live_bytes);
    else
        live_bytes = GC_UNKNOWN;
    *stats = (struct gc_stats){
        .gc_count = GC_get_gc_no() - first_gc_no,
        .gc_full_count = full_count,
        .heap_bytes = held_bytes(),
        .heap_peak_bytes = heap_peak_bytes,
        .live_bytes = live_bytes,
        .allocated_bytes = GC_UNKNOWN, /* counted when a thread's free list is filled */
        .allocated_count = GC_UNKNOWN,
        .marked_count = GC_UNKNOWN,
        .marked_bytes = GC_UNKNOWN,
    };
    return NULL;
}

static void stats(struct gc_stats *stats)
{
    GC_call_with_alloc_lock(fill_stats, stats);
}

static void *GC_CALLBACK fill_peak(void *data)
{
    (void)data;
    heap_peak_bytes = held_bytes();
    return NULL;
}

static void reset_peak(void)
{
    GC_call_with_alloc_lock(fill_peak, NULL);
}

static int metric(size_t index, struct gc_metric *metric)
{
    struct GC_prof_stats_s s;
    GC_get_prof_stats(&s, sizeof s);
    switch (index) {
    case 0:
        *metric = (struct gc_metric){"boehm_markers_count", "count", "none",
                                     (double)(s.markers_m1 + 1), 0};
        return 1;
    case 1:
        /* What the heap limit does not count. */
        *metric = (struct gc_metric){"boehm_tables_bytes", "bytes", "lower",
                                     (double)(s.obtained_from_os_bytes - s.heapsize_full), 0};
        return 1;
    case 2:
        *metric = (struct gc_metric){"boehm_unmapped_bytes", "bytes", "none",
                                     (double)s.unmapped_bytes, 0};
        return 1;
    case 3:
        /* As far as sweeping has come: it goes on as memory is allocated. */
        *metric = (struct gc_metric){
            "boehm_reclaimed_bytes", "bytes", "lower",
            (double)(s.reclaimed_bytes_before_gc + s.bytes_reclaimed_since_gc), 1};
        return 1;
    default:
        return 0;
    }
}

static const char *pause_source(void)
{
    return source == SOURCE_STOP ? NULL : source == SOURCE_MARK ? "mark" : "";
}

const struct gc_backend gc_backend = {
    .name = "boehm",
    .summary = "the Boehm-Demers-Weiser conservative collector, libgc",
    .facts =
        {
            .allocation = "called; the library's thread-local free lists",
#ifdef GC_FLAVOUR_TYPED
            .scanning = "typed in the heap where descriptors can say it, else conservative; leaf "
                        "objects not scanned",
#else
            .scanning = "conservative everywhere; leaf objects not scanned",
#endif
            .interior = "from everywhere; with interior=0 from stacks and registers only",
            .zeroing = "all objects but leaf ones, by the library",
            .markers = "threads by the option markers; 0: one per processor, up to 16",
            .initial_heap = "the library's, or the option initial_heap",
            .limit = "GC_set_max_heap_size: the heap; the library's tables come on top "
                     "(boehm_tables_bytes)",
        },
    .reclaim = GC_RECLAIM_TRACING,
    .capabilities =
        GC_CAN_LIMIT_HEAP | GC_CAN_COLLECT | GC_CAN_THREADS | GC_CAN_FINALIZE | GC_CAN_WEAK,
    .needs = GC_NEEDS_ROOTS,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .version = version,
    .header_version = header_version,
    .library_symbol = __extension__(const void *) GC_get_version,
    .init = init,
    .attach = attach,
    .detach = detach,
    .enter_blocked = blocked_nothing,
    .leave_blocked = blocked_nothing,
    .type_register = type_register,
    .roots_add = roots_add,
    .roots_remove = roots_remove,
    .collect = collect,
    .stats = stats,
    .reset_peak = reset_peak,
    .metric = metric,
    .pause_source = pause_source,
};
