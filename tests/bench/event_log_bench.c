/* event_log_bench.c: prints what recording a stop costs, as CSV. */
#include <inttypes.h>
#include <stdio.h>

#include "bench/event_log_cost.h"

int main(void)
{
    static const uint64_t counts[] = {100, 10000, 1000000, 10000000};
    puts("stops_count,file_ns,memory_ns");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        printf("%" PRIu64 ",%.1f,%.1f\n", counts[i], event_log_cost_ns(true, counts[i]),
               event_log_cost_ns(false, counts[i]));
    return 0;
}
