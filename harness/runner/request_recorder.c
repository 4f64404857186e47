#include "request_recorder.h"

#include <errno.h>

#include "base/mapped.h"

/* Backed from the start: 64 KiB. The rest is mapped in the warm-up, if there is one. */
#define FIRST_REQUESTS 4096
#define CLAIM_REQUESTS 256 /* a page */

struct request_recorder *request_recorder_new(uint64_t iterations_count, bool open,
                                              struct outcome *outcome)
{
    struct request_recorder *recorder = mapped_new(sizeof *recorder);
    if (!recorder)
        return NULL;
    recorder->outcome = outcome;
    recorder->ends = mapped_new(iterations_count * sizeof *recorder->ends);
    if (!recorder->ends)
        return NULL;
    if (open) {
        recorder->open = histogram_new();
        if (!recorder->open)
            return NULL;
    }
    int error = growable_log_init(&recorder->log, sizeof(struct request), FIRST_REQUESTS);
    if (!error)
        return recorder;
    errno = -error;
    return NULL;
}

void request_recorder_reset(struct request_recorder *recorder)
{
    recorder->next = recorder->end = NULL;
    growable_log_clear(&recorder->log);
    if (recorder->open)
        histogram_reset(recorder->open);
    recorder->spin_ns = 0;
}

void request_recorder_claim(struct request_recorder *recorder)
{
    uint64_t count;
    recorder->next = growable_log_claim(&recorder->log, CLAIM_REQUESTS, &count);
    if (!recorder->next)
        outcome_exit(recorder->outcome, "oom", "no memory for the log of requests");
    recorder->end = recorder->next + count;
}

void request_recorder_settle(struct request_recorder *recorder)
{
    growable_log_unclaim(&recorder->log, (uint64_t)(recorder->end - recorder->next));
    recorder->end = recorder->next;
}
