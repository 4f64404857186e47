#include "stall_log.h"

#include <errno.h>

#include "base/growable_log.h"
#include "base/mapped.h"
#include "gc_backend.h"

#define FIRST_STALLS 4096

static struct state {
    struct growable_log stalls;
    struct outcome *outcome;
} * state; /* mapped: static data may be roots for a conservative collector */

int stall_log_init(struct outcome *outcome)
{
    struct state *mapped = mapped_new(sizeof *mapped);
    if (!mapped)
        return -ENOMEM;
    mapped->outcome = outcome;
    state = mapped;
    return growable_log_init(&state->stalls, sizeof(struct stall), FIRST_STALLS);
}

void gc_stall(int64_t start_ns, int64_t duration_ns)
{
    struct stall stall = {.start_ns = start_ns, .duration_ns = duration_ns};
    if (growable_log_append(&state->stalls, &stall))
        outcome_exit(state->outcome, "oom", "no memory for the log of stalls");
}

uint64_t stall_log_count(void)
{
    return growable_log_count(&state->stalls);
}

const struct stall *stall_log_at(uint64_t index)
{
    return growable_log_at(&state->stalls, index);
}
