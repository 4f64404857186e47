/* nothing: the harness's own cost.
 *
 * Stands for no program: each operation is empty, so its latency is that of recording an operation,
 * and the wall time is that of the loop round it, both to be held against figures of other
 * workloads.
 *
 * Stresses: the clock and the recorder. Does not stress: any memory manager.
 *
 * Live set: none, since it allocates nothing.
 *
 * A good backend is not seen here at all. A bad one shows by threads of its own that take processor
 * time while the program asks for nothing.
 */
#include "gc.h"
#include "workload.h"

enum { OPERATIONS };

static const struct workload_param params[] = {
    [OPERATIONS] = {"operations", "count", 1000000, 1, UINT64_C(1000000000),
                    "empty operations per iteration, all threads together"},
};

static uint64_t live_bytes(const struct workload_run *run)
{
    (void)run;
    return 0;
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end;
    uint64_t checksum = 0;
    workload_share(thread, workload_param(thread, OPERATIONS), &first, &end);
    for (uint64_t i = first; i < end; i++) {
        checksum += i;
        gc_safepoint(thread->mutator);
        workload_operation_end(thread);
    }
    return checksum;
}

static struct gc_type *const types[] = {NULL};

const struct workload workload_nothing = {
    .name = "nothing",
    .summary = "empty operations: what the harness itself costs",
    .operation = "nothing at all",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .iterate = iterate,
};
