/* random_access.c: prints what one access to memory in random order takes on this machine, in
 * nanoseconds: the least that marking a shuffled heap of the same size can take per object. 1 GiB
 * in huge pages where there are any, the addresses known 64 accesses ahead and prefetched, as
 * marking does; the median of several passes. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/rng.h"
#include "data/statistics.h"

enum { LINE_BYTES = 64, AHEAD = 64, ACCESSES = 4000000, PASSES = 5 };
#define MEMORY_BYTES (UINT64_C(1) << 30)

static double pass_ns(char *memory, struct rng *rng)
{
    char *ahead[AHEAD];
    for (int i = 0; i < AHEAD; i++)
        ahead[i] = memory;
    int64_t start_ns = clock_now_ns();
    for (int i = 0; i < ACCESSES; i++) {
        char *next = memory + rng_below(rng, MEMORY_BYTES / LINE_BYTES) * LINE_BYTES;
        __builtin_prefetch(next, 1);
        char *line = ahead[i % AHEAD];
        ahead[i % AHEAD] = next;
        ++*(volatile char *)line;
    }
    return (double)(clock_now_ns() - start_ns) / ACCESSES;
}

int main(void)
{
    char *memory =
        mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("random_access: no memory");
        return 3;
    }
    madvise(memory, MEMORY_BYTES, MADV_HUGEPAGE);
    for (uint64_t at = 0; at < MEMORY_BYTES; at += LINE_BYTES)
        memory[at] = 1;
    struct rng rng;
    rng_seed(&rng, 1, 0);
    double passes[PASSES];
    for (int i = 0; i < PASSES; i++)
        passes[i] = pass_ns(memory, &rng);
    statistics_sort(passes, PASSES);
    printf("%.1f\n", statistics_median(passes, PASSES));
    return 0;
}
