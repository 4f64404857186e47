#include "driver/cell_flags.h"

#include "driver/callgrind.h"
#include "driver/cmd.h"
#include "driver/xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

error_t cell_flags_number(const struct argp_state *state, const char *option, const char *text,
                          uint64_t min, uint64_t max, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (isdigit((unsigned char)*text) && !*end && !errno && *value >= min && *value <= max)
        return 0;
    return cmd_usage(state, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option,
                     min, max, text);
}

error_t cell_flags_unsigned(const struct argp_state *state, const char *option, const char *text,
                            unsigned min, unsigned max, unsigned *value)
{
    uint64_t number;
    error_t error = cell_flags_number(state, option, text, min, max, &number);
    if (!error)
        *value = (unsigned)number;
    return error;
}

error_t cell_flags_heap(const struct argp_state *state, const char *text, struct plan_request *plan)
{
    struct heap_setting heap;
    if (heap_setting_parse(&heap, text) || heap.kind == HEAP_TIMES_MIN ||
        (heap.kind == HEAP_BYTES && heap.bytes == 0))
        return cmd_usage(state, "--heap takes none, a size such as 64M, or 2.5xlive, not '%s'%s",
                         text, heap.kind == HEAP_TIMES_MIN ? "; see --heap-factor" : "");
    *(struct heap_setting *)xappend(&plan->heaps, &plan->heap_count, sizeof heap) = heap;
    return 0;
}

error_t cell_flags_heap_factor(const struct argp_state *state, const char *text,
                               struct plan_request *plan)
{
    struct heap_setting heap;
    char *setting = xprintf("%sxmin", text);
    int error = heap_setting_parse(&heap, setting);
    free(setting);
    if (error || heap.kind != HEAP_TIMES_MIN)
        return cmd_usage(state, "--heap-factor takes a number above 0, such as 1.5, not '%s'",
                         text);
    *(struct heap_setting *)xappend(&plan->heaps, &plan->heap_count, sizeof heap) = heap;
    return 0;
}

error_t cell_flags_threads(const struct argp_state *state, const char *text,
                           struct plan_request *plan)
{
    unsigned threads;
    error_t error = cell_flags_unsigned(state, "threads", text, 1, PLAN_THREADS_MAX, &threads);
    if (!error)
        *(unsigned *)xappend(&plan->threads, &plan->thread_count, sizeof threads) = threads;
    return error;
}

int cell_flags_valgrind(char **version)
{
    *version = callgrind_version();
    return *version ? -1
                    : cmd_fail(CMD_MISSING, "--instructions needs valgrind, which does not run "
                                            "here: apt-get install valgrind");
}

uint64_t cell_flags_fresh_seed(void)
{
    uint32_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint32_t)time(NULL);
    return seed;
}

char *cell_flags_folder(const char *parent)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    char *folder = xprintf("%s/%s", parent, stamp);
    for (unsigned n = 2; access(folder, F_OK) == 0; n++) {
        free(folder);
        folder = xprintf("%s/%s-%u", parent, stamp, n);
    }
    return folder;
}

void cell_flags_free(struct plan_request *plan)
{
    free(plan->backends);
    free(plan->workloads);
    free(plan->heaps);
    free(plan->threads);
}
