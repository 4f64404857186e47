/* beside.h: two processes that take turns on one processor, for the ratio of their CPU times.
 *
 * What else a machine is doing makes the same code take up to twice as long, for seconds at a time.
 * Processes that run one after another meet it by chance. Two that are started together on one
 * processor get it in turns of a few milliseconds from the scheduler, so that both meet the same:
 * on a busy virtual machine the ratio of two processes of one build varied by 1 % instead of 14 %.
 *
 * What it does not tell: wall time, latency and the length of stops, which are those of a process
 * that waits for its turn. What draws it towards 1, never away: each finds the caches as the other
 * left them; the slower one goes on alone when the other has ended. Threads of a process share the
 * one processor too, so that a collector that sizes itself by processors sees one. */
#ifndef DRIVER_BESIDE_H
#define DRIVER_BESIDE_H

#include "driver/invocation.h"

/* How one of the two is run. Its options name no processors. */
struct beside_process {
    const struct plan_cell *cell;
    size_t padding_bytes;
    const struct invocation_options *options;
};

/* Runs `own` and `other` at the same time on one of the processors that this process may use:
 * number `turn` of them, counting round. Each may have half of the memory that its options allow
 * and takes twice their time. The result is that of `own`, with the checksum, beside_cpu_ratio
 * (unless either took no CPU time that the system counts) and beside_pause_cpu_ratio (where both
 * had stops) as its only metrics. Where `other` fails it is a failure of `own` that says so. To be
 * freed by invocation_result_free(). */
void beside_run(struct invocation_result *result, const struct beside_process *own,
                const struct beside_process *other, unsigned turn);

#endif
