/* startup: from the start of the process to its first object, and memory after it.
 *
 * Stands for short programs: command-line tools, workers that serve one request, functions that are
 * started on demand. What they pay a memory manager for is mostly that it starts: loading and
 * initialising its library, reserving and mapping a heap, making tables, starting threads for
 * marking or sweeping; and then the memory that it occupies before the program has any.
 *
 * setup allocates the first object of the process, of `bytes` bytes, writes all of it and keeps it
 * to the end. Two figures tell what came before: `startup_cpu_ns` in metrics.csv, the CPU time of
 * the process from its start, loading included, until the first object is there, with the work of
 * all threads; and init_ns, the wall time of the backend's own start, which does not include what a
 * library does when it is loaded or when it is first asked for memory. The memory of such a process
 * is rss_peak_bytes, and heap_peak_bytes where the backend knows it. Both have a part that is the
 * harness's own and the same everywhere: compare with the backend that does least.
 *
 * An iteration checks the first object and allocates, checks and drops 256 of 16 bytes one by one,
 * so that memory is that of a process which has allocated a little, and a collector has been
 * through its first collection (the one before the measured part). Its wall time is of no interest.
 *
 * Stresses: initialisation. Does not stress: anything else.
 *
 * Live set: bytes + 16.
 *
 * A good memory manager maps little and starts nothing before it is needed. A bad one clears tables
 * or a heap, scans the environment, or touches pages that a small program never uses.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { BYTES };

static const struct workload_param params[] = {
    [BYTES] = {"bytes", "bytes", 64, 8, UINT64_C(1) << 36, "size of the first object"},
};

#define WORD_BYTES 8
/* Words handled between two safepoints. */
#define CHUNK_WORDS 1024
/* Small objects, all of which make one operation. */
#define SMALL_OBJECTS 256

struct small {
    uint64_t number;
    uint64_t mixed;
};

static struct gc_type first_type = GC_TYPE_LEAF("first object");
static struct gc_type small_type = GC_TYPE_RECORD(struct small, 0);

static struct gc_type *const types[] = {&first_type, &small_type, NULL};

static uint64_t live_bytes(const struct workload_run *run)
{
    return run->params[BYTES] + sizeof(struct small);
}

static uint64_t first_words(const struct workload_thread *thread)
{
    return workload_param(thread, BYTES) / WORD_BYTES;
}

static void setup(struct workload_thread *thread)
{
    uint64_t *first = gc_alloc(thread->mutator, &first_type, workload_param(thread, BYTES));
    gc_init_field(thread->run->roots[0], (void *)first);
    for (uint64_t i = 0; i < first_words(thread); i++) {
        first[i] = thread->run->seed + i;
        if (i % CHUNK_WORDS == 0)
            gc_safepoint(thread->mutator);
    }
    gc_keep(first);
}

static void teardown(struct workload_thread *thread)
{
    gc_free(thread->mutator, thread->run->roots[0], workload_param(thread, BYTES));
    gc_init_field(thread->run->roots[0], NULL);
}

static uint64_t check_first(struct workload_thread *thread)
{
    const uint64_t *first = thread->run->roots[0];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < first_words(thread); i++) {
        if (first[i] != thread->run->seed + i)
            workload_fail(thread, "startup: the first object does not hold what was written");
        sum += first[i];
        if (i % CHUNK_WORDS == 0)
            gc_safepoint(thread->mutator);
    }
    return rng_mix(sum);
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t checksum = check_first(thread);
    workload_operation_begin(thread);
    for (uint64_t i = 0; i < SMALL_OBJECTS; i++) {
        struct small *small = gc_alloc(m, &small_type, sizeof *small);
        small->number = i;
        small->mixed = rng_mix(i);
        gc_keep(small);
        if (rng_mix(small->number) != small->mixed)
            workload_fail(thread, "startup: a small object does not hold what was written");
        checksum += small->mixed;
        gc_free(m, small, sizeof *small);
    }
    workload_operation_end(thread);
    workload_allocated(thread, SMALL_OBJECTS * sizeof(struct small), SMALL_OBJECTS);
    return checksum;
}

const struct workload workload_startup = {
    .name = "startup",
    .summary = "from the start of the process to its first object, and memory after it",
    .operation = "256 objects of 16 bytes allocated, checked and dropped one by one",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TIMES_STARTUP,
    .live_bytes = live_bytes,
    .setup = setup,
    .teardown = teardown,
    .iterate = iterate,
};
